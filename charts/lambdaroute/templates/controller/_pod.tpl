{{/* What a controller's Pod and the one that uninstalls have in common: who they are for AWS and for Kubernetes, where they run,
and with which flags. Passed: the chart's root, or (dict "root" $ "component" "uninstall"), or (dict "root" $ "logLevel" "warn"). */}}

{{- define "lambdaroute.controllerPodMetadata" -}}
labels:
  {{- include "lambdaroute.selectorLabels" . | nindent 2 }}
  {{- with mergeOverwrite (dict "app.kubernetes.io/part-of" "lambdaroute") .root.Values.commonLabels .root.Values.controller.podLabels }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
annotations:
  kubectl.kubernetes.io/default-container: controller
  {{- with .root.Values.controller.podAnnotations }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- end -}}

{{- define "lambdaroute.controllerPodSpec" -}}
{{- $me := dict "root" . "component" "controller" -}}
serviceAccountName: {{ include "lambdaroute.serviceAccountName" $me }}
automountServiceAccountToken: true
terminationGracePeriodSeconds: {{ .Values.controller.terminationGracePeriodSeconds }}
securityContext:
  {{- toYaml .Values.controller.podSecurityContext | nindent 2 }}
{{ include "lambdaroute.scheduling" $me | trim }}
{{- end -}}

{{- define "lambdaroute.controllerContainer" -}}
{{- $me := dict "root" . "component" "controller" -}}
name: controller
image: {{ include "lambdaroute.image" $me | quote }}
imagePullPolicy: {{ .Values.controller.image.pullPolicy }}
securityContext:
  {{- toYaml .Values.controller.securityContext | nindent 2 }}
env:
  {{- include "lambdaroute.env" $me | nindent 2 }}
resources:
  {{- toYaml .Values.controller.resources | nindent 2 }}
{{- end -}}

{{- define "lambdaroute.controllerFlags" -}}
{{- $me := dict "root" .root "component" "controller" -}}
{{- $proxy := dict "root" .root "component" "proxy" -}}
{{- $values := .root.Values -}}
- "--proxy-principal={{ required "proxyPrincipal is required: the ARN of the IAM role or user that the proxies have (see NOTES and README)" $values.proxyPrincipal }}"
{{- with $values.clusterID }}
- "--cluster-id={{ . }}"
{{- end }}
- "--cluster-domain={{ $values.clusterDomain }}"
- "--port-range={{ include "lambdaroute.portRange" .root }}"
- "--proxies-per-route={{ $values.proxiesPerRoute }}"
{{- if $values.accessPolicy.allowAll }}
- "--allow-all"
{{- end }}
{{- if $values.accessPolicy.required }}
{{- if $values.accessPolicy.allowAll }}
{{- fail "accessPolicy.allowAll and accessPolicy.required contradict each other: set one of them" }}
{{- end }}
- "--require-access-policy"
{{- end }}
{{- with $values.aws.endpointURL }}
- "--aws-endpoint-url={{ . }}"
{{- end }}
{{- with $values.aws.rate }}
- "--aws-rate=control-plane={{ int .controlPlane }},get-policy={{ int .getPolicy }},get-function={{ int .getFunction }}"
{{- end }}
- "--drift-interval={{ $values.controller.driftInterval }}"
{{- range $values.controller.secretNamespaces }}
- "--secret-namespace={{ . }}"
{{- end }}
{{- range $values.controller.jwks.privateRanges }}
- "--jwks-private-range={{ . }}"
{{- end }}
- "--jwks-refresh-interval={{ $values.controller.jwks.refreshInterval }}"
{{- if $values.controller.jwks.caConfigMap }}
- "--jwks-ca-file=/etc/lambdaroute/jwks/ca.crt"
{{- end }}
- "--proxy-service-account={{ .root.Release.Namespace }}/{{ include "lambdaroute.serviceAccountName" $proxy }}"
- "--proxy-namespace={{ .root.Release.Namespace }}"
- "--proxy-selector={{ include "lambdaroute.selectorLabels" $proxy | replace ": " "=" | replace "\n" "," }}"
- "--certificate-secret={{ include "lambdaroute.certificateSecret" .root }}"
- "--ca-configmap={{ include "lambdaroute.caConfigMap" .root }}"
- "--ports-configmap={{ include "lambdaroute.portsConfigMap" .root }}"
- "--lease-name={{ include "lambdaroute.lease" .root }}"
- "--owner-deployment={{ include "lambdaroute.componentName" $me }}"
- "--route-table-address={{ include "lambdaroute.host" $values.controller.listenAddress }}:9443"
- "--admin-address={{ include "lambdaroute.host" $values.controller.listenAddress }}:8080"
- "--log-level={{ .logLevel }}"
- "--log-format={{ $values.log.format }}"
{{- range $values.controller.extraArgs }}
- {{ . | quote }}
{{- end }}
{{- end -}}

{{/* Annotations of a hook before the deletion of the release, or of the Application. */}}
{{- define "lambdaroute.beforeDeletion" -}}
{{- if .root.Values.uninstall.argoCD -}}
argocd.argoproj.io/hook: PreDelete
argocd.argoproj.io/sync-wave: {{ .weight | quote }}
argocd.argoproj.io/hook-delete-policy: BeforeHookCreation,HookSucceeded
{{- else -}}
helm.sh/hook: pre-delete
helm.sh/hook-weight: {{ .weight | quote }}
helm.sh/hook-delete-policy: before-hook-creation,hook-succeeded
{{- end -}}
{{- end -}}
