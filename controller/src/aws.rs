//! AWS: the one module that names its SDK. Each method is one API call with a typed answer, begun when AWS's limits have room
//! for it; nothing here decides, retries or remembers.

use std::collections::{BTreeSet, HashMap};
use std::future::Future;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_lambda::Client;
use aws_sdk_lambda::error::{ProvideErrorMetadata, SdkError};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use prometheus_client::registry::Registry;
use tokio::time::Instant;

use crate::observation::{UrlCors, UrlSettings};
use crate::priority::Priority;
use crate::target::{Defaults, FunctionTarget};

mod bucket;
mod denied;
mod error;
mod limiter;
mod metrics;
mod rate;
mod read;
mod write;

pub use denied::Denied;
pub use error::{AwsError, ErrorKind};
pub use rate::AwsRate;
pub use write::Answered;

use limiter::{Limiter, Limiters, Place};
use metrics::AwsMetrics;
use rate::Budget;

/// No call of the control plane lasts longer.
const OPERATION_TIMEOUT: Duration = Duration::from_secs(15);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// Where AWS is and who is granted what.
#[derive(Clone, Debug, clap::Args)]
#[command(next_help_heading = "AWS")]
pub struct AwsArgs {
    /// The ARN of the role or user that the proxies' credentials belong to: it is granted the pair of permission statements
    #[arg(long)]
    pub proxy_principal: crate::principal::ProxyPrincipal,

    /// AWS endpoint for every service instead of AWS's own: an emulator, or a private endpoint. AWS_ENDPOINT_URL_LAMBDA and
    /// AWS's other usual variables work too
    #[arg(long, value_name = "URL")]
    pub aws_endpoint_url: Option<String>,

    /// How many requests a second are made of each account and Region at most, by the three limits that AWS has: for
    /// GetPolicy (AWS allows 15), for GetFunction (100), and for all other calls together (15). Others who call AWS share its
    /// limits. What isn't named keeps its default; after a throttle it is less for a while
    #[arg(long, value_name = "NAME=NUMBER,…", default_value = rate::DEFAULT)]
    pub aws_rate: AwsRate,

    /// Whose permission statements are this cluster's, 1 to 16 characters of a-z and 0-9. Absent: 8 hex digits of the uid of
    /// the namespace kube-system. Two clusters must never share one; give it to hand ownership from one cluster to the next
    #[arg(long)]
    pub cluster_id: Option<crate::sid::ClusterId>,
}

/// Who the controller is for AWS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// As STS names it.
    pub arn: String,
    /// What a spec leaves out.
    pub defaults: Defaults,
}

/// Clients for every Region that is used.
pub struct Aws {
    config: SdkConfig,
    clients: Mutex<HashMap<String, Client>>,
    limiters: Arc<Limiters>,
    metrics: AwsMetrics,
}

/// Lambda's control plane for one target, within the limits of its account and Region.
pub struct Lambda<'a> {
    aws: &'a Aws,
    limiter: Arc<Limiter>,
    priority: Priority,
}

impl Aws {
    /// Reads AWS's usual settings (environment, files, instance). Calls nothing but the instance's metadata.
    pub async fn load(args: &AwsArgs, registry: &mut Registry) -> Self {
        let limiters = Limiters::new(args.aws_rate);
        let metrics = AwsMetrics::register(registry, limiters.clone());
        let timeouts =
            TimeoutConfig::builder().connect_timeout(CONNECT_TIMEOUT).operation_timeout(OPERATION_TIMEOUT).build();
        // One budget, kept by the limiter and the queue's back-off: no retries of the SDK behind their back.
        let mut loader = aws_config::defaults(BehaviorVersion::latest())
            .retry_config(RetryConfig::disabled())
            .timeout_config(timeouts);
        if let Some(url) = &args.aws_endpoint_url {
            loader = loader.endpoint_url(url);
        }
        Self { config: loader.load().await, clients: Mutex::new(HashMap::new()), limiters, metrics }
    }

    /// Calls about a target.
    pub fn lambda(&self, target: &FunctionTarget, priority: Priority) -> Lambda<'_> {
        let place = Place { account_id: target.account_id.clone(), region: target.region.clone() };
        Lambda { aws: self, limiter: self.limiters.of(place), priority }
    }

    fn client(&self, region: &str) -> Client {
        let mut clients = self.clients.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        clients
            .entry(region.to_owned())
            .or_insert_with(|| {
                let config =
                    aws_sdk_lambda::config::Builder::from(&self.config).region(Region::new(region.to_owned())).build();
                Client::from_conf(config)
            })
            .clone()
    }

    /// Who we are. STS needs no permission for it.
    ///
    /// # Errors
    /// No credentials, or STS can't be reached.
    pub async fn caller_identity(&self) -> Result<Identity, AwsError> {
        const OPERATION: &str = "sts:GetCallerIdentity";
        let region = self.config.region().map(ToString::to_string);
        let mut config = aws_sdk_sts::config::Builder::from(&self.config);
        if region.is_none() {
            config = config.region(Region::from_static("us-east-1"));
        }
        let client = aws_sdk_sts::Client::from_conf(config.build());
        let answer = self.send(OPERATION, None, client.get_caller_identity().send()).await?;
        let (Some(arn), Some(account_id)) = (answer.arn(), answer.account()) else {
            return Err(AwsError::unexpected(OPERATION, "an answer without ARN or account"));
        };
        let partition = arn.split(':').nth(1).unwrap_or("aws").to_owned();
        Ok(Identity {
            arn: arn.to_owned(),
            defaults: Defaults { region, account_id: account_id.to_owned(), partition },
        })
    }

    /// Sends one call, within a write's deadline, and counts it.
    async fn send<T, E>(
        &self,
        operation: &'static str,
        deadline: Option<Instant>,
        send: impl Future<Output = Result<T, SdkError<E, HttpResponse>>>,
    ) -> Result<T, AwsError>
    where
        E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
    {
        let begun = Instant::now();
        let outcome = match deadline {
            Some(deadline) if deadline <= begun => Err(AwsError::not_leading(operation)),
            Some(deadline) => match tokio::time::timeout_at(deadline, send).await {
                Ok(answer) => answer.map_err(|error| AwsError::of(operation, error)),
                Err(_) => Err(AwsError::not_leading(operation)),
            },
            None => send.await.map_err(|error| AwsError::of(operation, error)),
        };
        self.metrics.count(operation, outcome.as_ref().err(), begun.elapsed());
        outcome
    }
}

