//! Headers that one field of a route gives to the function and another would silently replace. Pure. Methods may each forward a
//! claim in the same one: only one of them recognises a caller.

use std::collections::BTreeSet;

use super::Invalid;
use crate::header_name::plain;
use crate::v1alpha1::Route;
use crate::v1alpha1::auth_method::Method;

const SET: &str = "request_headers.set";
const CLAIMS: &str = "auth.methods.jwt.forward_claims";
const AUTHORIZATION: &str = "forward_authorization_as";

/// # Errors
/// The two fields, and the header.
pub(super) fn judge(route: &Route) -> Result<(), Invalid> {
    let set = route.request_headers.iter().flat_map(|headers| &headers.set).map(|header| plain(&header.name));
    let set: BTreeSet<String> = set.collect();
    let methods = route.auth.iter().flat_map(|auth| &auth.methods);
    let claims = methods.filter_map(|method| match &method.method {
        Some(Method::Jwt(jwt)) => Some(jwt.forward_claims.iter().map(|claim| plain(&claim.header))),
        _ => None,
    });
    let claims: BTreeSet<String> = claims.flatten().collect();
    let authorization = Some(&route.forward_authorization_as).filter(|name| !name.is_empty()).map(|name| plain(name));
    let authorization = BTreeSet::from_iter(authorization);
    for (field, names, other, others) in [
        (SET, &set, CLAIMS, &claims),
        (SET, &set, AUTHORIZATION, &authorization),
        (CLAIMS, &claims, AUTHORIZATION, &authorization),
    ] {
        if let Some(name) = names.intersection(others).next() {
            return Err(Invalid::Clash { field, other, name: name.clone() });
        }
    }
    Ok(())
}
