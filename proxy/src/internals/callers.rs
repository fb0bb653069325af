//! Who is recognised on a route that takes API keys, tokens of an issuer and tokens of ServiceAccounts.

use std::sync::Arc;

use http::HeaderMap;
use lambdaroute_proxy_config::v1alpha1::auth_method::Method;
use lambdaroute_proxy_config::v1alpha1::key_set::Keys;
use lambdaroute_proxy_config::v1alpha1::resource::Resource as Kind;
use lambdaroute_proxy_config::v1alpha1::{
    AllowedServiceAccount, ApiKeyAuth, Auth, AuthMethod, Consumer, Consumers, JwtAuth, KeySet, Resource, ResourceRef,
    ResourceType, ServiceAccountAuth,
};

use crate::auth::Authentication;
use crate::kept::Kept;
use crate::key_sets::KeySets;
use crate::sha256::sha256;
use crate::table::Step;

const KEYS: &str = "keys";
const JWKS: &str = "jwks";

/// See the module.
pub struct Callers {
    authentication: Authentication,
    // Its slots are empty once nobody has the sets.
    _key_sets: KeySets,
}

impl Callers {
    /// The key stands in `x-api-key`. The issuer is the cluster's too; the ServiceAccount orders of the namespace shop is admitted.
    ///
    /// # Errors
    /// The methods can't be served.
    pub fn new(api_key: &str, issuer: &str, audience: &str, jwks: &str) -> Result<Self, String> {
        let key_sets = KeySets::default();
        let consumer = Consumer { name: "consumer".to_owned(), sha256: vec![sha256(api_key.as_bytes()).to_vec()] };
        program(&key_sets, KEYS, Keys::Consumers(Consumers { consumers: vec![consumer] }));
        program(&key_sets, JWKS, Keys::Jwks(jwks.to_owned()));
        let method = |name: &str, method| AuthMethod { name: name.to_owned(), method: Some(method) };
        let methods = vec![
            method(
                "key",
                Method::ApiKey(ApiKeyAuth { header: "x-api-key".to_owned(), key_sets: vec![KEYS.to_owned()] }),
            ),
            method(
                "token",
                Method::Jwt(JwtAuth {
                    issuer: issuer.to_owned(),
                    audiences: vec![audience.to_owned()],
                    key_set: JWKS.to_owned(),
                    ..JwtAuth::default()
                }),
            ),
            method(
                "account",
                Method::ServiceAccount(ServiceAccountAuth {
                    issuer: issuer.to_owned(),
                    audience: audience.to_owned(),
                    key_set: JWKS.to_owned(),
                    allow: vec![AllowedServiceAccount { namespace: "shop".to_owned(), name: "orders".to_owned() }],
                }),
            ),
        ];
        let authentication = Authentication::new(&Auth { methods }, &key_sets).map_err(|error| error.to_string())?;
        Ok(Callers { authentication, _key_sets: key_sets })
    }

    /// The method that recognises these headers at this time (seconds since the epoch).
    pub fn recognise(&self, headers: &HeaderMap, now: u64) -> Option<String> {
        let identity = self.authentication.identify(headers, now).caller.ok()?;
        identity.method.to_str().ok().map(str::to_owned)
    }
}

fn program(key_sets: &KeySets, id: &str, keys: Keys) {
    let reference = ResourceRef { r#type: ResourceType::KeySet.into(), id: id.to_owned(), version: None };
    let resource = Some(Kind::KeySet(KeySet { keys: Some(keys) }));
    let mut resource = Resource { id: id.to_owned(), version: None, resource };
    let kept = Kept::of(&mut resource);
    key_sets.program(vec![Step::Serve(reference, Arc::new(resource), kept)]);
}
