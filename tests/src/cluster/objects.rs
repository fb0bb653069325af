//! Objects as kubectl writes them: applied, created, replaced; unknown fields are refused.

use anyhow::{Context, bail};
use kube::api::{Api, DynamicObject, ListParams, Patch, PatchParams, ValidationDirective};
use kube::core::{ApiResource, GroupVersionKind, TypeMeta};
use serde_json::Value;

use super::Cluster;
use crate::wait::eventually;

/// Kinds of the chart and the tests that have no namespace.
const CLUSTER_SCOPED: &[&str] = &[
    "Namespace",
    "Node",
    "ClusterRole",
    "ClusterRoleBinding",
    "CustomResourceDefinition",
    "PriorityClass",
    "LambdaAccessPolicy",
];

impl Cluster {
    /// Server-side apply, with validation of every field, as `kubectl apply --server-side` does.
    ///
    /// # Errors
    /// When the API server refuses it: the error has its words.
    pub async fn apply(&self, object: &Value, namespace: Option<&str>) -> anyhow::Result<DynamicObject> {
        let object: DynamicObject = serde_json::from_value(object.clone()).context("no Kubernetes object")?;
        let name = object.metadata.name.clone().context("the object has no name")?;
        let parameters =
            PatchParams { field_validation: Some(ValidationDirective::Strict), ..PatchParams::apply("tests") };
        let api = self.api(&object, namespace)?;
        Ok(api.patch(&name, &parameters.force(), &Patch::Apply(&object)).await?)
    }

    /// Creates an object, as `kubectl create` does.
    ///
    /// # Errors
    /// When the API server refuses it: the error has its words.
    pub async fn create(&self, object: &Value, namespace: Option<&str>) -> anyhow::Result<DynamicObject> {
        let object: DynamicObject = serde_json::from_value(object.clone()).context("no Kubernetes object")?;
        let url = self.api(&object, namespace)?.resource_url().to_owned();
        self.strict(http::Method::POST, &url, &object).await
    }

    /// A write that refuses unknown fields, as kubectl does it.
    async fn strict(&self, method: http::Method, url: &str, object: &DynamicObject) -> anyhow::Result<DynamicObject> {
        let request = http::Request::builder()
            .method(method)
            .uri(format!("{url}?fieldValidation=Strict"))
            .header(http::header::CONTENT_TYPE, "application/json")
            .body(serde_json::to_vec(object)?)?;
        Ok(self.client.request(request).await?)
    }

    /// Puts an object in place of the one of its name, as `kubectl replace` does.
    ///
    /// # Errors
    /// When the API server refuses it: the error has its words.
    pub async fn replace(&self, object: &Value, namespace: Option<&str>) -> anyhow::Result<DynamicObject> {
        let mut object: DynamicObject = serde_json::from_value(object.clone()).context("no Kubernetes object")?;
        let name = object.metadata.name.clone().context("the object has no name")?;
        let api = self.api(&object, namespace)?;
        object.metadata.resource_version = api.get(&name).await?.metadata.resource_version;
        self.strict(http::Method::PUT, &format!("{}/{name}", api.resource_url()), &object).await
    }

    /// Applies every document of a YAML text.
    ///
    /// # Errors
    /// At the first that the API server refuses.
    pub async fn apply_yaml(&self, yaml: &str, namespace: Option<&str>) -> anyhow::Result<()> {
        for object in crate::helm::objects(yaml)? {
            self.apply(&object, namespace).await?;
        }
        Ok(())
    }

    fn api(&self, object: &DynamicObject, namespace: Option<&str>) -> anyhow::Result<Api<DynamicObject>> {
        let TypeMeta { api_version, kind } = object.types.clone().context("the object has no kind")?;
        let (group, version) = api_version.split_once('/').unwrap_or(("", &api_version));
        let resource = ApiResource::from_gvk(&GroupVersionKind::gvk(group, version, &kind));
        let namespace = object.metadata.namespace.as_deref().or(namespace);
        Ok(match namespace.filter(|_| !CLUSTER_SCOPED.contains(&kind.as_str())) {
            Some(namespace) => Api::namespaced_with(self.client.clone(), namespace, &resource),
            None => Api::all_with(self.client.clone(), &resource),
        })
    }

    /// Applies CRDs and waits until the API server serves them.
    ///
    /// # Errors
    /// When the API server refuses one, or never serves it.
    pub async fn establish(&self, crd: &Value) -> anyhow::Result<()> {
        use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition as Crd;
        self.apply(crd, None).await?;
        let name = crd["metadata"]["name"].as_str().context("the CRD has no name")?.to_owned();
        let crds: Api<Crd> = Api::all(self.client.clone());
        eventually("the CRD to be served", async || {
            let conditions = crds.get(&name).await?.status.and_then(|status| status.conditions).unwrap_or_default();
            let established = conditions.iter().any(|it| it.type_ == "Established" && it.status == "True");
            Ok(established.then_some(()))
        })
        .await?;
        let (group, kind) = (&crd["spec"]["group"], &crd["spec"]["names"]["kind"]);
        let (Some(group), Some(kind)) = (group.as_str(), kind.as_str()) else { bail!("the CRD has no group or kind") };
        let resource = ApiResource::from_gvk(&GroupVersionKind::gvk(group, "v1alpha1", kind));
        let api: Api<DynamicObject> = Api::all_with(self.client.clone(), &resource);
        eventually("the kind to be listed", async || Ok(Some(api.list(&ListParams::default()).await?))).await?;
        Ok(())
    }
}
