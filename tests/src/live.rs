//! What no emulator can tell, asked of AWS itself: each fact that the product stands on, with what is expected and what was
//! observed. It works on one function that is made for it, and leaves nothing there. `docs/live.md` tells how to run it.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context, ensure};

use crate::credentials::AwsCredentials;

mod calls;
mod control;
mod facts;
mod lambda;
mod wire;

pub use facts::{Fact, Verdict, table};

use lambda::Lambda;

/// Names the function, and turns the suite on.
pub const FUNCTION: &str = "LAMBDAROUTE_LIVE_FUNCTION";

/// Where, what and as whom.
#[derive(Clone, Debug)]
pub struct Settings {
    /// A function of this suite's own: without a URL, without a policy.
    pub function: String,
    /// Its Region.
    pub region: String,
    /// Who may do to it what the controller does.
    pub manager: AwsCredentials,
    /// A principal without any policy of its own in the function's account, and the ARN of its role or user: the proxies'.
    pub caller: (String, AwsCredentials),
    /// An emulator in AWS's place.
    pub endpoint: Option<SocketAddr>,
    /// How long anything may take to reach AWS's front door.
    pub patience: Duration,
}

impl Settings {
    /// From variables of our own; AWS's usual ones are never read. `None`: the suite isn't asked for.
    ///
    /// # Errors
    /// When the function is named and something else is missing.
    pub fn from_environment() -> anyhow::Result<Option<Self>> {
        let Ok(function) = std::env::var(FUNCTION) else { return Ok(None) };
        let wanted = |name: &str| std::env::var(name).with_context(|| format!("{name} isn't set (docs/live.md)"));
        let credentials = |who: &str| {
            anyhow::Ok(AwsCredentials {
                access_key_id: wanted(&format!("LAMBDAROUTE_LIVE_{who}_ACCESS_KEY_ID"))?,
                secret_access_key: wanted(&format!("LAMBDAROUTE_LIVE_{who}_SECRET_ACCESS_KEY"))?,
                session_token: std::env::var(format!("LAMBDAROUTE_LIVE_{who}_SESSION_TOKEN")).ok(),
            })
        };
        let endpoint = std::env::var("LAMBDAROUTE_LIVE_ENDPOINT").ok();
        Ok(Some(Self {
            function,
            region: wanted("LAMBDAROUTE_LIVE_REGION")?,
            manager: credentials("MANAGER")?,
            caller: (wanted("LAMBDAROUTE_LIVE_CALLER_ARN")?, credentials("CALLER")?),
            endpoint: endpoint
                .map(|text| text.parse().context("LAMBDAROUTE_LIVE_ENDPOINT is no address:port"))
                .transpose()?,
            patience: Duration::from_secs(120),
        }))
    }
}

/// Tries every fact, and takes away all that it made, however it ends.
///
/// # Errors
/// When the function isn't this suite's own, AWS can't be reached, or something of ours is left.
pub async fn run(settings: &Settings) -> anyhow::Result<Vec<Fact>> {
    let lambda = Lambda::new(settings);
    let there = lambda.url().await?.is_some() || !lambda.statements().await?.is_empty();
    ensure!(
        !there,
        "{} has a URL or a policy: give a function that is made for this suite and has neither (docs/live.md)",
        settings.function
    );
    let mut facts = Vec::new();
    let tried = async {
        control::permissions(&lambda, &mut facts).await?;
        control::urls(&lambda, &mut facts).await?;
        calls::calls(settings, &lambda, &mut facts).await
    }
    .await;
    lambda.clean_up().await.context("take away what the suite made: look at the function yourself")?;
    let left = lambda.url().await?.is_some() || !lambda.statements().await?.is_empty();
    ensure!(!left, "something is left on {}: look at it yourself", settings.function);
    tried?;
    Ok(facts)
}
