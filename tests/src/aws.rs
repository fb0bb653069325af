//! The harness's own calls to AWS: signed requests over plain HTTP, answers as they are. For what the AWS SDK isn't
//! needed for (IAM, STS) or would hide (exact status, headers, targets). The processes under test never use it.

use std::net::SocketAddr;
use std::time::SystemTime;

use anyhow::{Context, ensure};
use bytes::Bytes;
use http::{Method, Request, Response, header};
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;

use crate::credentials::AwsCredentials;
use crate::signature;

/// A client without TLS, proxies or redirects.
pub(crate) fn plain_client() -> Client<HttpConnector, Full<Bytes>> {
    Client::builder(TokioExecutor::new()).build_http()
}

/// AWS as one principal sees it.
#[derive(Debug, Clone)]
pub struct Api {
    client: Client<HttpConnector, Full<Bytes>>,
    address: SocketAddr,
    credentials: AwsCredentials,
    region: String,
}

impl Api {
    /// The endpoint (the emulator or a gate before it), and who calls.
    pub fn new(address: SocketAddr, credentials: AwsCredentials, region: &str) -> Self {
        Self { client: plain_client(), address, credentials, region: region.to_owned() }
    }

    /// A call of the Lambda control plane: the path with its query, and a JSON body (`Null`: none).
    pub async fn lambda(
        &self,
        method: Method,
        target: &str,
        body: &serde_json::Value,
    ) -> anyhow::Result<Response<Bytes>> {
        let body = if body.is_null() { Bytes::new() } else { Bytes::from(serde_json::to_vec(body)?) };
        let request = Request::builder()
            .method(method)
            .uri(target)
            .header(header::HOST, self.address.to_string())
            .header(header::CONTENT_TYPE, "application/json")
            .body(body)?;
        self.send_signed("lambda", request).await
    }

    /// A call of a service with the Query protocol (IAM, STS); answers its XML, or fails with AWS's message.
    pub async fn query(&self, service: &str, version: &str, parameters: &[(&str, &str)]) -> anyhow::Result<String> {
        let form = url::form_urlencoded::Serializer::new(String::new())
            .append_pair("Version", version)
            .extend_pairs(parameters)
            .finish();
        let request = Request::post("/")
            .header(header::HOST, format!("{service}.amazonaws.com"))
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded; charset=utf-8")
            .body(Bytes::from(form))?;
        let answer = self.send_signed(service, request).await?;
        let text = String::from_utf8_lossy(answer.body()).into_owned();
        ensure!(answer.status().is_success(), "{service} answered {}: {text}", answer.status());
        Ok(text)
    }

    /// A call of a function URL: `host` is the URL's, the connection goes to the endpoint. Signed for `lambda`.
    pub async fn call_url(&self, host: &str, request: Request<Bytes>) -> anyhow::Result<Response<Bytes>> {
        self.send_signed("lambda", for_host(host, request)?).await
    }

    /// The same without a signature: what anybody on the internet can send.
    pub async fn call_url_unsigned(&self, host: &str, request: Request<Bytes>) -> anyhow::Result<Response<Bytes>> {
        self.send(for_host(host, request)?).await
    }

    async fn send_signed(&self, service: &str, mut request: Request<Bytes>) -> anyhow::Result<Response<Bytes>> {
        signature::sign(&mut request, &self.credentials, service, &self.region, SystemTime::now())?;
        self.send(request).await
    }

    /// Sends a request as it is.
    pub async fn send(&self, request: Request<Bytes>) -> anyhow::Result<Response<Bytes>> {
        let (mut parts, body) = request.into_parts();
        parts.uri = format!("http://{}{}", self.address, parts.uri).parse()?;
        let answer =
            self.client.request(Request::from_parts(parts, Full::new(body))).await.context("call the endpoint")?;
        let (parts, body) = answer.into_parts();
        Ok(Response::from_parts(parts, body.collect().await?.to_bytes()))
    }
}

fn for_host(host: &str, mut request: Request<Bytes>) -> anyhow::Result<Request<Bytes>> {
    request.headers_mut().insert(header::HOST, host.parse()?);
    Ok(request)
}

/// The text of an XML element's first occurrence.
pub(crate) fn element<'a>(xml: &'a str, name: &str) -> Option<&'a str> {
    let start = xml.find(&format!("<{name}>"))? + name.len() + 2;
    let length = xml[start..].find(&format!("</{name}>"))?;
    Some(&xml[start..start + length])
}
