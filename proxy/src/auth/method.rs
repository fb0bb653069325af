//! One method of a route: what it makes of a request. Pure.

use std::sync::Arc;

use http::{HeaderMap, HeaderName, HeaderValue};
use lambdaroute_proxy_config::v1alpha1::auth_method::Method as Kind;
use lambdaroute_proxy_config::v1alpha1::{self, AllowedServiceAccount};

use super::api_key::ApiKeys;
use super::bearer::Bearer;
use super::claims::{Claims, Required};
use super::header_text::header_text;
use super::token::SERVICE_ACCOUNT;
use super::{AuthError, Consumer, Identity};
use crate::key_sets::jwks::Signed;
use crate::key_sets::{KeySet, KeySetSlot, KeySets};

/// See the module.
#[derive(Debug)]
pub(crate) struct Method {
    name: HeaderValue,
    by: By,
}

#[derive(Debug)]
enum By {
    ApiKeys(ApiKeys),
    Tokens(Tokens),
}

/// Tokens of an issuer.
#[derive(Debug)]
struct Tokens {
    issuer: Box<str>,
    audiences: Box<[Box<str>]>,
    key_set: Arc<KeySetSlot>,
    admits: Admits,
}

#[derive(Debug)]
enum Admits {
    /// Whoever has these claims.
    Claims { required: Box<[Required]>, forward: Box<[(Box<str>, HeaderName)]> },
    /// These ServiceAccounts. Their tokens never leave.
    ServiceAccounts(Box<[AllowedServiceAccount]>),
}

/// What a method makes of a request.
#[derive(Debug)]
pub(crate) enum Judgement {
    /// It knows who calls.
    Recognised(Identity),
    /// It knows who calls, and doesn't admit them.
    Forbidden,
    /// A token of its issuer names a key that this key set doesn't have.
    UnknownKey(Arc<str>),
    /// It knows nothing.
    Unknown,
}

impl Method {
    pub(crate) fn new(method: &v1alpha1::AuthMethod, key_sets: &KeySets) -> Result<Self, AuthError> {
        let name = header_text(&method.name).ok_or(AuthError("a method's name is too long"))?;
        let list = |items: &[String]| items.iter().map(|item| item.as_str().into()).collect();
        let by = match &method.method {
            Some(Kind::ApiKey(api_key)) => By::ApiKeys(ApiKeys::new(api_key, key_sets)?),
            Some(Kind::Jwt(jwt)) => {
                let forward = jwt.forward_claims.iter().map(|forward| {
                    let header = HeaderName::from_bytes(forward.header.as_bytes());
                    let header = header.map_err(|_| AuthError("the header of a forwarded claim is no header name"))?;
                    Ok((forward.claim.as_str().into(), header))
                });
                let required = jwt.required_claims.iter().map(Required::new).collect();
                By::Tokens(Tokens {
                    issuer: jwt.issuer.as_str().into(),
                    audiences: list(&jwt.audiences),
                    key_set: key_sets.slot(&jwt.key_set),
                    admits: Admits::Claims { required, forward: forward.collect::<Result<_, _>>()? },
                })
            }
            Some(Kind::ServiceAccount(account)) => By::Tokens(Tokens {
                issuer: account.issuer.as_str().into(),
                audiences: list(std::slice::from_ref(&account.audience)),
                key_set: key_sets.slot(&account.key_set),
                admits: Admits::ServiceAccounts(account.allow.as_slice().into()),
            }),
            None => return Err(AuthError("a method is of a kind that this proxy doesn't know: upgrade it")),
        };
        Ok(Method { name, by })
    }

    /// The header of its keys. Absent: it is by tokens.
    pub(crate) fn key_header(&self) -> Option<&HeaderName> {
        match &self.by {
            By::ApiKeys(keys) => Some(&keys.header),
            By::Tokens(_) => None,
        }
    }

