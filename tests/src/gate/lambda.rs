//! The rules of AWS Lambda that the emulator doesn't keep, kept at the gate in front of it:
//! one policy for each qualifier, Sids of AWS's alphabet, revisions, the limit of a policy's size, both statements for a
//! call of a function URL, AWS's words for what is missing. `tests/emulator/README.md` lists them.
//! It decides nothing that the emulator decides: identity policies, sessions, what functions answer.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use anyhow::bail;
use bytes::Bytes;
use http::{Method, Request, Response, StatusCode};
use serde_json::Value;

use super::call::Seen;
use super::connection::{Body, streaming, whole};
use super::operation::{Operation, Target};
use super::upstream::Lane;
use crate::aws::{Api, element};
use crate::credentials::{AwsCredentials, Identity, KnownKeys};
use crate::principals::session;
use crate::signature::{self, Refusal, Wire};
use parallel::Losing;
use rates::Rates;

mod calls;
mod parallel;
mod policies;
mod policy;
mod rates;
mod refusal;
mod urls;

/// AWS's rules, for the emulator at one address. Everybody who calls through the gate must be among `keys`.
#[derive(Debug, Clone)]
pub struct LambdaRules {
    admin: Api,
    /// The administrator's access key id.
    administrator: String,
    keys: KnownKeys,
    account: String,
    region: String,
    /// Which function a URL's id belongs to.
    urls: Arc<Mutex<HashMap<String, Target>>>,
    /// Counts the writes to each policy, by the ARN with its qualifier.
    revisions: Arc<Mutex<HashMap<String, u64>>>,
    /// AWS changes a function's policies one at a time.
    writing: Arc<tokio::sync::Mutex<()>>,
    /// AWS's budget, if the test wants it kept.
    rates: Arc<Mutex<Option<Rates>>>,
    /// Whose parallel writes lose a statement.
    losing: Arc<Mutex<HashMap<String, Losing>>>,
}

impl LambdaRules {
    /// `emulator` is asked as `admin` for what AWS would know.
    pub fn new(emulator: SocketAddr, admin: AwsCredentials, keys: KnownKeys, account: &str, region: &str) -> Self {
        Self {
            administrator: admin.access_key_id.clone(),
            admin: Api::new(emulator, admin, region),
            keys,
            account: account.to_owned(),
            region: region.to_owned(),
            urls: Arc::default(),
            revisions: Arc::default(),
            writing: Arc::default(),
            rates: Arc::default(),
            losing: Arc::default(),
        }
    }

    /// Carries a call out as AWS would.
    pub(super) async fn carry(&self, seen: &Seen, lane: &mut Lane) -> anyhow::Result<Response<Body>> {
        if let Some(refused) = self.over_budget(seen) {
            return Ok(whole(refused));
        }
        match (seen.operation, &seen.target) {
            (Operation::CallFunctionUrl, _) => self.call(seen, lane).await,
            (Operation::Sts, _) => self.learn(seen, lane).await,
            (Operation::GetPolicy, Some(target)) => self.get_policy(seen, target, lane).await.map(whole),
            (Operation::AddPermission, Some(target)) => self.add_permission(seen, target, lane).await.map(whole),
            (Operation::RemovePermission, Some(target)) => self.remove_permission(seen, target, lane).await.map(whole),
            (
                Operation::CreateFunctionUrlConfig
                | Operation::GetFunctionUrlConfig
                | Operation::UpdateFunctionUrlConfig
                | Operation::DeleteFunctionUrlConfig,
                Some(target),
            ) => self.url_config(seen, target, lane).await.map(whole),
            (Operation::DeleteFunction | Operation::DeleteAlias, Some(target)) => {
                self.delete_urls(seen, target).await?;
                lane.send(seen.request()?).await.map(streaming)
            }
            _ => lane.send(seen.request()?).await.map(streaming),
        }
    }

    /// Who signed a call of the control plane or the data plane.
    fn signer(&self, seen: &Seen) -> Result<Identity, Refusal> {
        let wire = Wire {
            method: seen.method.as_str(),
            path: &seen.path,
            query: &seen.query,
            headers: &seen.headers,
            body: &seen.body,
        };
        signature::verify(wire, &self.keys, "lambda", &self.region, SystemTime::now())
    }

