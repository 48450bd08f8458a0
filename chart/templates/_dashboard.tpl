{{/* Grafana's JSON of files/dashboard.yaml. */}}
{{- define "lastcall.dashboard" -}}
{{- $short := .Files.Get "files/dashboard.yaml" | fromYaml -}}
{{- $source := dict "type" "prometheus" "uid" "${datasource}" -}}
{{- $selector := `namespace=~"$namespace", job=~"$job", pod=~"$pod"` -}}

{{- $panels := list -}}
{{- $y := 0 -}}
{{- range $row := $short.rows -}}
{{-   $height := default 8 $row.height | int -}}
{{-   $at := dict "x" 0 "y" $y "w" 24 "h" 1 -}}
{{-   $panels = append $panels (dict "id" (len $panels | add 1) "type" "row" "title" $row.title "gridPos" $at "collapsed" false "panels" list) -}}
{{-   $y = add $y 1 -}}
{{-   $x := 0 -}}
{{-   range $given := $row.panels -}}
{{-     $width := default 8 $given.width | int -}}
{{-     if gt (add $x $width) 24 -}}
{{-       $x = 0 -}}
{{-       $y = add $y $height -}}
{{-     end -}}
{{-     $panel := get $short.kinds $given.kind | deepCopy -}}
{{-     $_ := set $panel "id" (len $panels | add 1) -}}
{{-     $_ := set $panel "title" $given.title -}}
{{-     $_ := set $panel "description" (default "" $given.description) -}}
{{-     $_ := set $panel "gridPos" (dict "x" $x "y" $y "w" $width "h" $height) -}}
{{-     $_ := set $panel "datasource" $source -}}
{{-     $_ := set $panel.fieldConfig.defaults "unit" (default "short" $given.unit) -}}
{{-     $_ := set $panel.fieldConfig "overrides" (default list $panel.fieldConfig.overrides) -}}
{{-     with $given.interval -}}
{{-       $_ := set $panel "interval" . -}}
{{-     end -}}
{{-     $targets := list -}}
{{-     range $i, $query := $given.queries -}}
{{-       $instant := default false $query.instant -}}
{{-       $target := dict "refId" (printf "%c" (add 65 $i)) "datasource" $source "expr" ($query.expr | replace "$selector" $selector) -}}
{{-       $targets = append $targets (mergeOverwrite $target (dict "legendFormat" (default "" $query.legend) "instant" $instant "range" (not $instant))) -}}
{{-     end -}}
{{-     $panels = append $panels (set $panel "targets" $targets) -}}
{{-     $x = add $x $width -}}
{{-   end -}}
{{-   $y = add $y $height -}}
{{- end -}}

{{- $variables := list (dict "name" "datasource" "type" "datasource" "query" "prometheus" "label" "Data source") -}}
{{- $narrower := list "namespace" "lastcall_build_info" -}}
{{- $narrower = concat $narrower (list "job" `lastcall_build_info{namespace=~"$namespace"}`) -}}
{{- $narrower = concat $narrower (list "pod" `lastcall_build_info{namespace=~"$namespace", job=~"$job"}`) -}}
{{- range $pair := chunk 2 $narrower -}}
{{-   $name := index $pair 0 -}}
{{-   $query := printf "label_values(%s, %s)" (index $pair 1) $name -}}
{{-   $variable := dict "name" $name "type" "query" "datasource" $source "definition" $query "query" $query -}}
{{-   $variables = append $variables (mergeOverwrite $variable (dict "label" (title $name) "refresh" 2 "sort" 1 "multi" true "includeAll" true "allValue" ".*" "current" (dict "text" (list "All") "value" (list "$__all")))) -}}
{{- end -}}

{{- $mark := $short.annotation -}}
{{- $annotation := dict "name" $mark.name "datasource" $source "enable" true "expr" ($mark.expr | replace "$selector" $selector) "iconColor" "orange" "step" "30s" "titleFormat" $mark.name "textFormat" $mark.text -}}

{{- $dashboard := dict "uid" "lastcall" "title" "lastcall" "tags" (list "lastcall") "schemaVersion" 39 "version" 1 "editable" true "graphTooltip" 1 "refresh" "30s" "timezone" "browser" -}}
{{- $_ := set $dashboard "time" (dict "from" "now-1h" "to" "now") -}}
{{- $_ := set $dashboard "annotations" (dict "list" (list $annotation)) -}}
{{- $_ := set $dashboard "templating" (dict "list" $variables) -}}
{{- $_ := set $dashboard "panels" $panels -}}
{{- toPrettyJson $dashboard -}}
{{- end }}
