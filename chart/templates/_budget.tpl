{{/* The numbers of the drain, as JSON: shutdown's own, else the profile's, with what follows from them. */}}
{{- define "lastcall.budget" -}}
{{- $profile := get (.Files.Get "files/profiles.yaml" | fromYaml) .Values.profile -}}
{{- $b := dict -}}
{{- range $name, $preset := $profile.shutdown -}}
{{-   $given := index $.Values.shutdown $name -}}
{{-   $_ := set $b $name (int (ternary $preset $given (kindIs "invalid" $given))) -}}
{{- end -}}
{{- $limit := dig "graceLimit" "seconds" 0 $profile -}}
{{- $_ := set $b "windowSeconds" (max 0 (sub $b.endpointRemovalMaxSeconds $b.preStopSeconds)) -}}
{{- /* A restart by a failed liveness probe deletes nothing: the endpoint goes when the readiness probe has failed, and that begins with SIGTERM, after preStop. */ -}}
{{- $_ := set $b "unreadySeconds" (mul .Values.probes.readiness.periodSeconds .Values.probes.readiness.failureThreshold) -}}
{{- $restarted := add $b.preStopSeconds $b.unreadySeconds $b.endpointRemovalSeconds -}}
{{- $_ := set $b "goneSeconds" (max $b.endpointRemovalSeconds (min $b.endpointRemovalMaxSeconds $restarted)) -}}
{{- $firm := add $b.windowSeconds $b.finishSeconds $b.staggerSeconds $b.closeSeconds $b.requestsSeconds $b.releaseSeconds -}}
{{- if and .Values.monitor.enabled (kindIs "invalid" .Values.shutdown.lingerSeconds) -}}
{{-   $linger := include "lastcall.scrapeSeconds" . | int -}}
{{-   $room := sub $limit (add $b.preStopSeconds $firm $b.marginSeconds) | max 0 -}}
{{-   $_ := set $b "lingerSeconds" (max $b.lingerSeconds (ternary (min $linger $room) $linger (gt (int $limit) 0))) -}}
{{- end -}}
{{- $_ := set $b "neededSeconds" (add $firm $b.lingerSeconds) -}}
{{- $least := add $b.preStopSeconds (max 1 $b.neededSeconds) $b.marginSeconds -}}
{{- $given := .Values.shutdown.terminationGracePeriodSeconds -}}
{{- $_ := set $b "graceSeconds" (int (ternary $least $given (kindIs "invalid" $given))) -}}
{{- $_ := set $b "timeoutSeconds" (sub $b.graceSeconds (add $b.preStopSeconds $b.marginSeconds)) -}}
{{- $_ := set $b "nodeTargets" (or (dig "nodeTargets" false $profile) (eq .Values.service.externalTrafficPolicy "Local")) -}}
{{- $_ := set $b "for" $profile.for -}}
{{- $_ := set $b "removal" $profile.removal -}}
{{- include "lastcall.checkBudget" (dict "root" $ "b" $b "least" $least "limit" $limit) -}}
{{- toJson $b -}}
{{- end }}

{{- define "lastcall.checkBudget" -}}
{{- $values := .root.Values -}}
{{- $b := .b -}}
{{- if lt (int $b.graceSeconds) (int .least) -}}
{{-   fail (printf "\nshutdown.terminationGracePeriodSeconds: at least %d, the sum of the drain, got %d\n%s" (int .least) (int $b.graceSeconds) (include "lastcall.sum" $b)) -}}
{{- end -}}
{{- if gt (int $b.timeoutSeconds) 3600 -}}
{{-   fail (printf "\nshutdown: the phases at most 3600 s (GRACEFUL_SHUTDOWN_TIMEOUT), got %d\n%s" (int $b.timeoutSeconds) (include "lastcall.sum" $b)) -}}
{{- end -}}
{{- if and (gt (int .limit) 0) (gt (int $b.graceSeconds) (int .limit)) -}}
{{-   fail (printf "\nshutdown: profile %s gives a pod at most %d s, the sum of the drain is %d\n%s" $values.profile (int .limit) (int $b.graceSeconds) (include "lastcall.sum" $b)) -}}
{{- end -}}
{{- if and (gt (int $b.endpointRemovalMaxSeconds) 0) (gt (int $b.endpointRemovalSeconds) (int $b.endpointRemovalMaxSeconds)) -}}
{{-   fail (printf "\nshutdown.endpointRemovalSeconds: at most %d (shutdown.endpointRemovalMaxSeconds), got %d" (int $b.endpointRemovalMaxSeconds) (int $b.endpointRemovalSeconds)) -}}
{{- end -}}
{{- if and $b.nodeTargets (lt (int $b.preStopSeconds) (int $b.endpointRemovalSeconds)) -}}
{{-   $because := ternary "service.externalTrafficPolicy is Local" (printf "profile %s sends to nodes" $values.profile) (eq $values.service.externalTrafficPolicy "Local") -}}
{{-   fail (printf "\nshutdown.preStopSeconds: at least %d (shutdown.endpointRemovalSeconds), because %s, and the last pod of a node is a black hole as soon as it is not ready; got %d" (int $b.endpointRemovalSeconds) $because (int $b.preStopSeconds)) -}}
{{- end -}}
{{- end }}

