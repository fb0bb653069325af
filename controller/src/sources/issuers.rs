//! Fetches the keys of issuers whenever they are due, a few at once.

use std::time::Instant;

use kube::Client;
use tokio::task::JoinSet;

use super::fetch_error::{DEADLINE, FetchError};
use super::https::Https;
use super::needs::Issuer;
use super::state::Fetched;
use super::{SourceEvent, Sources, cluster_keys, discovery, jwks, refresh};

/// How many fetches are under way at once, besides the cluster's: tenants name their hosts, and a slow one must not keep the
/// others waiting.
const AT_ONCE: usize = 32;
/// So many failures in a row are told as an Event.
const TOLD: u32 = 2;

/// Never ends well.
pub(super) async fn follow(client: Client, https: Https, sources: Sources) -> &'static str {
    let mut fetches: JoinSet<(Issuer, Result<Fetched, FetchError>)> = JoinSet::new();
    loop {
        let changed = sources.0.fetches_changed.notified();
        while let Some(issuer) = sources.state().begin_fetch(Instant::now(), fetches.len() < AT_ONCE) {
            let (client, https) = (client.clone(), https.clone());
            fetches.spawn(async move {
                let fetched = fetch(&client, &https, &issuer).await;
                (issuer, fetched)
            });
        }
        let due = sources.state().next_fetch(fetches.len() < AT_ONCE);
        let wait = async {
            match due {
                Some(at) => tokio::time::sleep_until(at.into()).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = changed => {}
            () = wait => {}
            Some(done) = fetches.join_next() => match done {
                Ok((issuer, fetched)) => end(&sources, &issuer, fetched),
                Err(error) => {
                    tracing::error!(%error, "a fetch of keys failed");
                    return "the fetches of keys";
                }
            },
        }
    }
}

fn end(sources: &Sources, issuer: &Issuer, fetched: Result<Fetched, FetchError>) {
    let failure = fetched.as_ref().err().copied();
    sources.0.metrics.fetched(issuer, failure.map_or("ok", FetchError::label));
    let (failures_before, _) = sources.state().failing(issuer);
    sources.change(|state, now| state.end_fetch(issuer, fetched, now, rand::random()));
    let ((failures, has_keys), users) = {
        let state = sources.state();
        (state.failing(issuer), state.users(issuer))
    };
    match failure {
        Some(error) => {
            tracing::warn!(%issuer, %error, failures, "keys can't be fetched; it is tried again");
            if has_keys && failures == TOLD {
                sources.tell(SourceEvent::RefreshFails(users, issuer.clone(), error));
            }
        }
        None if failures_before >= TOLD => {
            tracing::info!(%issuer, "keys can be fetched again");
            sources.tell(SourceEvent::RefreshWorks(users, issuer.clone()));
        }
        None => tracing::debug!(%issuer, "keys fetched"),
    }
}

async fn fetch(client: &Client, https: &Https, issuer: &Issuer) -> Result<Fetched, FetchError> {
    let url = match issuer {
        Issuer::Cluster => {
            let fetched = tokio::time::timeout(DEADLINE, cluster_keys::fetch(client)).await;
            return fetched.unwrap_or(Err(FetchError::Timeout));
        }
        Issuer::At(url) => discovery::https("jwksURI", url)?,
        Issuer::Discovered(issuer) => {
            let document = https.get(&discovery::document_url(issuer)?).await?;
            discovery::keys_url(issuer, &document.body)?
        }
    };
    let document = https.get(&url).await?;
    let public = jwks::public(&document.body)?;
    let max_age = document.cache_control.as_deref().and_then(refresh::max_age);
    Ok(Fetched { public, max_age, issuer: None })
}
