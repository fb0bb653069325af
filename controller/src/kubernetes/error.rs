//! What a request to the API server can fail with, and what that means. Pure.

pub(super) const CREATE_SERVICE: &str = "create the Service";
pub(super) const APPLY_SERVICE: &str = "apply the Service";
pub(super) const REPLACE_SERVICE: &str = "replace the Service";

/// A request that failed.
#[derive(Debug, thiserror::Error)]
#[error("failed to {operation}: {source}")]
pub struct KubeError {
    /// What was being done.
    pub operation: &'static str,
    /// What the API server or the connection said.
    #[source]
    pub source: kube::Error,
}

impl KubeError {
    /// The API server looked at the route's Service and refuses it as it is: the status and its words.
    pub fn refuses_service(&self) -> Option<(u16, &str)> {
        match &self.source {
            kube::Error::Api(status)
                if [CREATE_SERVICE, APPLY_SERVICE, REPLACE_SERVICE].contains(&self.operation)
                    && [400, 403, 413, 422].contains(&status.code) =>
            {
                Some((status.code, &status.message))
            }
            _ => None,
        }
    }

    /// Somebody else changed the object meanwhile, or it is gone: look again.
    pub fn is_stale(&self) -> bool {
        matches!(code(&self.source), Some(404 | 409))
    }

    /// See [`namespace_goes`].
    pub fn is_of_a_namespace_that_goes(&self) -> bool {
        namespace_goes(&self.source)
    }
}

/// The API server refuses to create anything in a namespace that is being deleted: 403 with this cause. Such a namespace never
/// comes back, so nobody needs to hear of it or to try again.
/// Source: <https://github.com/kubernetes/apiserver/blob/master/pkg/admission/plugin/namespace/lifecycle/admission.go>
pub fn namespace_goes(error: &kube::Error) -> bool {
    let kube::Error::Api(status) = error else { return false };
    let mut causes = status.details.iter().flat_map(|details| &details.causes);
    status.is_forbidden() && causes.any(|cause| cause.reason == "NamespaceTerminating")
}

pub(super) fn code(error: &kube::Error) -> Option<u16> {
    match error {
        kube::Error::Api(status) => Some(status.code),
        _ => None,
    }
}

pub(super) fn failed(operation: &'static str) -> impl FnOnce(kube::Error) -> KubeError {
    move |source| KubeError { operation, source }
}
