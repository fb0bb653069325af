//! Who a proxy is: a ServiceAccount token with our audience, bound to its Pod, reviewed by the API server.

use std::collections::BTreeSet;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use k8s_openapi::api::authentication::v1::{TokenReview, TokenReviewSpec, TokenReviewStatus};
use kube::api::PostParams;
use kube::{Api, Client};
use lambdaroute_proxy_config::TOKEN_AUDIENCE;
use tokio::sync::Semaphore;
use tonic::Status;

use super::Authenticate;
use crate::table::ProxyId;

/// Reviews under way at once: strangers must not make us flood the API server.
const AT_ONCE: usize = 8;
/// How long a review may take.
const LONGEST: Duration = Duration::from_secs(5);

/// A ServiceAccount that proxies may run as.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ServiceAccount {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
}

impl FromStr for ServiceAccount {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.split_once('/') {
            Some((namespace, name)) if !namespace.is_empty() && !name.is_empty() && !name.contains('/') => {
                Ok(Self { namespace: namespace.to_owned(), name: name.to_owned() })
            }
            _ => Err(format!("{text:?} is not a service account: expected NAMESPACE/NAME")),
        }
    }
}

/// A proxy that has proven who it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proven {
    /// Its Pod's uid.
    pub pod: ProxyId,
    /// Its Pod's name.
    pub pod_name: String,
    /// Its Pod's namespace.
    pub namespace: String,
    /// When its token ends, in seconds since 1970.
    pub expires: i64,
}

/// Why a stream isn't let in.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Denied {
    /// This replica doesn't lead.
    #[error("this replica doesn't lead: try the next address")]
    NotLeading,
    /// No valid token.
    #[error("{0}")]
    Unauthenticated(String),
    /// A valid token of somebody who may not.
    #[error("{0}")]
    Forbidden(String),
    /// The token couldn't be reviewed.
    #[error("{0}")]
    Unavailable(String),
}

impl From<Denied> for Status {
    fn from(denied: Denied) -> Self {
        let text = denied.to_string();
        match denied {
            Denied::NotLeading => Status::failed_precondition(text),
            Denied::Unauthenticated(_) => Status::unauthenticated(text),
            Denied::Forbidden(_) => Status::permission_denied(text),
            Denied::Unavailable(_) => Status::unavailable(text),
        }
    }
}

/// Has the API server review each token.
pub fn by_token_review(client: Client, allowed: BTreeSet<ServiceAccount>) -> Authenticate {
    let (allowed, places) = (Arc::new(allowed), Arc::new(Semaphore::new(AT_ONCE)));
    Arc::new(move |token| {
        let (client, allowed, places) = (client.clone(), allowed.clone(), places.clone());
        Box::pin(async move {
            let reviewed = tokio::time::timeout(LONGEST, async {
                let _place = places.acquire().await;
                review(client, &token).await
            });
            match reviewed.await {
                Ok(Ok(status)) => judge(&status, &allowed, &token),
                Ok(Err(error)) => Err(Denied::Unavailable(format!("the token can't be reviewed: {error}"))),
                Err(_) => Err(Denied::Unavailable("the token can't be reviewed: no answer in time".to_owned())),
            }
        })
    })
}

async fn review(client: Client, token: &str) -> Result<TokenReviewStatus, kube::Error> {
    let spec = TokenReviewSpec { token: Some(token.to_owned()), audiences: Some(vec![TOKEN_AUDIENCE.to_owned()]) };
    let review = TokenReview { spec, ..TokenReview::default() };
    let review = Api::<TokenReview>::all(client).create(&PostParams::default(), &review).await?;
    Ok(review.status.unwrap_or_default())
}

/// What a review means. Pure.
///
/// # Errors
/// Everything but a token with our audience, of an allowed ServiceAccount, bound to a Pod.
pub fn judge(status: &TokenReviewStatus, allowed: &BTreeSet<ServiceAccount>, token: &str) -> Result<Proven, Denied> {
    // An API server that doesn't know audiences answers without them: such a token proves nothing to us.
    let ours = status.audiences.iter().flatten().any(|audience| audience == TOKEN_AUDIENCE);
    if status.authenticated != Some(true) || !ours {
        return Err(Denied::Unauthenticated(format!("the token isn't valid for the audience {TOKEN_AUDIENCE}")));
    }
    let user = status.user.clone().unwrap_or_default();
    let username = user.username.unwrap_or_default();
    let account = username.strip_prefix("system:serviceaccount:").and_then(|account| account.split_once(':'));
    let account =
        account.map(|(namespace, name)| ServiceAccount { namespace: namespace.to_owned(), name: name.to_owned() });
    let Some(account) = account.filter(|account| allowed.contains(account)) else {
        return Err(Denied::Forbidden(format!("{username} isn't allowed: see --proxy-service-account")));
    };
    let extra = |name: &str| {
        let values = user.extra.as_ref()?.get(&format!("authentication.kubernetes.io/{name}"))?;
        values.first().filter(|_| values.len() == 1).cloned()
    };
    let (Some(pod_name), Some(uid)) = (extra("pod-name"), extra("pod-uid")) else {
        return Err(Denied::Forbidden("the token isn't bound to a pod".to_owned()));
    };
    let Some(expires) = expiry(token) else {
        return Err(Denied::Unauthenticated("the token doesn't say when it ends".to_owned()));
    };
    Ok(Proven { pod: ProxyId(uid), pod_name, namespace: account.namespace, expires })
}

/// The claim `exp` of a token that has been reviewed.
fn expiry(token: &str) -> Option<i64> {
    let payload = BASE64_URL_SAFE_NO_PAD.decode(token.split('.').nth(1)?).ok()?;
    serde_json::from_slice::<serde_json::Value>(&payload).ok()?.get("exp")?.as_i64()
}

#[cfg(test)]
mod tests;
