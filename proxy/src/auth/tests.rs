//! Who is recognised, and who isn't.

#[path = "../../tests/proxy/token_issuer.rs"]
mod token_issuer;

mod accounts;
mod jwt;
mod keys;
mod text;

use lambdaroute_proxy_config::v1alpha1::auth_method::Method as Kind;
use lambdaroute_proxy_config::v1alpha1::key_set::Keys;
use lambdaroute_proxy_config::v1alpha1::resource::Resource as ResourceKind;
use lambdaroute_proxy_config::v1alpha1::{Auth, AuthMethod, KeySet, Resource, ResourceRef, ResourceType};

use super::*;
use crate::table::Step;

/// When everything here happens.
const NOW: u64 = 1_800_000_000;

fn reference(id: &str) -> ResourceRef {
    ResourceRef { r#type: ResourceType::KeySet.into(), id: id.to_owned(), version: None }
}

/// Puts a key set in its place.
fn program(key_sets: &KeySets, id: &str, keys: Keys) {
    let resource = Some(ResourceKind::KeySet(KeySet { keys: Some(keys) }));
    let mut resource = Resource { id: id.to_owned(), version: None, resource };
    let kept = crate::kept::Kept::of(&mut resource);
    key_sets.program(vec![Step::Serve(reference(id), Arc::new(resource), kept)]);
}

fn authentication(methods: &[(&str, Kind)], key_sets: &KeySets) -> Authentication {
    let methods =
        methods.iter().map(|(name, method)| AuthMethod { name: (*name).to_owned(), method: Some(method.clone()) });
    Authentication::new(&Auth { methods: methods.collect() }, key_sets).unwrap()
}

fn headers(lines: &[(&'static str, &str)]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in lines {
        headers.append(*name, HeaderValue::from_str(value).unwrap());
    }
    headers
}

fn bearer(token: &str) -> HeaderMap {
    headers(&[("authorization", &format!("Bearer {token}"))])
}

/// `method: consumer`, or the cause.
fn who(authentication: &Authentication, headers: &HeaderMap) -> String {
    who_at(authentication, headers, NOW)
}

fn who_at(authentication: &Authentication, headers: &HeaderMap, now: u64) -> String {
    match authentication.identify(headers, now).caller {
        Ok(identity) => format!("{}: {}", identity.method.to_str().unwrap(), identity.consumer.name()),
        Err(denied) => denied.cause.as_str().to_owned(),
    }
}
