//! Who calls: the methods of a route, in their order; any one that succeeds identifies the caller. Pure: it reads the
//! request's headers, the key sets as they are now and the time that it is given.
//!
//! Nothing here tells a caller which part of what it sent was wrong.

pub(crate) mod claims;
pub(crate) mod header_text;
pub(crate) mod token;

mod api_key;
mod bearer;
mod challenge;
mod method;

use std::borrow::Cow;
use std::sync::Arc;

use http::{HeaderMap, HeaderName, HeaderValue};
use lambdaroute_proxy_config::cause::Cause;
use lambdaroute_proxy_config::v1alpha1;

use crate::key_sets::KeySets;
use crate::limit::subject::Recognised;
use bearer::Bearer;
use challenge::Challenges;
use claims::Claims;
use method::{Judgement, Method};
use token::holds_service_account_token;

/// The methods of a route.
#[derive(Debug)]
pub(crate) struct Authentication {
    methods: Box<[Method]>,
    challenges: Challenges,
}

/// Who was recognised, and by what.
#[derive(Clone, Debug)]
pub(crate) struct Identity {
    /// The method's name, as the function is told it.
    pub(crate) method: HeaderValue,
    /// The consumer: of an API key its consumer's name, of a JWT its `sub`, of a ServiceAccount `<namespace>/<name>`. Unique
    /// only among those of one method.
    pub(crate) consumer: Consumer,
    /// Claims of the token, as the function is told them.
    pub(crate) forwarded: Vec<(HeaderName, HeaderValue)>,
    /// What a token says. Absent: an API key.
    pub(crate) claims: Option<Arc<Claims>>,
    /// Whether the caller's Authorization may go on, under whatever name.
    pub(crate) may_pass_authorization: bool,
}

/// A consumer's name and the header value that tells it.
#[derive(Clone, Debug)]
pub(crate) enum Consumer {
    /// Of an API key.
    Listed(Arc<crate::key_sets::consumers::Consumer>),
    /// Of a token.
    Token(String, HeaderValue),
}

impl Consumer {
    /// The name.
    pub(crate) fn name(&self) -> &str {
        match self {
            Consumer::Listed(consumer) => &consumer.name,
            Consumer::Token(name, _) => name,
        }
    }

    /// The name as the function is told it.
    pub(crate) fn header(&self) -> &HeaderValue {
        match self {
            Consumer::Listed(consumer) => &consumer.header,
            Consumer::Token(_, header) => header,
        }
    }
}

impl Recognised for Identity {
    fn method(&self) -> &[u8] {
        self.method.as_bytes()
    }

    fn name(&self) -> &str {
        self.consumer.name()
    }

    /// A string as it is, a number or boolean in its shortest form, anything else as JSON.
    fn claim(&self, name: &str) -> Option<Cow<'_, str>> {
        self.claims.as_ref()?.text(name)
    }
}

/// Why nobody was recognised, or somebody who isn't allowed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Denied {
    /// `unauthenticated` or `forbidden`.
    pub(crate) cause: Cause,
    /// For the caller.
    pub(crate) detail: Arc<str>,
    /// `WWW-Authenticate`, a line each.
    pub(crate) challenges: Vec<HeaderValue>,
}

/// As [`Authentication::must_stay`], where nobody has said what the cluster's issuer is.
pub(crate) fn must_stay_anywhere(value: &HeaderValue) -> bool {
    holds_service_account_token(value.as_bytes(), std::iter::empty())
}

/// What became of a request.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) caller: Result<Identity, Denied>,
    /// Key sets that may be old: a token of the right issuer named a key that they don't have.
    pub(crate) stale_key_sets: Vec<Arc<str>>,
}

/// A route's `auth` that can't be served.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("auth.methods: {0}")]
pub(crate) struct AuthError(&'static str);

impl Authentication {
    /// # Errors
    /// A method of an unknown kind, or names that no header can say: the route is refused then.
    pub(crate) fn new(auth: &v1alpha1::Auth, key_sets: &KeySets) -> Result<Self, AuthError> {
        if auth.methods.is_empty() {
            return Err(AuthError("it is empty"));
        }
        let methods: Box<[Method]> =
            auth.methods.iter().map(|method| Method::new(method, key_sets)).collect::<Result<_, _>>()?;
        let challenges = Challenges::new(&methods);
        Ok(Authentication { methods, challenges })
    }

    /// Whether a value of Authorization holds a token that must not leave: one of a ServiceAccount, as its issuer or its
    /// subject says, verified or not.
    pub(crate) fn must_stay(&self, value: &HeaderValue) -> bool {
        let issuers = self.methods.iter().filter_map(Method::cluster_issuer);
        holds_service_account_token(value.as_bytes(), issuers)
    }

    /// Who sent a request with these headers, at this time (seconds since the epoch).
    pub(crate) fn identify(&self, headers: &HeaderMap, now: u64) -> Outcome {
        let mut bearer = Bearer::of(headers);
        let (mut forbidden, mut stale_key_sets) = (false, Vec::new());
        // Those first that cost nothing: keys, and tokens that were verified before.
        for verify in [false, true] {
            for method in &self.methods {
                match method.judge(headers, &mut bearer, verify, now) {
                    Judgement::Recognised(identity) => return Outcome { caller: Ok(identity), stale_key_sets },
                    Judgement::Forbidden => forbidden = true,
                    Judgement::UnknownKey(id) => stale_key_sets.push(id),
                    Judgement::Unknown => {}
                }
            }
        }
        let denied = if forbidden {
            Denied {
                cause: Cause::Forbidden,
                detail: challenge::FORBIDDEN.into(),
                challenges: self.challenges.insufficient(),
            }
        } else {
            Denied {
                cause: Cause::Unauthenticated,
                detail: challenge::wants(&self.methods).into(),
                challenges: self.challenges.unauthenticated(bearer.was_given()),
            }
        };
        Outcome { caller: Err(denied), stale_key_sets }
    }
}

#[cfg(test)]
mod tests;
