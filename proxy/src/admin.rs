//! The admin port: /livez, /readyz, /metrics. For the kubelet and for Prometheus; nothing here changes anything.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http::header::{ALLOW, CONTENT_TYPE};
use http::{HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::aws::CredentialStore;
use crate::body_memory::BodyMemory;
use crate::lifecycle::Lifecycle;
use crate::metrics::Metrics;
use crate::readiness::Conditions;

const HEADER_READ_TIMEOUT: Duration = Duration::from_secs(10);
const TEXT: &str = "text/plain; charset=utf-8";
const OPENMETRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// What the admin port tells about.
pub(crate) struct Admin {
    pub(crate) has_table: Arc<AtomicBool>,
    pub(crate) credentials: Arc<CredentialStore>,
    pub(crate) lifecycle: Arc<Lifecycle>,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) bodies: Arc<BodyMemory>,
}

impl Admin {
    /// Answers until `stop`.
    pub(crate) async fn run(self, listener: TcpListener, stop: CancellationToken) {
        let this = Arc::new(self);
        while let Some(accepted) = stop.run_until_cancelled(listener.accept()).await {
            let Ok((stream, _)) = accepted else {
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            };
            let this = this.clone();
            let service = service_fn(move |request| {
                let response = this.answer(&request);
                async move { Ok::<_, Infallible>(response) }
            });
            let mut http = hyper::server::conn::http1::Builder::new();
            http.timer(TokioTimer::new()).header_read_timeout(HEADER_READ_TIMEOUT);
            let connection = http.serve_connection(TokioIo::new(stream), service);
            tokio::spawn(stop.clone().run_until_cancelled_owned(connection));
        }
    }

    fn answer(&self, request: &Request<Incoming>) -> Response<Full<Bytes>> {
        if !matches!(*request.method(), Method::GET | Method::HEAD) {
            let mut response = text(StatusCode::METHOD_NOT_ALLOWED, "only GET and HEAD\n".to_owned(), TEXT);
            response.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
            return response;
        }
        match request.uri().path() {
            "/livez" => text(StatusCode::OK, "ok\n".to_owned(), TEXT),
            "/readyz" => self.ready(),
            "/metrics" => {
                self.metrics.body_memory.set(i64::try_from(self.bodies.used()).unwrap_or(i64::MAX));
                text(StatusCode::OK, self.metrics.text(self.credentials_expiry()), OPENMETRICS)
            }
            _ => text(StatusCode::NOT_FOUND, "there are /livez, /readyz and /metrics\n".to_owned(), TEXT),
        }
    }

    fn ready(&self) -> Response<Full<Bytes>> {
        let conditions = Conditions {
            table: self.has_table.load(Ordering::Relaxed),
            credentials: self.credentials.had_any(),
            leaving: self.lifecycle.is_leaving(),
        };
        let missing = conditions.missing();
        if missing.is_empty() {
            text(StatusCode::OK, "ok\n".to_owned(), TEXT)
        } else {
            text(StatusCode::SERVICE_UNAVAILABLE, format!("not ready\n{}\n", missing.join("\n")), TEXT)
        }
    }

    fn credentials_expiry(&self) -> f64 {
        let expires = self.credentials.expires().and_then(|time| time.duration_since(SystemTime::UNIX_EPOCH).ok());
        expires.unwrap_or_default().as_secs_f64()
    }
}

fn text(status: StatusCode, body: String, content_type: &'static str) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(body)));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}
