//! What tests do to a cluster as its administrator: apply manifests, make Pods that stand for processes, hand out tokens.

use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use k8s_openapi::api::authentication::v1::{BoundObjectReference, TokenRequest, TokenRequestSpec};
use k8s_openapi::api::core::v1::{Namespace, Pod, ServiceAccount};
use kube::api::{Api, DeleteParams, DynamicObject, Patch, PatchParams, PostParams};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::core::{ApiResource, GroupVersionKind, TypeMeta};
use kube::{Client, Config};
use serde_json::{Value, json};

use crate::wait::eventually;

/// A cluster, as its administrator.
#[derive(Clone)]
pub struct Cluster {
    /// A client that may do everything.
    pub client: Client,
    kubeconfig: PathBuf,
    server: String,
    ca_base64: String,
}

impl Cluster {
    /// The cluster of a kubeconfig.
    ///
    /// # Errors
    /// When the file can't be read or names no cluster.
    pub async fn connect(kubeconfig: &Path) -> anyhow::Result<Self> {
        let text = Kubeconfig::read_from(kubeconfig).with_context(|| format!("read {}", kubeconfig.display()))?;
        let cluster = text.clusters.first().and_then(|named| named.cluster.clone()).context("no cluster in it")?;
        let config = Config::from_custom_kubeconfig(text, &KubeConfigOptions::default()).await?;
        Ok(Self {
            client: Client::try_from(config)?,
            kubeconfig: kubeconfig.to_owned(),
            server: cluster.server.context("no server in the kubeconfig")?,
            ca_base64: cluster.certificate_authority_data.context("no certificate-authority-data in the kubeconfig")?,
        })
    }

    /// The administrator's kubeconfig.
    pub fn kubeconfig(&self) -> &Path {
        &self.kubeconfig
    }

    /// The API server's address.
    ///
    /// # Errors
    /// When the kubeconfig names a host and not an address.
    pub fn address(&self) -> anyhow::Result<std::net::SocketAddr> {
        let url = url::Url::parse(&self.server)?;
        let found = url.socket_addrs(|| Some(443))?;
        found.first().copied().context("the API server has no address")
    }

    /// The CA of the API server, PEM.
    ///
    /// # Errors
    /// When it isn't base64.
    pub fn authority(&self) -> anyhow::Result<String> {
        Ok(String::from_utf8(decode_base64(&self.ca_base64)?)?)
    }

