//! Headers that one field of a spec gives to the function and another field would silently replace: rules of the spec, by
//! which no two fields name one header. Methods of `spec.auth` may each forward a claim in the same one: only one of them
//! recognises a caller. The controller and the proxies refuse the same.

use kube::core::Rule;

use crate::header_name::same;

const SET: &str = "spec.requestHeaders.set";
const CLAIMS: &str = "spec.auth.methods[].jwt.forwardClaims";
const AUTHORIZATION: &str = "spec.forwardAuthorizationAs";

const NO_SET: &str = "!has(self.requestHeaders) || !has(self.requestHeaders.set)";
const NO_AUTHORIZATION: &str = "!has(self.forwardAuthorizationAs)";

/// Headers that are set, and those of forwarded claims.
pub(crate) fn set_and_claims() -> Rule {
    let is_set = format!("self.requestHeaders.set.exists(set, {})", same("set.name", "claim.header"));
    rule(&format!("{NO_SET} || {}", no_claim(&is_set)), SET, CLAIMS)
}

/// Headers that are set, and the one of the caller's Authorization.
pub(crate) fn set_and_authorization() -> Rule {
    let none = format!("!self.requestHeaders.set.exists(set, {})", same("set.name", "self.forwardAuthorizationAs"));
    rule(&format!("{NO_AUTHORIZATION} || {NO_SET} || {none}"), SET, AUTHORIZATION)
}

/// Headers of forwarded claims, and the one of the caller's Authorization.
pub(crate) fn claims_and_authorization() -> Rule {
    let none = no_claim(&same("claim.header", "self.forwardAuthorizationAs"));
    rule(&format!("{NO_AUTHORIZATION} || {none}"), CLAIMS, AUTHORIZATION)
}

/// No `claim` of any method is so.
fn no_claim(so: &str) -> String {
    format!(
        "!has(self.auth) || self.auth.methods.all(method, !has(method.jwt) || !has(method.jwt.forwardClaims) || \
         !method.jwt.forwardClaims.exists(claim, {so}))"
    )
}

fn rule(rule: &str, one: &str, other: &str) -> Rule {
    let message = format!(
        "{one} and {other} name one header (names of headers have no case, and _ is read as -), which has one value alone: \
         choose another name in one of them"
    );
    Rule::new(rule).message(message.as_str())
}
