{{/* Names, labels and the parts that both Deployments share. A component is passed as (dict "root" $ "component" "proxy"). */}}

{{- define "lambdaroute.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 40 | trimSuffix "-" -}}
{{- end -}}

{{- define "lambdaroute.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 40 | trimSuffix "-" -}}
{{- else -}}
{{- $name := include "lambdaroute.name" . -}}
{{- if contains $name .Release.Name -}}
{{- .Release.Name | trunc 40 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name $name | trunc 40 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{- define "lambdaroute.componentName" -}}
{{- printf "%s-%s" (include "lambdaroute.fullname" .root) .component -}}
{{- end -}}

{{- define "lambdaroute.serviceAccountName" -}}
{{- $account := (index .root.Values .component).serviceAccount -}}
{{- if $account.name -}}
{{- $account.name -}}
{{- else if $account.create -}}
{{- include "lambdaroute.componentName" . -}}
{{- else -}}
{{- fail (printf "%s.serviceAccount.create is false: set %s.serviceAccount.name to the ServiceAccount to use" .component .component) -}}
{{- end -}}
{{- end -}}

{{- define "lambdaroute.selectorLabels" -}}
app.kubernetes.io/name: {{ include "lambdaroute.name" .root }}
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .component }}
{{- end -}}

{{- define "lambdaroute.commonLabels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
app.kubernetes.io/part-of: lambdaroute
{{- with .Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{- define "lambdaroute.labels" -}}
{{ include "lambdaroute.selectorLabels" . }}
{{ include "lambdaroute.commonLabels" .root }}
{{- end -}}

{{- define "lambdaroute.image" -}}
{{- $image := (index .root.Values .component).image -}}
{{- $name := $image.repository -}}
{{- if $image.registry -}}
{{- $name = printf "%s/%s" $image.registry $image.repository -}}
{{- end -}}
{{- if $image.digest -}}
{{- printf "%s@%s" $name $image.digest -}}
{{- else -}}
{{- printf "%s:%s" $name (default .root.Chart.AppVersion $image.tag) -}}
{{- end -}}
{{- end -}}

{{/* The ports of routes, judged: the schema sees their digits alone. */}}
{{- define "lambdaroute.portRange" -}}
{{- $ends := splitList "-" .Values.portRange -}}
{{- $first := int (first $ends) -}}
{{- $last := int (last $ends) -}}
{{- if or (lt $first 1024) (gt $last 65535) (gt $first $last) -}}
{{- fail (printf "portRange %s must be FIRST-LAST, both between 1024 and 65535 and FIRST not above LAST, such as 10000-29999" .Values.portRange) -}}
{{- end -}}
{{- range list 8080 9443 -}}
{{- if and (le $first .) (ge $last .) -}}
{{- fail (printf "portRange %s holds %d, which the Pods themselves listen on: choose one without 8080 and 9443, such as 10000-29999" $.Values.portRange .) -}}
{{- end -}}
{{- end -}}
{{- .Values.portRange -}}
{{- end -}}

{{/* What the controller keeps beside its Deployment, which owns it. The proxy mounts the CA. */}}
{{- define "lambdaroute.certificateSecret" -}}{{ include "lambdaroute.fullname" . }}-route-table{{- end -}}
{{- define "lambdaroute.caConfigMap" -}}{{ include "lambdaroute.fullname" . }}-ca{{- end -}}
{{- define "lambdaroute.portsConfigMap" -}}{{ include "lambdaroute.fullname" . }}-ports{{- end -}}
{{- define "lambdaroute.lease" -}}{{ include "lambdaroute.fullname" . }}-controller{{- end -}}

{{/* Where Pods of a component may and should run. */}}
{{- define "lambdaroute.scheduling" -}}
{{- $values := index .root.Values .component -}}
{{- with .root.Values.imagePullSecrets }}
imagePullSecrets:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $values.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- with $values.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $values.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $values.affinity }}
affinity:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- if $values.topologySpreadConstraints }}
topologySpreadConstraints:
  {{- range $values.topologySpreadConstraints }}
  - {{ toYaml . | nindent 4 | trim }}
    matchLabelKeys: [pod-template-hash]
    labelSelector:
      matchLabels:
        {{- include "lambdaroute.selectorLabels" $ | nindent 8 }}
  {{- end }}
{{- end }}
{{- end -}}

{{/* Environment that both binaries read. */}}
{{- define "lambdaroute.env" -}}
- name: POD_NAME
  valueFrom: {fieldRef: {fieldPath: metadata.name}}
- name: POD_NAMESPACE
  valueFrom: {fieldRef: {fieldPath: metadata.namespace}}
{{- with .root.Values.aws.region }}
- name: AWS_REGION
  value: {{ . | quote }}
{{- end }}
{{- with (index .root.Values .component).extraEnv }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{/* An address as it stands before a port. */}}
{{- define "lambdaroute.host" -}}
{{- ternary (printf "[%s]" .) . (contains ":" .) -}}
{{- end -}}