    /// A namespace.
    ///
    /// # Errors
    /// When the API server refuses it.
    pub async fn namespace(&self, name: &str) -> anyhow::Result<()> {
        let namespace = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}});
        self.apply(&namespace, None).await?;
        // Pods can't be made before its ServiceAccount is there.
        let accounts: Api<ServiceAccount> = Api::namespaced(self.client.clone(), name);
        eventually("the namespace's ServiceAccount", async || Ok(accounts.get_opt("default").await?)).await?;
        Ok(())
    }

    /// Deletes a namespace. Doesn't wait.
    ///
    /// # Errors
    /// When the API server refuses.
    pub async fn delete_namespace(&self, name: &str) -> anyhow::Result<()> {
        Api::<Namespace>::all(self.client.clone()).delete(name, &DeleteParams::default()).await?;
        Ok(())
    }

    /// Server-side apply, with validation of every field, as `kubectl apply --server-side` does.
    ///
    /// # Errors
    /// When the API server refuses it: the error has its words.
    pub async fn apply(&self, object: &Value, namespace: Option<&str>) -> anyhow::Result<DynamicObject> {
        let object: DynamicObject = serde_json::from_value(object.clone()).context("no Kubernetes object")?;
        let name = object.metadata.name.clone().context("the object has no name")?;
        let parameters = PatchParams {
            field_validation: Some(kube::api::ValidationDirective::Strict),
            ..PatchParams::apply("tests")
        };
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

    /// A Pod that stands for a process: bound to a node, running and ready, with an address that means something only in
    /// the cluster. Gives its uid.
    ///
    /// # Errors
    /// When the API server refuses it.
    pub async fn pod(&self, pod: &PodStand<'_>) -> anyhow::Result<String> {
        let &PodStand { namespace, name, service_account, labels, address } = pod;
        let api: Api<Pod> = Api::namespaced(self.client.clone(), namespace);
        let object = json!({
            "apiVersion": "v1", "kind": "Pod",
            "metadata": {"name": name, "namespace": namespace, "labels": labels},
            "spec": {
                "nodeName": "node-1", "serviceAccountName": service_account, "automountServiceAccountToken": false,
                "containers": [{"name": "process", "image": "none"}],
            },
        });
        let made = api.create(&PostParams::default(), &serde_json::from_value(object)?).await?;
        self.pod_status(namespace, name, address, true).await?;
        made.metadata.uid.context("the Pod has no uid")
    }

    /// Says whether such a Pod is ready.
    ///
    /// # Errors
    /// When the API server refuses it.
    pub async fn pod_status(&self, namespace: &str, name: &str, address: &str, ready: bool) -> anyhow::Result<()> {
        let api: Api<Pod> = Api::namespaced(self.client.clone(), namespace);
        let status = json!({"status": {
            "phase": "Running", "hostIP": "10.77.0.2", "hostIPs": [{"ip": "10.77.0.2"}],
            "podIP": address, "podIPs": [{"ip": address}],
            "conditions": [
                {"type": "Ready", "status": if ready { "True" } else { "False" }},
                {"type": "ContainersReady", "status": if ready { "True" } else { "False" }},
            ],
        }});
        api.patch_status(name, &PatchParams::default(), &Patch::Strategic(&status)).await?;
        Ok(())
    }

    /// Deletes such a Pod at once: there is no kubelet to wait for.
    ///
    /// # Errors
    /// When the API server refuses.
    pub async fn delete_pod(&self, namespace: &str, name: &str) -> anyhow::Result<()> {
        let api: Api<Pod> = Api::namespaced(self.client.clone(), namespace);
        api.delete(name, &DeleteParams::default().grace_period(0)).await?;
        Ok(())
    }

    /// A token of a ServiceAccount, bound to a Pod if one is given.
    ///
    /// # Errors
    /// When the API server refuses it.
    pub async fn token(
        &self,
        namespace: &str,
        account: &str,
        audience: Option<&str>,
        pod: Option<(&str, &str)>,
    ) -> anyhow::Result<String> {
        let request = TokenRequest {
            spec: TokenRequestSpec {
                audiences: audience.into_iter().map(str::to_owned).collect(),
                expiration_seconds: Some(7200),
                bound_object_ref: pod.map(|(name, uid)| BoundObjectReference {
                    api_version: Some("v1".into()),
                    kind: Some("Pod".into()),
                    name: Some(name.into()),
                    uid: Some(uid.into()),
                }),
            },
            ..TokenRequest::default()
        };
        let api: Api<ServiceAccount> = Api::namespaced(self.client.clone(), namespace);
        let answer = api.create_token_request(account, &PostParams::default(), &request).await?;
        Ok(answer.status.context("no token in the answer")?.token)
    }

    /// A kubeconfig of a ServiceAccount at some address of the API server (a gate's), in a file.
    ///
    /// # Errors
    /// When there is no such ServiceAccount, or the file can't be written.
    pub async fn account_kubeconfig(
        &self,
        account: (&str, &str),
        server: &str,
        authority_pem: &str,
        file: &Path,
    ) -> anyhow::Result<()> {
        let (namespace, name) = account;
        let token = self.token(namespace, name, None, None).await?;
        let kubeconfig = json!({
            "apiVersion": "v1", "kind": "Config", "current-context": "account",
            "contexts": [{"name": "account", "context": {"cluster": "cluster", "user": "account", "namespace": namespace}}],
            "clusters": [{"name": "cluster", "cluster": {
                "server": server, "certificate-authority-data": encode_base64(authority_pem.as_bytes()),
            }}],
            "users": [{"name": "account", "user": {"token": token}}],
        });
        std::fs::write(file, serde_yaml_ng::to_string(&kubeconfig)?)
            .with_context(|| format!("write {}", file.display()))
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
        eventually("the kind to be listed", async || Ok(Some(api.list(&kube::api::ListParams::default()).await?)))
            .await?;
        Ok(())
    }
}

/// A Pod that stands for a process.
#[derive(Clone, Copy, Debug)]
pub struct PodStand<'a> {
    /// Its namespace.
    pub namespace: &'a str,
    /// Its name.
    pub name: &'a str,
    /// Its ServiceAccount.
    pub service_account: &'a str,
    /// Its labels.
    pub labels: &'a Value,
    /// Its address; never loopback, which no EndpointSlice may have.
    pub address: &'a str,
}

/// Kinds of the chart and the tests that have no namespace.
const CLUSTER_SCOPED: &[&str] =
    &["Namespace", "Node", "ClusterRole", "ClusterRoleBinding", "CustomResourceDefinition", "PriorityClass"];

fn encode_base64(bytes: &[u8]) -> String {
    aws_smithy_types::base64::encode(bytes)
}

fn decode_base64(text: &str) -> anyhow::Result<Vec<u8>> {
    aws_smithy_types::base64::decode(text).context("decode base64")
}
