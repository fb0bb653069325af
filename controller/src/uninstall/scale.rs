//! How many controllers run: none while somebody else takes everything back.

use k8s_openapi::api::apps::v1::Deployment;
use kube::Api;
use kube::api::{Patch, PatchParams};
use serde_json::json;

use super::pauses::tried;
use crate::slices::FIELD_MANAGER;

/// Scales a Deployment; answers how many replicas it had. None: there is no such Deployment.
///
/// # Errors
/// What the API server says.
pub(super) async fn scale(api: &Api<Deployment>, name: &str, replicas: i32) -> Result<Option<i32>, kube::Error> {
    tried("scale the deployment", async || once(api, name, replicas).await).await
}

async fn once(api: &Api<Deployment>, name: &str, replicas: i32) -> Result<Option<i32>, kube::Error> {
    let before = match api.get_scale(name).await {
        Ok(scale) => scale.spec.and_then(|spec| spec.replicas).unwrap_or(0),
        Err(kube::Error::Api(status)) if status.is_not_found() => return Ok(None),
        Err(error) => return Err(error),
    };
    if before != replicas {
        let params = PatchParams { field_manager: Some(FIELD_MANAGER.to_owned()), ..PatchParams::default() };
        api.patch_scale(name, &params, &Patch::Merge(json!({"spec": {"replicas": replicas}}))).await?;
    }
    Ok(Some(before))
}
