//! How many controllers run: none while somebody else takes everything back.

use std::time::Duration;

use k8s_openapi::api::apps::v1::Deployment;
use kube::Api;
use kube::api::{Patch, PatchParams};
use serde_json::json;

use super::pauses::Pauses;
use crate::slices::FIELD_MANAGER;

/// The right to it may be younger than this process: an API server takes a moment to know it.
const WITHIN: Duration = Duration::from_secs(6);

/// Scales a Deployment; answers how many replicas it had. None: there is no such Deployment.
///
/// # Errors
/// What the API server says.
pub(super) async fn scale(api: &Api<Deployment>, name: &str, replicas: i32) -> Result<Option<i32>, kube::Error> {
    let mut pauses = Pauses::within(WITHIN);
    loop {
        let error = match once(api, name, replicas).await {
            Ok(before) => return Ok(before),
            Err(error) => error,
        };
        tracing::warn!(deployment = name, %error, "the deployment can't be scaled");
        if !pauses.again().await {
            return Err(error);
        }
    }
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
