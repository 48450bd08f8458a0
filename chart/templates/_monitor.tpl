{{/* A duration (ms, s or m) in milliseconds. */}}
{{- define "lastcall.milliseconds" -}}
{{- $unit := regexFind "[a-z]+$" . -}}
{{- mul (trimSuffix $unit . | int) (get (dict "ms" 1 "s" 1000 "m" 60000) $unit) -}}
{{- end }}

{{/* How long the drain's figures have to wait to be scraped, s: as many intervals as scrapes are wanted, and the last one's answer. */}}
{{- define "lastcall.scrapeSeconds" -}}
{{- $m := .Values.monitor -}}
{{- $scrapes := dig "METRICS_LINGER_SCRAPES" 1 .Values.config | int -}}
{{- $ms := add (mul $scrapes (include "lastcall.milliseconds" $m.interval)) (include "lastcall.milliseconds" $m.scrapeTimeout) -}}
{{- div (add $ms 999) 1000 -}}
{{- end }}

{{- define "lastcall.checkMonitor" -}}
{{- $m := .Values.monitor -}}
{{- if gt (include "lastcall.milliseconds" $m.scrapeTimeout | int) (include "lastcall.milliseconds" $m.interval | int) -}}
{{-   fail (printf "\nmonitor.scrapeTimeout: at most %s (monitor.interval), or the operator rejects the %s; got %s" $m.interval $m.kind $m.scrapeTimeout) -}}
{{- end -}}
{{- end }}

{{- define "lastcall.monitorMetadata" -}}
name: {{ include "lastcall.fullname" . }}
namespace: {{ .Release.Namespace }}
labels: {{- include "lastcall.labels" (dict "root" $ "component" "server" "more" .Values.monitor.labels) | nindent 2 }}
{{- with .Values.monitor.annotations }}
annotations: {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{/* One endpoint, the same for both kinds. */}}
{{- define "lastcall.monitorEndpoint" -}}
{{- $m := .Values.monitor -}}
port: {{ include "lastcall.probePort" . }}
path: /metrics
interval: {{ $m.interval }}
scrapeTimeout: {{ $m.scrapeTimeout }}
{{- if eq "HTTPS" (include "lastcall.probeScheme" .) }}
scheme: https
{{- with $m.tlsConfig }}
tlsConfig: {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}
{{- with $m.relabelings }}
relabelings: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $m.metricRelabelings }}
metricRelabelings: {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}
