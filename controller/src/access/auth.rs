//! Methods of authentication as the route table has them, and the key sets that they name.

use std::collections::BTreeMap;

use lambdaroute_crds::{
    ApiKey, Auth, AuthMethod, AuthMethodType, ClaimType, Consumer, ForwardClaim, Jwt, RequiredClaim, ServiceAccount,
};
use lambdaroute_proxy_config::v1alpha1::auth_method::Method;
use lambdaroute_proxy_config::v1alpha1::{self, KeySet, key_set::Keys};

use super::references::References;
use super::table::{Place, Unfit, header_name};
use crate::programming::KeySetId;

type KeySets = BTreeMap<KeySetId, KeySet>;

/// The header of an API key where the manifest names none.
const API_KEY: &str = "x-api-key";

/// Audiences whose tokens open other doors: AWS STS, the route table itself, and the API server where its audience isn't its
/// issuer (EKS, kubeadm and others).
const FOREIGN: [&str; 4] = [
    "sts.amazonaws.com",
    lambdaroute_proxy_config::TOKEN_AUDIENCE,
    "https://kubernetes.default.svc",
    "https://kubernetes.default.svc.cluster.local",
];

/// No audience that a token of a ServiceAccount opens something else with. The API server's own is the issuer where nobody
/// said otherwise.
pub(super) fn judge_audiences(auth: Option<&Auth>, place: &Place, cluster_issuer: Option<&str>) -> Result<(), String> {
    let accounts = auth.iter().flat_map(|auth| &auth.methods).filter_map(|method| method.service_account.as_ref());
    for account in accounts {
        let audience = audience(account, place);
        if !FOREIGN.contains(&&*audience) && Some(&*audience) != cluster_issuer {
            continue;
        }
        let doors = "opens other doors with the same token (the API server, AWS STS or LambdaRoute itself)";
        return Err(match account.audience {
            Some(_) => format!(
                "spec.auth.methods[].serviceAccount.audience {audience:?} {doors}: leave it out, or give one of this route's own"
            ),
            None => format!(
                "spec.auth.methods[].serviceAccount.audience is absent, and {audience:?}, by the Service's name and namespace, \
                 {doors}: give one of this route's own"
            ),
        });
    }
    Ok(())
}

/// The audience of a method: by default the Service's name in the cluster.
fn audience(account: &ServiceAccount, place: &Place) -> String {
    account.audience.clone().unwrap_or_else(|| format!("{}.{}", place.service, place.namespace))
}

pub(super) fn table_form(
    auth: &Auth,
    place: &Place,
    references: &References,
    key_sets: &mut KeySets,
) -> Result<v1alpha1::Auth, Unfit> {
    if auth.methods.is_empty() {
        return Err(Unfit::wrong(
            "spec.auth.methods is empty, which would let nobody in: give a method, or remove spec.auth",
        ));
    }
    let methods = auth.methods.iter().map(|it| method(it, place, references, key_sets)).collect::<Result<_, _>>()?;
    Ok(v1alpha1::Auth { methods })
}

fn method(
    method: &AuthMethod,
    place: &Place,
    references: &References,
    key_sets: &mut KeySets,
) -> Result<v1alpha1::AuthMethod, Unfit> {
    let AuthMethod { name, type_, api_key, jwt, service_account } = method;
    let form = match (type_, api_key, jwt, service_account) {
        (AuthMethodType::APIKey, Some(it), None, None) => Method::ApiKey(keys(it, name, place, key_sets)?),
        (AuthMethodType::JWT, None, Some(it), None) => Method::Jwt(jwt_form(it)?),
        (AuthMethodType::ServiceAccount, None, None, Some(it)) => {
            Method::ServiceAccount(account(it, place, references)?)
        }
        _ => {
            return Err(Unfit::Wrong(format!(
                "the method {name:?} of spec.auth.methods has not exactly the member of its type: apiKey with APIKey, jwt with \
                 JWT, serviceAccount with ServiceAccount"
            )));
        }
    };
    Ok(v1alpha1::AuthMethod { name: name.clone(), method: Some(form) })
}

fn keys(api_key: &ApiKey, method: &str, place: &Place, key_sets: &mut KeySets) -> Result<v1alpha1::ApiKeyAuth, Unfit> {
    let ApiKey { header, secret_refs, consumers } = api_key;
    if secret_refs.is_empty() && consumers.is_empty() {
        return Err(Unfit::Wrong(format!(
            "the method {method:?} of spec.auth.methods has no keys, which would let nobody in: give consumers or secretRefs"
        )));
    }
    let mut ids = Vec::new();
    if !consumers.is_empty() {
        let id = KeySetId::consumers(&place.uid, method);
        let consumers = consumers.iter().map(consumer).collect::<Result<_, _>>()?;
        key_sets.insert(id.clone(), KeySet { keys: Some(Keys::Consumers(v1alpha1::Consumers { consumers })) });
        ids.push(id);
    }
    ids.extend(secret_refs.iter().map(|secret| KeySetId::secret(&place.namespace, &secret.name)));
    Ok(v1alpha1::ApiKeyAuth {
        header: header_name("spec.auth.methods[].apiKey.header", header.as_deref().unwrap_or(API_KEY))?,
        key_sets: ids.into_iter().map(|id| id.0).collect(),
    })
}

