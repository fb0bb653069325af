//! The admin port: /livez, /readyz, /metrics, and on loopback /config. For the kubelet, for Prometheus and for who looks into
//! the Pod; nothing here changes anything.

use std::convert::Infallible;
use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use lambdaroute_admin::Open;
use tokio::net::TcpListener;
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;

pub(crate) use crate::admin::scrapes::Scrapes;
use crate::aws::CredentialStore;
use crate::body_memory::BodyMemory;
use crate::caller_io::CallerIo;
use crate::config_page::{Flags, Running, page};
use crate::contact::Contact;
use crate::lifecycle::Lifecycle;
use crate::metrics::{LookedUp, Metrics};
use crate::moment::Moment;
use crate::programmer::Command;
use crate::readiness::Conditions;
use crate::table::SUPPORTED;

mod scrapes;

const HEADER_READ_TIMEOUT: Duration = Duration::from_secs(10);
/// How long somebody may take nothing of an answer.
const SEND_TIMEOUT: Duration = Duration::from_secs(10);
/// At once. One more ends another: whoever opens many can't keep the kubelet out, which would restart the process.
const CONNECTIONS: usize = 64;
/// Texts of all metrics that are being taken; each may be large.
const SCRAPES: usize = 4;
const TEXT: &str = "text/plain; charset=utf-8";
const OPENMETRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// What a proxy runs is its operator's business.
const ONLY_LOOPBACK: &str = "only for callers on loopback: use kubectl port-forward\n";

/// What the admin port tells about.
pub(crate) struct Admin {
    pub(crate) has_table: Arc<AtomicBool>,
    pub(crate) credentials: Arc<CredentialStore>,
    pub(crate) lifecycle: Arc<Lifecycle>,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) bodies: Arc<BodyMemory>,
    pub(crate) contact: Arc<Contact>,
    pub(crate) flags: Flags,
    pub(crate) commands: mpsc::Sender<Command>,
    pub(crate) scrapes: Mutex<Scrapes>,
}

impl Admin {
    /// Answers until `stop`.
    pub(crate) async fn run(self, listener: TcpListener, stop: CancellationToken) {
        let this = Arc::new(self);
        let mut open = Open::new(CONNECTIONS);
        loop {
            let Some(accepted) = stop.run_until_cancelled(listener.accept()).await else { return };
            let Ok((stream, peer)) = accepted else {
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            };
            let this = this.clone();
            let service = service_fn(move |request: Request<Incoming>| {
                let this = this.clone();
                let (method, path) = (request.method().clone(), request.uri().path().to_owned());
                async move { Ok::<_, Infallible>(this.answer(&method, &path, peer.ip()).await) }
            });
            let mut http = hyper::server::conn::http1::Builder::new();
            http.timer(TokioTimer::new()).header_read_timeout(HEADER_READ_TIMEOUT);
            let io = CallerIo::new(stream, SEND_TIMEOUT, Arc::default());
            let connection = http.serve_connection(TokioIo::new(io), service);
            let ended = stop.clone().run_until_cancelled_owned(connection);
            open.add(peer.ip().to_canonical(), tokio::spawn(ended).abort_handle());
        }
    }

    async fn answer(&self, method: &Method, path: &str, peer: IpAddr) -> Response<Full<Bytes>> {
        if !matches!(*method, Method::GET | Method::HEAD) {
            let mut response = text(StatusCode::METHOD_NOT_ALLOWED, "only GET and HEAD\n".to_owned(), TEXT);
            response.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
            return response;
        }
        match path {
            "/livez" => text(StatusCode::OK, "ok\n".to_owned(), TEXT),
            "/readyz" => self.ready(),
            "/metrics" => {
                let mut scrapes = self.scrapes.lock().unwrap_or_else(PoisonError::into_inner);
                let told = scrapes.tell(|| self.metrics.text(&self.looked_up()));
                drop(scrapes);
                respond(StatusCode::OK, told, OPENMETRICS)
            }
            "/config" if may_see_config(peer) => self.config().await,
            "/config" => text(StatusCode::FORBIDDEN, ONLY_LOOPBACK.to_owned(), TEXT),
            _ => text(StatusCode::NOT_FOUND, "there are /livez, /readyz, /metrics and /config\n".to_owned(), TEXT),
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

    async fn config(&self) -> Response<Full<Bytes>> {
        let (to, described) = oneshot::channel();
        // One that can't be sent comes back, and would be waited for.
        let described = match self.commands.send(Command::Describe(to)).await {
            Ok(()) => described.await.ok(),
            Err(_) => None,
        };
        let Some(described) = described else {
            return text(StatusCode::SERVICE_UNAVAILABLE, "the process is stopping\n".to_owned(), TEXT);
        };
        let page = page(Running {
            flags: &self.flags,
            features: SUPPORTED,
            table: described.version,
            resources: described.resources.iter().map(|(resource, state)| (resource, *state)),
        });
        let mut response = text(StatusCode::OK, format!("{page:#}\n"), "application/json");
        response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        response
    }

    fn looked_up(&self) -> LookedUp {
        let expires = self.credentials.expires().and_then(|time| time.duration_since(SystemTime::UNIX_EPOCH).ok());
        LookedUp {
            credentials_expiry: expires.unwrap_or_default().as_secs_f64(),
            table_age: self.contact.age(Moment::now()).map_or(f64::NAN, |age| age.as_secs_f64()),
            body_memory: self.bodies.used(),
        }
    }
}

/// Who is in the Pod, or comes through `kubectl port-forward`.
fn may_see_config(peer: IpAddr) -> bool {
    peer.to_canonical().is_loopback()
}

fn text(status: StatusCode, body: String, content_type: &'static str) -> Response<Full<Bytes>> {
    respond(status, Bytes::from(body), content_type)
}

fn respond(status: StatusCode, body: Bytes, content_type: &'static str) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(body));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}

#[cfg(test)]
mod tests;
