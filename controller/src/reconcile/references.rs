//! What a route refers to, as this leader knows it now.

use lambdaroute_crds::{AuthMethodType, LambdaRoute};

use super::Reconciler;
use crate::access::{Access, References, Resolution};

impl Reconciler {
    /// What these access fields of a route refer to.
    pub(super) fn references(&self, _route: &LambdaRoute, access: &Access) -> References {
        let methods = || access.auth.iter().flat_map(|auth| &auth.methods);
        let refers = access.header_secrets().next().is_some()
            || methods().any(|method| {
                method.type_ != AuthMethodType::APIKey
                    || method.api_key.as_ref().is_some_and(|keys| !keys.secret_refs.is_empty())
            });
        let resolution = if refers { Resolution::Unknown } else { Resolution::Resolved };
        References { resolution, ..References::none() }
    }
}