{{/* The itemised sum of a budget. */}}
{{- define "lastcall.sum" -}}
{{- range $line := list
  (list .preStopSeconds "preStop" "shutdown.preStopSeconds")
  (list .windowSeconds "window" "shutdown.endpointRemovalMaxSeconds - shutdown.preStopSeconds")
  (list .finishSeconds "finish" "shutdown.finishSeconds")
  (list .staggerSeconds "stagger" "shutdown.staggerSeconds")
  (list .closeSeconds "close" "shutdown.closeSeconds")
  (list .requestsSeconds "requests" "shutdown.requestsSeconds")
  (list .releaseSeconds "release" "shutdown.releaseSeconds")
  (list .lingerSeconds "linger" "shutdown.lingerSeconds")
  (list .marginSeconds "margin" "shutdown.marginSeconds") }}
{{ printf "  %-10s%4d s  %s" (index $line 1) (int (index $line 0)) (index $line 2) }}
{{- end }}
{{ printf "  %-10s%4d s" "sum" (int (add .preStopSeconds .neededSeconds .marginSeconds)) }}
{{ printf "  %-10s%4d s  terminationGracePeriodSeconds" "grace" (int .graceSeconds) }}
{{- end }}

{{/* The same numbers for the process, literally: in a ConfigMap they would outlive a rollback. */}}
{{- define "lastcall.budgetEnv" -}}
{{- $b := include "lastcall.budget" . | fromJson -}}
{{- range $pair := list
  (list "GRACEFUL_SHUTDOWN_TIMEOUT" $b.timeoutSeconds)
  (list "PRESTOP_SLEEP_SECONDS" $b.preStopSeconds)
  (list "ENDPOINT_REMOVAL_SECONDS" $b.goneSeconds)
  (list "ENDPOINT_REMOVAL_MAX_SECONDS" $b.endpointRemovalMaxSeconds)
  (list "FINISH_TIMEOUT_SECONDS" $b.finishSeconds)
  (list "DRAIN_STAGGER_SECONDS" $b.staggerSeconds)
  (list "CLOSE_TIMEOUT_SECONDS" $b.closeSeconds)
  (list "REQUESTS_TIMEOUT_SECONDS" $b.requestsSeconds)
  (list "RELEASE_TIMEOUT_SECONDS" $b.releaseSeconds)
  (list "METRICS_LINGER_SECONDS" $b.lingerSeconds) }}
- name: {{ index $pair 0 }}
  value: {{ index $pair 1 | int | quote }}
{{- end }}
{{- end }}

{{/* The native action is on by default from 1.30; before that node sleeps, because the image has no shell to count on. */}}
{{- define "lastcall.preStop" -}}
{{- $seconds := (include "lastcall.budget" . | fromJson).preStopSeconds | int -}}
{{- if semverCompare ">=1.30.0-0" .Capabilities.KubeVersion.Version -}}
sleep: { seconds: {{ $seconds }} }
{{- else -}}
exec: { command: [node, -e, "setTimeout(() => {}, {{ mul $seconds 1000 }})"] }
{{- end -}}
{{- end }}

{{/* The budget as `graceful_shutdown_budget_seconds{part}` shows it, as JSON. */}}
{{- define "lastcall.budgetParts" -}}
{{- $b := include "lastcall.budget" . | fromJson -}}
{{- dict "window" $b.windowSeconds "finish" $b.finishSeconds "stagger" $b.staggerSeconds "close" $b.closeSeconds "requests" $b.requestsSeconds "release" $b.releaseSeconds "linger" $b.lingerSeconds "total" $b.timeoutSeconds | toJson -}}
{{- end }}
