//! The origin's connections.

use std::io;
use std::sync::Arc;
use std::sync::PoisonError;
use std::sync::atomic::Ordering;
use std::time::SystemTime;

use bytes::Bytes;
use futures::{StreamExt, stream};
use http::{Request, Response, header};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use sha2::{Digest, Sha256};
use tokio::net::TcpListener;
use tokio_stream::wrappers::UnboundedReceiverStream;
use tokio_util::sync::CancellationToken;

use super::script::{Action, Canned, Door, Piece};
use super::socket::{ResetSwitch, Socket};
use super::{Received, Shared, refusal};
use crate::signature::{Refusal, Wire, verify};

type Body = UnsyncBoxBody<Bytes, io::Error>;

pub(super) async fn accept(listener: TcpListener, shared: Arc<Shared>, stop: CancellationToken) {
    while let Some(accepted) = stop.run_until_cancelled(listener.accept()).await {
        let Ok((stream, _)) = accepted else { continue };
        let number = shared.connections.fetch_add(1, Ordering::SeqCst);
        shared.open.fetch_add(1, Ordering::SeqCst);
        let (shared, stop) = (Arc::clone(&shared), stop.clone());
        tokio::spawn(async move {
            let _ = stream.set_nodelay(true);
            let switch = ResetSwitch::default();
            let socket = TokioIo::new(Socket::new(stream, switch.clone()));
            let serving = Arc::clone(&shared);
            let service = service_fn(move |request| answer(request, Arc::clone(&serving), number, switch.clone()));
            let connection = http1::Builder::new().timer(TokioTimer::new()).serve_connection(socket, service);
            // A caller that hangs up, or a reset that a script asked for.
            let _ = stop.run_until_cancelled(connection).await;
            shared.open.fetch_sub(1, Ordering::SeqCst);
        });
    }
}

async fn answer(
    request: Request<Incoming>,
    shared: Arc<Shared>,
    connection: usize,
    switch: ResetSwitch,
) -> io::Result<Response<Body>> {
    let (parts, body) = request.into_parts();
    let body = body.collect().await.map_err(io::Error::other)?.to_bytes();
    let (door, action) = shared.scripts.of(parts.uri.path());
    let wire = Wire {
        method: parts.method.as_str(),
        path: parts.uri.path(),
        query: parts.uri.query().unwrap_or_default(),
        headers: &parts.headers,
        body: &body,
    };
    let signer = match door {
        Door::Open => None,
        Door::Iam => Some(verify(wire, &shared.keys, "lambda", &shared.region, SystemTime::now())),
    };
    let received = Received {
        method: parts.method.to_string(),
        target: parts.uri.path_and_query().map(ToString::to_string).unwrap_or_default(),
        host: parts.headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default().to_owned(),
        headers: parts.headers.clone(),
        size: body.len(),
        sha256: hex::encode(Sha256::digest(&body)),
        signer: signer.as_ref().map(|signer| signer.as_ref().map(|identity| identity.arn.clone()).map_err(said)),
        connection,
    };
    let echo = echo(&received);
    shared.received.send_modify(|all| all.push(received));
    if let Some(Err(refused)) = signer {
        return Ok(canned(&refusal::signature(&refused)));
    }
    act(action, echo, switch).await
}

/// A mismatch with the canonical request that the origin computed: what a failed test needs to see.
fn said(refused: &Refusal) -> String {
    match refused {
        Refusal::Mismatch { canonical } => format!("{refused}; expected:\n{canonical}"),
        _ => refused.to_string(),
    }
}

async fn act(action: Action, echo: Canned, switch: ResetSwitch) -> io::Result<Response<Body>> {
    match action {
        Action::Echo => Ok(canned(&echo)),
        Action::Answer(answer) => Ok(canned(&answer)),
        Action::Reset => {
            switch.pull();
            Err(io::ErrorKind::ConnectionReset.into())
        }
        Action::Stall { arrived } => {
            arrived.send_modify(|count| *count += 1);
            std::future::pending().await
        }
        Action::Stream { head, pieces, arrived } => {
            arrived.send_modify(|count| *count += 1);
            let pieces = pieces.lock().unwrap_or_else(PoisonError::into_inner).take();
            let Some(pieces) = pieces else {
                return Err(io::Error::other("the streamed answer has been given already"));
            };
            let frames = UnboundedReceiverStream::new(pieces).map(move |piece| match piece {
                Piece::Bytes(bytes) => Ok(Frame::data(bytes)),
                Piece::Break => {
                    switch.pull();
                    Err(io::Error::from(io::ErrorKind::ConnectionReset))
                }
            });
            let first = stream::iter((!head.body.is_empty()).then(|| Ok(Frame::data(head.body.clone()))));
            Ok(headed(&head, StreamBody::new(first.chain(frames)).boxed_unsync()))
        }
    }
}

fn canned(answer: &Canned) -> Response<Body> {
    headed(answer, Full::new(answer.body.clone()).map_err(|never| match never {}).boxed_unsync())
}

fn headed(head: &Canned, body: Body) -> Response<Body> {
    let mut response = Response::new(body);
    *response.status_mut() = head.status;
    for (name, value) in &head.headers {
        response.headers_mut().append(name.clone(), value.clone());
    }
    response
}

fn echo(received: &Received) -> Canned {
    let headers: Vec<(String, String)> = received
        .headers
        .iter()
        .map(|(name, value)| (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into_owned()))
        .collect();
    let body = serde_json::json!({
        "method": received.method,
        "target": received.target,
        "headers": headers,
        "body": { "size": received.size, "sha256": received.sha256 },
    });
    Canned::new(http::StatusCode::OK, body.to_string()).header("content-type", "application/json")
}
