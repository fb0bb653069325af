//! Keeps the credentials fresh: loads them by the AWS default chain ahead of their end, asks STS whose they are.
//! It never blocks a request, and a failure leaves the old ones in use, and what was known of them.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use aws_config::meta::region::RegionProviderChain;
use aws_config::{BehaviorVersion, SdkConfig};
use aws_credential_types::provider::ProvideCredentials;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::credentials::{CredentialStore, Identity, SigningCredentials};
use crate::error_chain::chain;

/// Credentials without an end are looked at again after this: a file may have been replaced.
const RELOAD: Duration = Duration::from_secs(300);
/// How long before their end credentials are renewed, unless that is more than half of what is left.
const AHEAD: Duration = Duration::from_secs(300);
/// The most that one look at the credential source may take.
const LOAD_TIMEOUT: Duration = Duration::from_secs(30);
/// Whoever is told that the credentials have expired may have them loaded this soon after the last load, and no sooner.
const SOONEST: Duration = Duration::from_secs(5);
/// The most that one call of STS may take.
const STS_TIMEOUT: Duration = Duration::from_secs(10);
/// STS is a global service of a partition; this Region answers where none is configured.
const FALLBACK_REGION: &str = "us-east-1";

/// Runs until `stop`.
pub(crate) async fn keep_fresh(store: Arc<CredentialStore>, stop: CancellationToken) {
    stop.run_until_cancelled_owned(refresh_for_ever(&store)).await;
}

async fn refresh_for_ever(store: &CredentialStore) {
    let mut failures = 0;
    let mut identified = false;
    let mut since = Instant::now();
    loop {
        let config = load_config().await;
        let wait = match load_credentials(&config).await {
            Ok(credentials) => {
                let expires = credentials.expires;
                let changed = store.replace(credentials);
                // Whoever waits for them doesn't wait for their identity.
                store.loaded();
                if changed {
                    tracing::info!(expires = expires.map(rfc3339), "credentials loaded");
                    identified = false;
                    since = Instant::now();
                }
                if !identified {
                    identified = identify(&config, store, since).await;
                }
                failures = if identified { 0 } else { failures + 1 };
                let until_refresh = refresh_in(expires, store.latest(SystemTime::now()));
                if identified { until_refresh } else { until_refresh.min(back_off(failures)) }
            }
            Err(error) => {
                failures += 1;
                let accepted = store.holds_valid_at(store.latest(SystemTime::now()));
                tracing::error!(error, failures, accepted, "can't load AWS credentials; trying on");
                let told = store.told().after_no_load(accepted, error);
                identified &= matches!(told, Identity::Arn(_));
                store.identify(told);
                store.loaded();
                back_off(failures)
            }
        };
        until_needed(store, wait, SystemTime::now).await;
    }
}

/// How often the clock is looked at: it may have been set, and timers stand still while a machine sleeps.
const LOOK: Duration = Duration::from_secs(60);

/// Returns when the credentials are to be loaded again.
pub(super) async fn until_needed(store: &CredentialStore, wait: Duration, clock: impl Fn() -> SystemTime) {
    let (loaded, due) = (Instant::now(), clock().checked_add(wait));
    let mut look = std::pin::pin!(tokio::time::sleep(wait.min(LOOK)));
    loop {
        tokio::select! {
            () = look.as_mut() => {
                let left = wait.saturating_sub(loaded.elapsed());
                if left.is_zero() || due.is_none_or(|due| clock() >= due) {
                    return;
                }
                look.as_mut().reset(Instant::now() + left.min(LOOK));
            }
            () = store.wanted() => {
                if loaded.elapsed() >= SOONEST {
                    return;
                }
                // It was asked a moment ago: there is nothing newer.
                store.loaded();
            }
        }
    }
}

/// Built anew each time: profile files, token files and Region settings are read again.
async fn load_config() -> SdkConfig {
    let region = RegionProviderChain::default_provider().or_else(FALLBACK_REGION);
    aws_config::defaults(BehaviorVersion::v2026_01_12()).region(region).load().await
}

async fn load_credentials(config: &SdkConfig) -> Result<SigningCredentials, String> {
    let provider = config.credentials_provider().ok_or("the AWS default chain is empty")?;
    let loading = tokio::time::timeout(LOAD_TIMEOUT, provider.provide_credentials());
    let credentials = loading.await.map_err(|_| format!("the credential source gave no answer in {LOAD_TIMEOUT:?}"))?;
    SigningCredentials::new(&credentials.map_err(|error| chain(&error))?)
}

/// Whether it is known now whose they are; they are there since then.
async fn identify(config: &SdkConfig, store: &CredentialStore, since: Instant) -> bool {
    let client = aws_sdk_sts::Client::new(config);
    let arn = match tokio::time::timeout(STS_TIMEOUT, client.get_caller_identity().send()).await {
        Ok(Ok(answer)) => answer.arn.ok_or_else(|| "sts:GetCallerIdentity named no ARN".to_owned()),
        Ok(Err(error)) => Err(format!("sts:GetCallerIdentity failed: {}", chain(&error))),
        Err(_) => Err(format!("sts:GetCallerIdentity gave no answer in {STS_TIMEOUT:?}")),
    };
    match arn {
        Ok(arn) => {
            tracing::info!(arn, "AWS identity");
            store.identify(Identity::Arn(arn));
            true
        }
        Err(error) => {
            tracing::warn!(error, "can't tell the AWS identity; requests are signed all the same; trying on");
            store.identify(store.told().after_silence(since.elapsed(), error));
            false
        }
    }
}

/// When to load again: five minutes ahead of the end, or at half of what is left if that is shorter.
pub(super) fn refresh_in(expires: Option<SystemTime>, now: SystemTime) -> Duration {
    let Some(expires) = expires else { return RELOAD };
    let left = expires.duration_since(now).unwrap_or_default();
    left.saturating_sub(AHEAD).max(left / 2).clamp(Duration::from_secs(1), Duration::from_secs(3600))
}

/// 1 s, 2 s, 4 s … 30 s.
pub(super) fn back_off(failures: u32) -> Duration {
    Duration::from_secs(1 << failures.saturating_sub(1).min(5)).min(Duration::from_secs(30))
}

fn rfc3339(time: SystemTime) -> String {
    jiff::Timestamp::try_from(time).map(|time| time.to_string()).unwrap_or_default()
}
