{{/* What gateways read from the Service. */}}
{{- define "lastcall.serviceAnnotations" -}}
{{- $name := include "lastcall.fullname" . -}}
{{- with .Values.kong }}
{{- if .enabled }}
konghq.com/upstream-policy: {{ $name }}
konghq.com/connect-timeout: {{ int64 .connectTimeoutMs | quote }}
konghq.com/read-timeout: {{ int64 .idleTimeoutMs | quote }}
konghq.com/write-timeout: {{ int64 .idleTimeoutMs | quote }}
konghq.com/retries: {{ int .retries | quote }}
{{- if $.Values.tls.secretName }}
konghq.com/protocol: https
{{- end }}
{{- end }}
{{- end }}
{{- if .Values.gke.ingress }}
cloud.google.com/neg: '{"ingress": true}'
cloud.google.com/backend-config: '{"default": {{ $name | quote }}}'
{{- if .Values.tls.secretName }}
cloud.google.com/app-protocols: '{"http":"HTTPS"}'
{{- end }}
{{- end }}
{{- end }}

{{/* The port that answers /ready, by number, for checks that come from outside. */}}
{{- define "lastcall.checkedPort" -}}
{{ default .Values.port .Values.adminPort | int }}
{{- end }}
