//! The control plane of the one function, and nothing but it.

use std::net::SocketAddr;

use anyhow::{Context, bail};
use bytes::Bytes;
use http::{Method, Request, Response, StatusCode, header};
use serde_json::{Value, json};

use super::{Settings, wire};
use crate::credentials::AwsCredentials;

/// All that this suite writes begins so.
const SID: &str = "lr-live-";

/// The function, as its manager.
#[derive(Clone, Debug)]
pub(super) struct Lambda {
    function: String,
    region: String,
    manager: AwsCredentials,
    endpoint: Option<SocketAddr>,
}

impl Lambda {
    pub(super) fn new(settings: &Settings) -> Self {
        let Settings { function, region, manager, endpoint, .. } = settings.clone();
        Self { function, region, manager, endpoint }
    }

    /// Any call below the function: `policy`, `url`.
    pub(super) async fn ask(&self, method: Method, what: &str, body: &Value) -> anyhow::Result<Response<Bytes>> {
        let version = if what.starts_with("url") { "2021-10-31" } else { "2015-03-31" };
        let body = if body.is_null() { Bytes::new() } else { Bytes::from(body.to_string()) };
        let request = Request::builder()
            .method(method)
            .uri(format!("/{version}/functions/{}/{what}", self.function))
            .header(header::CONTENT_TYPE, "application/json")
            .body(body)?;
        let host = format!("lambda.{}.amazonaws.com", self.region);
        wire::send(self.endpoint, &host, &self.region, Some(&self.manager), request).await
    }

    /// AddPermission under a Sid of ours.
    pub(super) async fn add(&self, sid: &str, fields: Value) -> anyhow::Result<Response<Bytes>> {
        let mut body = fields;
        body["StatementId"] = json!(format!("{SID}{sid}"));
        self.ask(Method::POST, "policy", &body).await
    }

    /// RemovePermission of a Sid of ours.
    pub(super) async fn remove(&self, sid: &str) -> anyhow::Result<Response<Bytes>> {
        self.ask(Method::DELETE, &format!("policy/{SID}{sid}"), &Value::Null).await
    }

    pub(super) async fn url(&self) -> anyhow::Result<Option<Value>> {
        found(&self.ask(Method::GET, "url", &Value::Null).await?)
    }

    pub(super) async fn statements(&self) -> anyhow::Result<Vec<Value>> {
        let Some(answer) = found(&self.ask(Method::GET, "policy", &Value::Null).await?)? else { return Ok(vec![]) };
        let policy: Value = serde_json::from_str(answer["Policy"].as_str().context("no policy in the answer")?)?;
        Ok(policy["Statement"].as_array().cloned().unwrap_or_default())
    }

    /// Takes away what this suite made: the function had nothing before.
    pub(super) async fn clean_up(&self) -> anyhow::Result<()> {
        for statement in self.statements().await? {
            if let Some(sid) = statement["Sid"].as_str().and_then(|sid| sid.strip_prefix(SID)) {
                self.remove(sid).await?;
            }
        }
        self.ask(Method::DELETE, "url", &Value::Null).await?;
        Ok(())
    }
}

fn found(answer: &Response<Bytes>) -> anyhow::Result<Option<Value>> {
    match answer.status() {
        StatusCode::OK => Ok(Some(serde_json::from_slice(answer.body())?)),
        StatusCode::NOT_FOUND => Ok(None),
        _ => bail!("{}", shown(answer)),
    }
}

/// Status, code and words of an answer, short.
pub(super) fn shown(answer: &Response<Bytes>) -> String {
    let code = answer.headers().get("x-amzn-errortype").and_then(|code| code.to_str().ok()).unwrap_or_default();
    let text: String = String::from_utf8_lossy(answer.body()).chars().take(160).collect();
    format!("{} {code} {text}", answer.status().as_u16())
}
