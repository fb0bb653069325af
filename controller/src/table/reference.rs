//! Which key sets a route refers to. Pure.

use std::collections::BTreeSet;

use lambdaroute_proxy_config::v1alpha1::Route;
use lambdaroute_proxy_config::v1alpha1::auth_method::Method;

use crate::programming::KeySetId;

/// The ids of the key sets that the route's methods recognise callers by.
pub fn key_sets_of(route: &Route) -> BTreeSet<KeySetId> {
    let methods = route.auth.iter().flat_map(|auth| &auth.methods).filter_map(|method| method.method.as_ref());
    methods
        .flat_map(|method| match method {
            Method::ApiKey(api_key) => api_key.key_sets.as_slice(),
            Method::Jwt(jwt) => std::slice::from_ref(&jwt.key_set),
            Method::ServiceAccount(account) => std::slice::from_ref(&account.key_set),
        })
        .filter(|id| !id.is_empty())
        .cloned()
        .map(KeySetId)
        .collect()
}