impl Lambda<'_> {
    fn lambda(&self, region: &str) -> Client {
        self.aws.client(region)
    }

    /// Sends one call when it is its turn. A write's deadline counts the waiting: one that waited past it isn't begun.
    async fn call<T, E>(
        &self,
        operation: &'static str,
        deadline: Option<Instant>,
        send: impl Future<Output = Result<T, SdkError<E, HttpResponse>>>,
    ) -> Result<T, AwsError>
    where
        E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
    {
        let (budget, waits_since) = (Budget::of(operation), Instant::now());
        let turn = self.limiter.turn(budget, self.priority);
        let begins = match deadline {
            Some(deadline) => tokio::time::timeout_at(deadline, turn).await.is_ok(),
            None => {
                turn.await;
                true
            }
        };
        self.aws.metrics.waited(budget, self.priority, waits_since.elapsed());
        if !begins {
            return Err(AwsError::not_leading(operation));
        }
        let outcome = self.aws.send(operation, deadline, send).await;
        if let Err(AwsError { kind: ErrorKind::Throttled { retry_after }, .. }) = &outcome {
            self.limiter.throttled(budget, *retry_after);
            self.aws.metrics.throttled(budget);
        }
        outcome
    }
}

fn sdk_auth_type(settings: &UrlSettings) -> aws_sdk_lambda::types::FunctionUrlAuthType {
    match settings.auth_type {
        lambdaroute_crds::AuthType::AwsIam => aws_sdk_lambda::types::FunctionUrlAuthType::AwsIam,
        lambdaroute_crds::AuthType::None => aws_sdk_lambda::types::FunctionUrlAuthType::None,
    }
}

fn sdk_invoke_mode(settings: &UrlSettings) -> aws_sdk_lambda::types::InvokeMode {
    match settings.invoke_mode {
        lambdaroute_crds::InvokeMode::Buffered => aws_sdk_lambda::types::InvokeMode::Buffered,
        lambdaroute_crds::InvokeMode::ResponseStream => aws_sdk_lambda::types::InvokeMode::ResponseStream,
    }
}

/// All of it, also what is empty.
fn sdk_cors(cors: &UrlCors) -> aws_sdk_lambda::types::Cors {
    let UrlCors { allow_origins, allow_methods, allow_headers, expose_headers, allow_credentials, max_age } = cors;
    let list = |texts: &BTreeSet<String>| Some(texts.iter().cloned().collect::<Vec<_>>());
    aws_sdk_lambda::types::Cors::builder()
        .set_allow_origins(list(allow_origins))
        .set_allow_methods(list(allow_methods))
        .set_allow_headers(list(allow_headers))
        .set_expose_headers(list(expose_headers))
        .allow_credentials(*allow_credentials)
        .max_age(i32::try_from(*max_age).unwrap_or(i32::MAX))
        .build()
}

/// Settings as AWS answers them.
///
/// # Errors
/// An auth type or invoke mode that this version doesn't know: never taken for another.
fn settings_of(
    operation: &'static str,
    auth_type: &aws_sdk_lambda::types::FunctionUrlAuthType,
    invoke_mode: Option<&aws_sdk_lambda::types::InvokeMode>,
    cors: Option<&aws_sdk_lambda::types::Cors>,
    sent: lambdaroute_crds::InvokeMode,
) -> Result<UrlSettings, AwsError> {
    let auth_type = match auth_type.as_str() {
        "AWS_IAM" => lambdaroute_crds::AuthType::AwsIam,
        "NONE" => lambdaroute_crds::AuthType::None,
        other => return Err(AwsError::unexpected(operation, &format!("the unknown auth type {other:?}"))),
    };
    let invoke_mode = match invoke_mode.map(aws_sdk_lambda::types::InvokeMode::as_str) {
        Some("BUFFERED") => lambdaroute_crds::InvokeMode::Buffered,
        Some("RESPONSE_STREAM") => lambdaroute_crds::InvokeMode::ResponseStream,
        // Create and Update echo the mode only where it was sent.
        None => sent,
        Some(other) => return Err(AwsError::unexpected(operation, &format!("the unknown invoke mode {other:?}"))),
    };
    let cors = cors.map(|cors| UrlCors {
        allow_credentials: cors.allow_credentials().unwrap_or_default(),
        max_age: cors.max_age().and_then(|seconds| u32::try_from(seconds).ok()).unwrap_or_default(),
        ..UrlCors::new(cors.allow_origins(), cors.allow_methods(), cors.allow_headers(), cors.expose_headers())
    });
    Ok(UrlSettings { auth_type, invoke_mode, cors: cors.unwrap_or_default() })
}

#[cfg(test)]
pub(crate) mod tests;
