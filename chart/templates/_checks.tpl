{{/* What the schema cannot say: each message names the value, its bound, and what it got. */}}
{{- define "lastcall.check" -}}
{{- $b := include "lastcall.budget" . | fromJson -}}
{{- include "lastcall.checkJournal" . -}}
{{- include "lastcall.checkDisruption" . -}}
{{- include "lastcall.checkMonitor" . -}}

{{- $ready := .Values.probes.readiness -}}
{{- $late := int $b.unreadySeconds -}}
{{- if and (gt (int $b.endpointRemovalMaxSeconds) 0) (gt $late (int $b.endpointRemovalMaxSeconds)) -}}
{{-   fail (printf "\nprobes.readiness: periodSeconds x failureThreshold at most %d (shutdown.endpointRemovalMaxSeconds), got %d x %d = %d" (int $b.endpointRemovalMaxSeconds) (int $ready.periodSeconds) (int $ready.failureThreshold) $late) -}}
{{- end -}}

{{- $deadline := int .Values.progressDeadlineSeconds -}}
{{- $minReady := include "lastcall.minReadySeconds" . | int -}}
{{- if le $deadline $minReady -}}
{{-   fail (printf "\nprogressDeadlineSeconds: more than %d (minReadySeconds), got %d" $minReady $deadline) -}}
{{- end -}}

{{- $s := .Values.strategy -}}
{{- if and (eq $s.type "RollingUpdate") (has (toString $s.maxUnavailable) (list "0" "0%")) (has (toString $s.maxSurge) (list "0" "0%")) -}}
{{-   fail "\nstrategy: maxSurge or maxUnavailable more than 0, got 0 for both: no pod could ever be replaced" -}}
{{- end -}}

{{- $a := .Values.autoscaling -}}
{{- if $a.enabled -}}
{{-   if gt (int $a.minReplicas) (int $a.maxReplicas) -}}
{{-     fail (printf "\nautoscaling.minReplicas: at most %d (autoscaling.maxReplicas), got %d" (int $a.maxReplicas) (int $a.minReplicas)) -}}
{{-   end -}}
{{-   if and (kindIs "invalid" $a.targetCPUUtilizationPercentage) (empty $a.metrics) -}}
{{-     fail "\nautoscaling: targetCPUUtilizationPercentage or metrics, got neither" -}}
{{-   end -}}
{{- end -}}

{{- if and (not (kindIs "invalid" .Values.adminPort)) (eq (int .Values.adminPort) (int .Values.port)) -}}
{{-   fail (printf "\nadminPort: another one than port (%d), got %d" (int .Values.port) (int .Values.adminPort)) -}}
{{- end -}}
{{- if and .Values.kong.enabled (not (kindIs "invalid" .Values.adminPort)) -}}
{{-   fail (printf "\nadminPort: null with kong.enabled, whose active checks ask for /ready on the service's port; got %d" (int .Values.adminPort)) -}}
{{- end -}}
{{- if and (eq .Values.service.externalTrafficPolicy "Local") (eq .Values.service.type "ClusterIP") -}}
{{-   fail "\nservice.externalTrafficPolicy: Local needs service.type NodePort or LoadBalancer, got ClusterIP" -}}
{{- end -}}
{{- if and (not (kindIs "invalid" .Values.service.nodePort)) (eq .Values.service.type "ClusterIP") -}}
{{-   fail (printf "\nservice.nodePort: null with service.type ClusterIP, got %d" (int .Values.service.nodePort)) -}}
{{- end -}}
{{- if and (not (kindIs "invalid" .Values.service.trafficDistribution)) (semverCompare "<1.31.0-0" .Capabilities.KubeVersion.Version) -}}
{{-   fail (printf "\nservice.trafficDistribution: null before Kubernetes 1.31, got %s on %s" .Values.service.trafficDistribution .Capabilities.KubeVersion.Version) -}}
{{- end -}}
{{- if and (hasPrefix "PreferSame" (default "" .Values.service.trafficDistribution)) (semverCompare "<1.34.0-0" .Capabilities.KubeVersion.Version) -}}
{{-   fail (printf "\nservice.trafficDistribution: PreferClose before Kubernetes 1.34, got %s on %s" .Values.service.trafficDistribution .Capabilities.KubeVersion.Version) -}}
{{- end -}}
{{- $own := printf "%s\n%s\n%s" (include "lastcall.budgetEnv" .) (include "lastcall.listenEnv" .) (include "lastcall.journalEnv" .) -}}
{{- range .Values.extraEnv -}}
{{-   if contains (printf "- name: %s\n" .name) $own -}}
{{-     fail (printf "\nextraEnv: none that other values set (shutdown, port, tls, journal), got %s" .name) -}}
{{-   end -}}
{{- end -}}
{{- if and .Values.ingress.enabled (empty .Values.ingress.hosts) -}}
{{-   fail "\ningress.hosts: at least one with ingress.enabled, got none" -}}
{{- end -}}
{{- if and .Values.httpRoute.enabled (empty .Values.httpRoute.parentRefs) -}}
{{-   fail "\nhttpRoute.parentRefs: at least one with httpRoute.enabled, got none" -}}
{{- end -}}
{{- if and .Values.httpRoute.enabled .Values.gke.gateway (not (has .Values.httpRoute.requestTimeout (list "" "0s"))) -}}
{{-   fail (printf "\nhttpRoute.requestTimeout: 0s or empty with gke.gateway, which accepts no route that has one (its limit is gke.timeoutSeconds); got %s" .Values.httpRoute.requestTimeout) -}}
{{- end -}}
{{- end }}

