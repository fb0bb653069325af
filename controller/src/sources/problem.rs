//! Why what a route refers to can't be used, in words for its status. Pure. No value, no document and no address of the
//! network behind it is ever shown: whoever may write a manifest may read this.

use lambdaroute_crds::condition::Reason;

use super::api_keys::Refused;
use super::fetch_error::FetchError;
use super::needs::{Issuer, SecretName};
use super::secret::UnusableValue;
use crate::access::Resolution;
use crate::status::Actor;

/// One thing that a route refers to and that can't be used as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Problem {
    /// The controller may not read it.
    NotPermitted(SecretName),
    /// There is no such Secret.
    Missing(SecretName),
    /// A value that no header can have, or none.
    Value(SecretName, String, UnusableValue),
    /// Keys that aren't taken; the Secret's others work.
    Refused(SecretName, Vec<Refused>),
    /// None was ever had, since this.
    NoKeys(Issuer, FetchError),
    /// The issuer publishes none that a token may be verified with.
    NoUsableKeys(Issuer),
}

impl Problem {
    /// The reason of `ResolvedRefs`.
    pub fn reason(&self) -> Reason {
        match self {
            Problem::NotPermitted(_) => Reason::RefNotPermitted,
            Problem::Missing(_) | Problem::Value(..) => Reason::SecretNotFound,
            Problem::Refused(..) | Problem::NoKeys(..) | Problem::NoUsableKeys(_) => Reason::KeysUnavailable,
        }
    }

    /// Who must act.
    pub fn actor(&self) -> Actor {
        match self {
            Problem::NotPermitted(_) | Problem::NoKeys(Issuer::Cluster, _) | Problem::NoUsableKeys(Issuer::Cluster) => {
                Actor::Platform
            }
            Problem::NoKeys(_, FetchError::NotAllowed) => Actor::Platform,
            Problem::Missing(_)
            | Problem::Value(..)
            | Problem::Refused(..)
            | Problem::NoKeys(..)
            | Problem::NoUsableKeys(_) => Actor::You,
        }
    }

    /// What and what now.
    pub fn message(&self) -> String {
        match self {
            Problem::NotPermitted(secret) => format!(
                "the controller may not read the Secret {}: the platform team allows the namespace {} in the chart's value \
                 controller.secretNamespaces; API keys can also be given as digests, without a Secret",
                secret.name, secret.namespace
            ),
            Problem::Missing(secret) => {
                format!("there is no Secret {}: create it; it is looked for again by itself", secret.name)
            }
            Problem::Value(secret, key, why) => {
                format!("the key {key} of the Secret {} can't be a header's value: {why}", secret.name)
            }
            Problem::Refused(secret, refused) => {
                let refused: Vec<String> = refused.iter().map(ToString::to_string).collect();
                format!("in the Secret {}, {}; the other keys work", secret.name, refused.join(", and "))
            }
            Problem::NoKeys(issuer, error) => format!(
                "the keys of {} can't be had, so nobody new is recognised by them: {error}; it is tried again by itself",
                issuer
            ),
            Problem::NoUsableKeys(issuer) => format!(
                "{} publishes no key that tokens may be verified with (RSA of at least 2048 bits, EC, OKP), so nobody is \
                 recognised",
                issuer
            ),
        }
    }
}

/// What a route's needs came to, for `ResolvedRefs`: the first reason in the order of its causes (a right that is missing may
/// be why the rest isn't there), all of the words.
pub fn resolution(problems: Option<Vec<Problem>>) -> Resolution {
    let Some(mut problems) = problems else { return Resolution::Unknown };
    problems.sort_by_key(|problem| match problem.reason() {
        Reason::RefNotPermitted => 0,
        Reason::SecretNotFound => 1,
        _ => 2,
    });
    match problems.first() {
        None => Resolution::Resolved,
        Some(first) => Resolution::Unresolved {
            reason: first.reason(),
            actor: first.actor(),
            message: problems.iter().map(Problem::message).collect::<Vec<_>>().join("; "),
        },
    }
}

#[cfg(test)]
mod tests;
