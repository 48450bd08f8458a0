{{- define "lastcall.name" -}}
{{ default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" }}
{{- end }}

{{/* Room is left for `-valkey` and what a StatefulSet appends to it. */}}
{{- define "lastcall.fullname" -}}
{{- $name := include "lastcall.name" . -}}
{{- if .Values.fullnameOverride -}}
{{ .Values.fullnameOverride | trunc 45 | trimSuffix "-" }}
{{- else if contains $name .Release.Name -}}
{{ .Release.Name | trunc 45 | trimSuffix "-" }}
{{- else -}}
{{ printf "%s-%s" .Release.Name $name | trunc 45 | trimSuffix "-" }}
{{- end -}}
{{- end }}

{{- define "lastcall.valkeyName" -}}
{{ include "lastcall.fullname" . }}-valkey
{{- end }}

{{/* (dict "root" $ "component" "server") */}}
{{- define "lastcall.selector" -}}
app.kubernetes.io/name: {{ include "lastcall.name" .root }}
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .component }}
{{- end }}

{{/* (dict "root" $ "component" "server" "more" .Values.….labels); `more` wins over the common ones. */}}
{{- define "lastcall.labels" -}}
{{ include "lastcall.selector" . }}
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
{{- with merge (dict) (default (dict) .more) .root.Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{/* Without versions: a newer chart alone restarts nothing. */}}
{{- define "lastcall.podLabels" -}}
{{ include "lastcall.selector" . }}
{{- with merge (dict) (default (dict) .more) .root.Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{/* (dict "image" .Values.image "tag" "the default") */}}
{{- define "lastcall.image" -}}
{{- if .image.digest -}}
{{ .image.repository }}@{{ .image.digest }}
{{- else -}}
{{ .image.repository }}:{{ default .tag .image.tag }}
{{- end -}}
{{- end }}

{{- define "lastcall.ownImage" -}}
{{ include "lastcall.image" (dict "image" .Values.image "tag" .Chart.AppVersion) }}
{{- end }}

{{- define "lastcall.serviceAccountName" -}}
{{ default (ternary (include "lastcall.fullname" .) "default" .Values.serviceAccount.create) .Values.serviceAccount.name }}
{{- end }}

{{/* A quantity of memory in bytes ("1Gi", "1.5G", 1024); nothing when there is none. */}}
{{- define "lastcall.bytes" -}}
{{- if not (kindIs "invalid" .) -}}
{{- $text := ternary . (printf "%.0f" (float64 .)) (kindIs "string" .) -}}
{{- $units := dict "" 1 "k" 1000 "M" 1000000 "G" 1000000000 "T" 1000000000000 "Ki" 1024 "Mi" 1048576 "Gi" 1073741824 "Ti" 1099511627776 -}}
{{- $unit := regexFind "[A-Za-z]*$" $text -}}
{{- if hasKey $units $unit -}}
{{ mulf (float64 (trimSuffix $unit $text)) (float64 (get $units $unit)) | printf "%.0f" }}
{{- end -}}
{{- end -}}
{{- end }}

{{/* Scalars as an environment has them. Not `toString`: it makes 6.7108864e+07 of a number. */}}
{{- define "lastcall.text" -}}
{{ ternary . (toJson .) (kindIs "string" .) }}
{{- end }}

{{/* Where /health, /ready and /metrics are: the admin port speaks plain HTTP always. */}}
{{- define "lastcall.probePort" -}}
{{ ternary "admin" "http" (not (kindIs "invalid" .Values.adminPort)) }}
{{- end }}

{{- define "lastcall.probeScheme" -}}
{{ ternary "HTTPS" "HTTP" (and (not (empty .Values.tls.secretName)) (kindIs "invalid" .Values.adminPort)) }}
{{- end }}

{{- define "lastcall.minReplicas" -}}
{{ ternary .Values.autoscaling.minReplicas .Values.replicaCount .Values.autoscaling.enabled | int }}
{{- end }}

{{- define "lastcall.maxReplicas" -}}
{{ ternary .Values.autoscaling.maxReplicas .Values.replicaCount .Values.autoscaling.enabled | int }}
{{- end }}

{{- define "lastcall.minReadySeconds" -}}
{{- if kindIs "invalid" .Values.minReadySeconds -}}
{{ (include "lastcall.budget" . | fromJson).endpointRemovalSeconds }}
{{- else -}}
{{ int .Values.minReadySeconds }}
{{- end -}}
{{- end }}

{{/* Where pods of this image may run. */}}
{{- define "lastcall.placement" -}}
{{- with .Values.nodeSelector }}
nodeSelector: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.tolerations }}
tolerations: {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{/* valkey, secret, or the scheme of journal.url */}}
{{- define "lastcall.journalKind" -}}
{{- if .Values.valkey.enabled -}}valkey
{{- else if .Values.journal.existingSecret -}}secret
{{- else -}}{{ regexFind "^[a-z+]+" .Values.journal.url }}
{{- end -}}
{{- end }}

{{/* (dict "root" $ "path" "/ready" "times" .Values.probes.readiness) */}}
{{- define "lastcall.probe" -}}
httpGet:
  path: {{ .path }}
  port: {{ include "lastcall.probePort" .root }}
  scheme: {{ include "lastcall.probeScheme" .root }}
{{ toYaml .times }}
{{- end }}

{{/* The release's own pods as a peer of a NetworkPolicy: its client and its test are let in, whoever else is. */}}
{{- define "lastcall.ownPods" -}}
- podSelector:
    matchLabels:
      app.kubernetes.io/name: {{ include "lastcall.name" . }}
      app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}
