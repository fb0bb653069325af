//! Requests to function URLs over HTTP/1.1 (they negotiate no HTTP/2), on connections that are kept alive and reused.
//! A request is sent again only if nothing of it was written: hyper gives it back then.

mod addresses;
mod connect;
mod origin;
mod pool;
mod resolver;

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use http::{Request, Response};
use hyper::body::Incoming;
use hyper::client::conn::http1::Builder;
use hyper_util::rt::TokioIo;
use lambdaroute_proxy_config::cause::Cause;
use tokio::time::timeout;

pub(crate) use connect::{Connector, choose_cryptography};
pub(crate) use origin::Origin;

use crate::error_chain::chain;
use crate::problem::Refused;
use crate::request_body::RequestBody;
use connect::Connected;
use pool::{Pool, Sender};

/// Also the most that is read at once, and the limit of an answer's headers: a few of these are what a connection costs.
const BUFFER: usize = 64 * 1024;
/// New connections for one request: a server may close one before it has read anything.
const CONNECTS: usize = 2;

/// One worker's connections to function URLs.
pub(crate) struct Upstream {
    connector: Arc<Connector>,
    connect_timeout: Duration,
    http: Builder,
    pool: Arc<Pool>,
}

/// The connection of an answer that isn't read to its end yet. Dropped: the connection is closed.
pub(crate) struct Lease {
    pool: Arc<Pool>,
    origin: Arc<Origin>,
    sender: Sender,
}

impl Lease {
    /// The answer has been read to its end.
    pub(crate) fn give_back(self) {
        self.pool.give_back(&self.origin, self.sender);
    }
}

impl Upstream {
    /// `connect_timeout`: for the whole of connecting, the lookup and TLS included.
    pub(crate) fn new(connector: Arc<Connector>, connect_timeout: Duration) -> Self {
        let mut http = Builder::new();
        http.max_buf_size(BUFFER);
        Upstream { connector, connect_timeout, http, pool: Arc::default() }
    }

    /// Sends the request and waits for the answer's headers, `first_byte` at most. Dropping the future cancels the request.
    pub(crate) async fn send(
        &self,
        origin: &Arc<Origin>,
        request: Request<RequestBody>,
        first_byte: Duration,
    ) -> Result<(Response<Incoming>, Lease), Refused> {
        // Pinned here: else all of it is copied into the timeout.
        let exchange = pin!(self.exchange(origin, request));
        match timeout(first_byte, exchange).await {
            Ok(answer) => answer,
            Err(_) => Err(Refused::new(Cause::UpstreamTimeout, "the function URL gave no answer in time")),
        }
    }

    async fn exchange(
        &self,
        origin: &Arc<Origin>,
        mut request: Request<RequestBody>,
    ) -> Result<(Response<Incoming>, Lease), Refused> {
        let mut connects = 0;
        loop {
            let mut sender = match self.pool.take(origin) {
                Some(sender) => sender,
                None => {
                    connects += 1;
                    // Boxed: it is rare, and each request's future would be as large as it.
                    Box::pin(self.connect(origin)).await?
                }
            };
            let mut error = match sender.try_send_request(request).await {
                Ok(response) => {
                    let lease = Lease { pool: self.pool.clone(), origin: origin.clone(), sender };
                    return Ok((response, lease));
                }
                Err(error) => error,
            };
            // Given back: nothing of it was written.
            match error.take_message() {
                Some(unsent) if connects < CONNECTS => request = unsent,
                Some(_) => return Err(unreachable(&error.into_error())),
                None => {
                    let detail =
                        "the connection to the function URL broke before its answer; the function may have run";
                    return Err(Refused::new(Cause::UpstreamReset, detail).because(chain(&error.into_error())));
                }
            }
        }
    }

    async fn connect(&self, origin: &Origin) -> Result<Sender, Refused> {
        let connected = match timeout(self.connect_timeout, self.connector.connect(origin)).await {
            Ok(connected) => connected.map_err(|error| unreachable(&error))?,
            Err(_) => {
                let refused = Refused::new(Cause::UpstreamUnreachable, NO_CONNECTION);
                return Err(refused.because(format!("connecting took longer than {:?}", self.connect_timeout)));
            }
        };
        match connected {
            Connected::Plain(stream) => {
                let (sender, connection) =
                    self.http.handshake(TokioIo::new(stream)).await.map_err(|error| unreachable(&error))?;
                // Its errors reach the request that is on it.
                tokio::spawn(connection);
                Ok(sender)
            }
            Connected::Tls(stream) => {
                let (sender, connection) =
                    self.http.handshake(TokioIo::new(*stream)).await.map_err(|error| unreachable(&error))?;
                tokio::spawn(connection);
                Ok(sender)
            }
        }
    }
}

const NO_CONNECTION: &str = "no connection to the function URL";

fn unreachable(error: &(dyn std::error::Error + 'static)) -> Refused {
    Refused::new(Cause::UpstreamUnreachable, NO_CONNECTION).because(chain(error))
}