{{- define "lastcall.checkJournal" -}}
{{- $chosen := list -}}
{{- if .Values.valkey.enabled }}{{ $chosen = append $chosen "valkey.enabled" }}{{ end -}}
{{- if .Values.journal.existingSecret }}{{ $chosen = append $chosen "journal.existingSecret" }}{{ end -}}
{{- if .Values.journal.url }}{{ $chosen = append $chosen "journal.url" }}{{ end -}}
{{- if ne (len $chosen) 1 -}}
{{-   fail (printf "\njournal: exactly one of valkey.enabled, journal.existingSecret and journal.url, got %s" (default "none" (join " and " $chosen))) -}}
{{- end -}}
{{- $kind := include "lastcall.journalKind" . -}}
{{- if has $kind (list "lmdb" "memory") -}}
{{-   $max := include "lastcall.maxReplicas" . | int -}}
{{-   if gt $max 1 -}}
{{-     fail (printf "\njournal.url: %s is of one pod only: %s at most 1, got %d" .Values.journal.url (ternary "autoscaling.maxReplicas" "replicaCount" .Values.autoscaling.enabled) $max) -}}
{{-   end -}}
{{-   if ne .Values.strategy.type "Recreate" -}}
{{-     fail (printf "\njournal.url: %s is of one pod only, and a rollout would run two: strategy.type Recreate, got %s" .Values.journal.url .Values.strategy.type) -}}
{{-   end -}}
{{- end -}}
{{- if and (eq $kind "lmdb") (not (regexMatch "^lmdb:/data(/|$)" .Values.journal.url)) -}}
{{-   fail (printf "\njournal.url: lmdb:/data or a folder below, where the volume is, got %s" .Values.journal.url) -}}
{{- end -}}
{{- end }}

{{- define "lastcall.checkDisruption" -}}
{{- $p := .Values.podDisruptionBudget -}}
{{- $min := include "lastcall.minReplicas" . | int -}}
{{- if $p.enabled -}}
{{-   $none := and (kindIs "invalid" $p.maxUnavailable) (kindIs "invalid" $p.minAvailable) -}}
{{-   if or $none (and (not (kindIs "invalid" $p.maxUnavailable)) (not (kindIs "invalid" $p.minAvailable))) -}}
{{-     fail (printf "\npodDisruptionBudget: exactly one of maxUnavailable and minAvailable, got %s" (ternary "neither" "both" $none)) -}}
{{-   end -}}
{{-   if has (toString $p.maxUnavailable) (list "0" "0%") -}}
{{-     fail (printf "\npodDisruptionBudget.maxUnavailable: at least 1, or no node could ever be drained, got %s" (toString $p.maxUnavailable)) -}}
{{-   end -}}
{{-   $kept := int (trimSuffix "%" (toString (default 0 $p.minAvailable))) -}}
{{- /* A percentage is rounded up, as Kubernetes does it. */ -}}
{{-   if kindIs "string" $p.minAvailable -}}
{{-     $kept = div (add (mul $kept $min) 99) 100 | int -}}
{{-   end -}}
{{-   if and (gt $min 0) (ge $kept $min) -}}
{{-     fail (printf "\npodDisruptionBudget.minAvailable: less than %d pods (%s), or no node could ever be drained, got %v, which is %d" $min (ternary "autoscaling.minReplicas" "replicaCount" .Values.autoscaling.enabled) $p.minAvailable $kept) -}}
{{-   end -}}
{{- end -}}
{{- end }}
