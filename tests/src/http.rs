//! A plain HTTP caller, as a workload of the cluster would be: no SDK, no credentials.

use std::time::Duration;

use anyhow::Context;
use bytes::Bytes;
use http::{HeaderMap, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;

/// The longest that any answer may take.
const DEADLINE: Duration = Duration::from_secs(60);

/// An answer, read to its end.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The status.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The whole body.
    pub body: Bytes,
}

impl Answer {
    /// The body as JSON.
    ///
    /// # Errors
    /// When it isn't; the error shows it.
    pub fn json(&self) -> anyhow::Result<serde_json::Value> {
        serde_json::from_slice(&self.body)
            .with_context(|| format!("{} with the body {:?}", self.status, String::from_utf8_lossy(&self.body)))
    }

    /// The last part of a problem's type: the cause of a refusal. None for anything else.
    pub fn cause(&self) -> Option<String> {
        let type_ = self.json().ok()?.get("type")?.as_str()?.to_owned();
        type_.strip_prefix("https://lambdaroute.dev/problems/").map(str::to_owned)
    }
}

/// Sends a request on a connection of its own and gives the answer as it begins: for answers that stream.
///
/// # Errors
/// When no answer begins within a minute.
pub async fn begin(request: Request<Bytes>) -> anyhow::Result<Response<Incoming>> {
    let client = Client::builder(TokioExecutor::new()).pool_max_idle_per_host(0).build_http();
    let target = request.uri().clone();
    tokio::time::timeout(DEADLINE, client.request(request.map(Full::new)))
        .await
        .with_context(|| format!("no answer from {target} within {DEADLINE:?}"))?
        .with_context(|| format!("call {target}"))
}

/// Sends a request and reads the whole answer.
///
/// # Errors
/// When the answer isn't complete within a minute.
pub async fn send(request: Request<Bytes>) -> anyhow::Result<Answer> {
    let (parts, body) = begin(request).await?.into_parts();
    let body = tokio::time::timeout(DEADLINE, body.collect()).await.context("the answer doesn't end")??.to_bytes();
    Ok(Answer { status: parts.status, headers: parts.headers, body })
}

/// GETs a URL.
///
/// # Errors
/// As [`send`].
pub async fn get(url: &str) -> anyhow::Result<Answer> {
    send(Request::get(url).body(Bytes::new())?).await
}