    /// Looks at a request. `verify`: a token that wasn't verified before is verified now; without it, only what costs nothing
    /// is looked at.
    pub(crate) fn judge(&self, headers: &HeaderMap, bearer: &mut Bearer<'_>, verify: bool, now: u64) -> Judgement {
        match &self.by {
            By::ApiKeys(keys) if !verify => match keys.find(headers) {
                Some(consumer) => Judgement::Recognised(Identity {
                    method: self.name.clone(),
                    consumer: Consumer::Listed(consumer),
                    forwarded: vec![],
                    claims: None,
                    may_pass_authorization: !keys.is_in_authorization(headers),
                }),
                None => Judgement::Unknown,
            },
            By::Tokens(tokens) if bearer.is_there() => {
                let keys = tokens.key_set.keys.load();
                let (Some(KeySet::Jwks(jwks)), Some(digest)) = (keys.as_deref(), bearer.digest()) else {
                    return Judgement::Unknown;
                };
                // Also where it is verified already: by another method, a moment ago.
                let claims = match (jwks.verified(&digest), verify) {
                    (Some(claims), _) => claims,
                    (None, true) => match bearer.token() {
                        Some((token, unverified)) if unverified.iss.as_deref() == Some(&*tokens.issuer) => {
                            match jwks.verify(token, &digest) {
                                Signed::Yes(claims) => claims,
                                Signed::No => return Judgement::Unknown,
                                Signed::UnknownKey => return Judgement::UnknownKey(tokens.key_set.id.clone()),
                            }
                        }
                        _ => return Judgement::Unknown,
                    },
                    _ => return Judgement::Unknown,
                };
                tokens.judge(&self.name, claims, now)
            }
            By::ApiKeys(_) | By::Tokens(_) => Judgement::Unknown,
        }
    }

    /// Whether its issuer is the cluster: tokens of it never leave.
    pub(crate) fn cluster_issuer(&self) -> Option<&str> {
        match &self.by {
            By::Tokens(Tokens { issuer, admits: Admits::ServiceAccounts(_), .. }) => Some(issuer),
            By::ApiKeys(_) | By::Tokens(_) => None,
        }
    }
}

impl Tokens {
    /// The signature holds; the rest must, too.
    fn judge(&self, method: &HeaderValue, claims: Arc<Claims>, now: u64) -> Judgement {
        if !claims.hold(&self.issuer, &self.audiences, now) {
            return Judgement::Unknown;
        }
        let Some(subject) = claims.subject() else { return Judgement::Unknown };
        let (name, forwarded, may_pass_authorization) = match &self.admits {
            Admits::Claims { required, forward } => {
                if !required.iter().all(|required| claims.satisfy(required)) {
                    return Judgement::Forbidden;
                }
                let mut forwarded = Vec::with_capacity(forward.len());
                for (claim, header) in forward {
                    match claims.header(claim) {
                        Ok(Some(value)) => forwarded.push((header.clone(), value)),
                        Ok(None) => {}
                        Err(_) => return Judgement::Unknown,
                    }
                }
                (subject.to_owned(), forwarded, true)
            }
            Admits::ServiceAccounts(allowed) => {
                let account = subject.strip_prefix(SERVICE_ACCOUNT).and_then(|account| account.split_once(':'));
                let Some((namespace, name)) = account else { return Judgement::Unknown };
                let admitted =
                    allowed.iter().any(|of| of.namespace == namespace && (of.name == "*" || of.name == name));
                if !admitted || namespace.is_empty() || name.is_empty() {
                    return Judgement::Forbidden;
                }
                (format!("{namespace}/{name}"), vec![], false)
            }
        };
        let Some(header) = header_text(&name) else { return Judgement::Unknown };
        Judgement::Recognised(Identity {
            method: method.clone(),
            consumer: Consumer::Token(name, header),
            forwarded,
            claims: Some(claims),
            may_pass_authorization,
        })
    }
}
