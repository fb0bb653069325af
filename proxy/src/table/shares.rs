//! The shares of routes' limits in the table. Pure.

use lambdaroute_proxy_config::v1alpha1::limit_share::Share;
use lambdaroute_proxy_config::v1alpha1::resource::Resource as Kind;
use lambdaroute_proxy_config::v1alpha1::{LimitShare, Resource};

use crate::kept::Kept;

/// What becomes of a share of a route's limit. Shares are not acknowledged, and touch no route.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum ShareStep {
    /// This one holds from now on.
    Set(LimitShare),
    /// It is gone: the route's total holds.
    Remove(LimitShare),
}

/// The share that a resource holds, if it is one that this version knows.
pub(super) fn share(resource: &Resource) -> Option<&LimitShare> {
    let Some(Kind::LimitShare(share)) = &resource.resource else { return None };
    match (&share.share, share.limit.is_empty()) {
        (Some(Share::Rate(_)), false) | (Some(Share::Concurrency(_)), true) => Some(share),
        _ => None,
    }
}

/// The share that was kept, if it is one.
pub(super) fn kept_share(kept: &Kept) -> Option<LimitShare> {
    share(&kept.resource()).cloned()
}
