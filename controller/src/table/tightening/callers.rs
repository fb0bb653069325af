//! Whether a change of who may call a route takes nobody's right away. Pure.

use lambdaroute_proxy_config::v1alpha1::auth_method::Method;
use lambdaroute_proxy_config::v1alpha1::{Auth, AuthMethod, SourceRanges};

/// Every caller whom `old` lets in is let in by `new`, as the same one. Absent lets everybody in.
pub(super) fn only_adds(old: Option<&Auth>, new: Option<&Auth>) -> bool {
    match (old, new) {
        (_, None) => true,
        (None, Some(_)) => false,
        (Some(old), Some(new)) => {
            old.methods.iter().all(|method| new.methods.iter().any(|other| only_adds_to(method, other)))
        }
    }
}

fn only_adds_to(old: &AuthMethod, new: &AuthMethod) -> bool {
    let (Some(old_method), Some(new_method)) = (&old.method, &new.method) else { return false };
    let same = old.name == new.name;
    same && match (old_method, new_method) {
        (Method::ApiKey(old), Method::ApiKey(new)) => old.header == new.header && holds(&new.key_sets, &old.key_sets),
        (Method::Jwt(old), Method::Jwt(new)) => {
            old.issuer == new.issuer
                && old.key_set == new.key_set
                && holds(&new.audiences, &old.audiences)
                && holds(&old.required_claims, &new.required_claims)
                && old.forward_claims == new.forward_claims
        }
        (Method::ServiceAccount(old), Method::ServiceAccount(new)) => {
            old.issuer == new.issuer
                && old.audience == new.audience
                && old.key_set == new.key_set
                && holds(&new.allow, &old.allow)
        }
        _ => false,
    }
}

/// Every address that `old` admits is admitted by `new`. Blocks are compared as they are written: one that lies within
/// another isn't looked for.
pub(super) fn only_widens(old: Option<&SourceRanges>, new: Option<&SourceRanges>) -> bool {
    match (old, new) {
        (_, None) => true,
        (None, Some(_)) => false,
        (Some(old), Some(new)) => {
            let allowed = new.allow.is_empty() || !old.allow.is_empty() && holds(&new.allow, &old.allow);
            allowed && holds(&old.deny, &new.deny)
        }
    }
}

fn holds<T: PartialEq>(all: &[T], these: &[T]) -> bool {
    these.iter().all(|this| all.contains(this))
}
