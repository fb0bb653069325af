//! Who the controller's own objects belong to: its Deployment, so that an uninstall takes them away.

use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use kube::Api;

/// A reference to the Deployment.
///
/// # Errors
/// What the API server says when it can't be read.
pub async fn deployment(api: &Api<Deployment>, name: &str) -> Result<OwnerReference, kube::Error> {
    let deployment = api.get(name).await?;
    Ok(OwnerReference {
        api_version: "apps/v1".to_owned(),
        kind: "Deployment".to_owned(),
        name: name.to_owned(),
        uid: deployment.metadata.uid.unwrap_or_default(),
        controller: None,
        block_owner_deletion: None,
    })
}