fn consumer(consumer: &Consumer) -> Result<v1alpha1::Consumer, Unfit> {
    let Consumer { name, digests } = consumer;
    if digests.is_empty() {
        return Err(Unfit::Wrong(format!(
            "the consumer {name:?} has no digests: give the digest of a key, or remove it"
        )));
    }
    let sha256 = digests.iter().map(|digest| {
        let bytes = digest.strip_prefix("sha256:").and_then(|hex| hex::decode(hex).ok());
        // The digest itself isn't repeated: it might be a key.
        bytes.filter(|bytes| bytes.len() == 32).ok_or_else(|| {
            Unfit::Wrong(format!(
                "digests of the consumer {name:?} must be sha256: and 64 hex digits; a key itself never belongs here"
            ))
        })
    });
    Ok(v1alpha1::Consumer { name: name.clone(), sha256: sha256.collect::<Result<_, _>>()? })
}

fn jwt_form(jwt: &Jwt) -> Result<v1alpha1::JwtAuth, Unfit> {
    let Jwt { issuer, audiences, jwks_uri, required_claims, forward_claims } = jwt;
    let https = |text: &str| url::Url::parse(text).is_ok_and(|url| url.scheme() == "https" && url.has_host());
    if !https(issuer) {
        return Err(Unfit::wrong(
            "spec.auth.methods[].jwt.issuer must be an https URL, exactly as the tokens' iss says it",
        ));
    }
    if jwks_uri.as_deref().is_some_and(|uri| !https(uri)) {
        return Err(Unfit::wrong("spec.auth.methods[].jwt.jwksURI must be an https URL: the keys decide who gets in"));
    }
    if audiences.is_empty() {
        return Err(Unfit::wrong(
            "spec.auth.methods[].jwt.audiences is empty: name the audience that tokens for this route have",
        ));
    }
    let required_claims = required_claims.iter().map(|RequiredClaim { claim, type_, any_of }| {
        if any_of.is_empty() {
            return Err(Unfit::Wrong(format!(
                "anyOf of the required claim {claim:?} is empty: give the values that get in"
            )));
        }
        let type_ = match type_ {
            ClaimType::String => v1alpha1::ClaimType::String,
            ClaimType::StringList => v1alpha1::ClaimType::StringList,
            ClaimType::SpaceDelimited => v1alpha1::ClaimType::SpaceDelimited,
            ClaimType::Boolean => v1alpha1::ClaimType::Boolean,
        };
        Ok(v1alpha1::RequiredClaim { claim: claim.clone(), r#type: type_.into(), any_of: any_of.clone() })
    });
    let forward_claims = forward_claims.iter().map(|ForwardClaim { claim, header }| {
        let header = header_name("spec.auth.methods[].jwt.forwardClaims[].header", header)?;
        Ok(v1alpha1::ForwardClaim { claim: claim.clone(), header })
    });
    Ok(v1alpha1::JwtAuth {
        issuer: issuer.clone(),
        audiences: audiences.clone(),
        key_set: KeySetId::jwks(issuer, jwks_uri.as_deref()).0,
        required_claims: required_claims.collect::<Result<_, _>>()?,
        forward_claims: forward_claims.collect::<Result<_, Unfit>>()?,
    })
}

fn account(
    account: &ServiceAccount,
    place: &Place,
    references: &References,
) -> Result<v1alpha1::ServiceAccountAuth, Unfit> {
    let ServiceAccount { audience: _, allow } = account;
    if allow.is_empty() {
        return Err(Unfit::wrong(
            "spec.auth.methods[].serviceAccount.allow is empty, which would let nobody in: name a ServiceAccount",
        ));
    }
    let issuer = references
        .cluster_issuer
        .clone()
        .ok_or_else(|| Unfit::Missing("the cluster's issuer of ServiceAccount tokens isn't known yet".to_owned()))?;
    let allow = allow
        .iter()
        .map(|it| v1alpha1::AllowedServiceAccount { namespace: it.namespace.clone(), name: it.name.clone() });
    Ok(v1alpha1::ServiceAccountAuth {
        issuer,
        audience: audience(account, place),
        key_set: KeySetId::cluster().0,
        allow: allow.collect(),
    })
}
