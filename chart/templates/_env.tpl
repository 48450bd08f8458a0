{{- define "lastcall.listenEnv" -}}
- name: POD_NAME
  valueFrom: { fieldRef: { fieldPath: metadata.name } }
- name: PORT
  value: {{ int .Values.port | quote }}
{{- with .Values.adminPort }}
- name: ADMIN_PORT
  value: {{ int . | quote }}
{{- end }}
{{- if .Values.tls.secretName }}
- name: TLS_CERT_FILE
  value: /tls/tls.crt
- name: TLS_KEY_FILE
  value: /tls/tls.key
{{- end }}
{{- end }}

{{- define "lastcall.journalEnv" -}}
{{- $kind := include "lastcall.journalKind" . -}}
{{- $host := include "lastcall.valkeyName" . -}}
{{- if eq $kind "secret" -}}
- name: JOURNAL_URL
  valueFrom: { secretKeyRef: { name: {{ .Values.journal.existingSecret }}, key: {{ .Values.journal.existingSecretKey }} } }
{{- else if ne $kind "valkey" -}}
- name: JOURNAL_URL
  value: {{ .Values.journal.url | quote }}
{{- else if .Values.valkey.auth.existingSecret -}}
- name: VALKEY_PASSWORD
  valueFrom: { secretKeyRef: { name: {{ .Values.valkey.auth.existingSecret }}, key: {{ .Values.valkey.auth.existingSecretKey }} } }
- name: JOURNAL_URL
  value: redis://:$(VALKEY_PASSWORD)@{{ $host }}:6379
{{- else -}}
- name: JOURNAL_URL
  value: redis://{{ $host }}:6379
{{- end -}}
{{- end }}