    /// Sends the caller's request with another target or body, signed again in the caller's name: its own signature
    /// has been verified, and can't cover what changed.
    async fn send_changed(
        &self,
        seen: &Seen,
        target: &str,
        body: Bytes,
        signer: &AwsCredentials,
        lane: &mut Lane,
    ) -> anyhow::Result<Response<hyper::body::Incoming>> {
        let mut request = changed(seen, target, body)?;
        signature::sign(&mut request, signer, "lambda", &self.region, SystemTime::now())?;
        lane.send(request).await
    }

    /// Session credentials that STS gives out through the gate are known from then on.
    async fn learn(&self, seen: &Seen, lane: &mut Lane) -> anyhow::Result<Response<Body>> {
        let answer = collected(lane.send(seen.request()?).await?).await?;
        let text = String::from_utf8_lossy(answer.body());
        let role = url::form_urlencoded::parse(&seen.body)
            .find(|(name, _)| name == "RoleArn")
            .map(|(_, arn)| arn.into_owned())
            .or_else(|| element(&text, "Arn").map(str::to_owned));
        if let (Some(credentials), Some(arn)) = (session(&text), role) {
            self.keys.add(Identity { credentials, arn, may_invoke: false });
        }
        Ok(whole(answer))
    }

    fn arn(&self, target: &Target) -> String {
        let base = format!("arn:aws:lambda:{}:{}:function:{}", self.region, self.account, target.function);
        target.qualifier.as_ref().map_or(base.clone(), |qualifier| format!("{base}:{qualifier}"))
    }

    /// Every statement of a function, of all qualifiers, as the emulator keeps them. `None`: no such function.
    async fn statements(&self, function: &str) -> anyhow::Result<Option<Vec<Value>>> {
        let target = format!("/2015-03-31/functions/{function}/policy");
        let Some(answer) = self.ask(&target).await? else { return Ok(None) };
        let policy: Value = serde_json::from_str(answer["Policy"].as_str().unwrap_or("{}"))?;
        Ok(Some(policy["Statement"].as_array().cloned().unwrap_or_default()))
    }

    /// What the administrator reads at a target of the control plane. `None`: 404.
    async fn ask(&self, target: &str) -> anyhow::Result<Option<Value>> {
        let answer = match self.admin.lambda(Method::GET, target, &Value::Null).await {
            Ok(answer) => answer,
            // A kept connection that the emulator has just closed.
            Err(_) => self.admin.lambda(Method::GET, target, &Value::Null).await?,
        };
        match answer.status() {
            StatusCode::OK => Ok(Some(serde_json::from_slice(answer.body())?)),
            StatusCode::NOT_FOUND => Ok(None),
            status => bail!("the emulator answered {status} to {target}: {}", String::from_utf8_lossy(answer.body())),
        }
    }

    fn remember_url(&self, config: &Value, target: &Target) {
        let url = config["FunctionUrl"].as_str().unwrap_or_default();
        let id = url.trim_start_matches("https://").split('.').next().unwrap_or_default();
        self.urls.lock().unwrap_or_else(PoisonError::into_inner).insert(id.to_owned(), target.clone());
    }
}

/// The caller's request with another target and body, not signed.
fn changed(seen: &Seen, target: &str, body: Bytes) -> anyhow::Result<Request<Bytes>> {
    let mut request = Request::builder().method(seen.method.clone()).uri(target).body(body)?;
    *request.headers_mut() = seen.headers.clone();
    request.headers_mut().remove(http::header::CONTENT_LENGTH);
    request.headers_mut().remove(http::header::TRANSFER_ENCODING);
    Ok(request)
}

/// A streaming answer as a whole one.
async fn collected(answer: Response<hyper::body::Incoming>) -> anyhow::Result<Response<Bytes>> {
    use http_body_util::BodyExt;
    let (mut parts, body) = answer.into_parts();
    parts.headers.remove(http::header::CONTENT_LENGTH);
    parts.headers.remove(http::header::TRANSFER_ENCODING);
    Ok(Response::from_parts(parts, body.collect().await?.to_bytes()))
}
