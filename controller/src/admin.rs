//! The admin port: `/livez`, `/readyz`, `/metrics`. It tells nothing secret and changes nothing.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode, header};
use http_body_util::Full;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use lambdaroute_admin::Open;
use prometheus_client::registry::Registry;
use tokio::net::TcpListener;
use tracing::debug;

use crate::readiness::Readiness;

/// Connections at once. One more ends another: whoever opens many can't keep the kubelet out, which would restart the process.
const AT_ONCE: usize = 64;
/// How long a request's head may take.
const HEAD: Duration = Duration::from_secs(10);

/// What the admin port tells.
#[derive(Debug)]
pub struct Admin {
    /// What is missing.
    pub readiness: Readiness,
    /// All metrics.
    pub registry: Registry,
}

/// Serves the admin port; never ends.
pub async fn serve(listener: TcpListener, admin: Arc<Admin>) {
    let mut open = Open::new(AT_ONCE);
    loop {
        let Ok((stream, peer)) = listener.accept().await else {
            tokio::time::sleep(Duration::from_millis(50)).await;
            continue;
        };
        let admin = admin.clone();
        let serving = tokio::spawn(async move {
            let service = service_fn(|request: Request<_>| {
                let response = answer(&admin, request.method(), request.uri().path());
                async { Ok::<_, Infallible>(response) }
            });
            let mut http = http1::Builder::new();
            let connection = http.timer(TokioTimer::new()).header_read_timeout(HEAD);
            if let Err(error) = connection.serve_connection(TokioIo::new(stream), service).await {
                debug!(error = %error, "an admin connection failed");
            }
        });
        open.add(peer.ip().to_canonical(), serving.abort_handle());
    }
}

fn answer(admin: &Admin, method: &Method, path: &str) -> Response<Full<Bytes>> {
    if method != Method::GET && method != Method::HEAD {
        return text(StatusCode::METHOD_NOT_ALLOWED, "only GET\n".to_owned());
    }
    match path {
        "/livez" => text(StatusCode::OK, "ok\n".to_owned()),
        "/readyz" => {
            let missing = admin.readiness.missing();
            match missing.is_empty() {
                true => text(StatusCode::OK, "ok\n".to_owned()),
                false => {
                    let lines = missing.iter().map(|(name, why)| format!("{name}: {why}\n")).collect();
                    text(StatusCode::SERVICE_UNAVAILABLE, lines)
                }
            }
        }
        "/metrics" => {
            let mut body = String::new();
            match prometheus_client::encoding::text::encode(&mut body, &admin.registry) {
                Ok(()) => {
                    let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
                    respond(StatusCode::OK, kind, body)
                }
                Err(_) => text(StatusCode::INTERNAL_SERVER_ERROR, "metrics can't be encoded\n".to_owned()),
            }
        }
        _ => text(StatusCode::NOT_FOUND, "try /livez, /readyz or /metrics\n".to_owned()),
    }
}

fn text(status: StatusCode, body: String) -> Response<Full<Bytes>> {
    respond(status, "text/plain; charset=utf-8", body)
}

fn respond(status: StatusCode, kind: &'static str, body: String) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(body)));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, header::HeaderValue::from_static(kind));
    response
}

#[cfg(test)]
mod tests;
