//! A caller's connection: each request is read, shown to the rules, sent on, and its answer streamed back.

use std::io;
use std::sync::Arc;

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio::sync::Mutex;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;

use super::Shared;
use super::call::Seen;
use super::rules::{Verdict, Way};
use super::upstream::Lane;

/// An answer's body: streaming from the server, or whole.
pub(super) type Body = UnsyncBoxBody<Bytes, io::Error>;

pub(super) fn whole(response: Response<Bytes>) -> Response<Body> {
    response.map(|body| Full::new(body).map_err(|never| match never {}).boxed_unsync())
}

pub(super) fn streaming(response: Response<Incoming>) -> Response<Body> {
    response.map(|body| body.map_err(io::Error::other).boxed_unsync())
}

/// An answer that breaks off in the middle: its head promises more than comes.
async fn halved(answer: Response<Body>) -> io::Result<Response<Body>> {
    let (mut parts, body) = answer.into_parts();
    let body = body.collect().await?.to_bytes();
    parts.headers.insert(http::header::CONTENT_LENGTH, body.len().max(1).into());
    let half = body.slice(..body.len() / 2);
    let cut = io::Error::other("the connection was cut, as a rule says");
    let frames = futures::stream::iter([Ok(Frame::data(half)), Err(cut)]);
    Ok(Response::from_parts(parts, StreamBody::new(frames).boxed_unsync()))
}

pub(super) async fn accept(
    listener: TcpListener,
    acceptor: Option<TlsAcceptor>,
    shared: Arc<Shared>,
    stop: CancellationToken,
) {
    while let Some(accepted) = stop.run_until_cancelled(listener.accept()).await {
        let Ok((stream, _)) = accepted else { continue };
        let (acceptor, shared, stop) = (acceptor.clone(), Arc::clone(&shared), stop.clone());
        tokio::spawn(async move {
            // A caller that goes away or doesn't trust us ends its own connection, nothing else.
            let _ = stream.set_nodelay(true);
            match acceptor {
                None => stop.run_until_cancelled(serve(stream, shared)).await,
                Some(acceptor) => match acceptor.accept(stream).await {
                    Ok(stream) => stop.run_until_cancelled(serve(stream, shared)).await,
                    Err(_) => None,
                },
            }
        });
    }
}

async fn serve(stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static, shared: Arc<Shared>) {
    let lane = Arc::new(Mutex::new(Lane::new(shared.upstream.clone())));
    let service = service_fn(move |request| {
        let (shared, lane) = (Arc::clone(&shared), Arc::clone(&lane));
        // A task of its own: what has left the caller arrives, also if the caller hangs up while it is held.
        async move { tokio::spawn(pass(request, shared, lane)).await.map_err(io::Error::other)? }
    });
    let connection = http1::Builder::new().timer(TokioTimer::new()).serve_connection(TokioIo::new(stream), service);
    // An error is a lost answer, which a rule asked for, or a caller that hung up.
    let _ = connection.await;
}

/// An error closes the connection without an answer.
async fn pass(request: Request<Incoming>, shared: Arc<Shared>, lane: Arc<Mutex<Lane>>) -> io::Result<Response<Body>> {
    let (parts, body) = request.into_parts();
    let body = body.collect().await.map_err(io::Error::other)?.to_bytes();
    let seen = Arc::new(Seen::new(Request::from_parts(parts, body)));
    let number = shared.calls.arrived(&seen);
    let verdict = shared.rules.verdict(&seen);
    let answer = match verdict.before(&seen).await {
        Way::Lost => return Err(io::Error::other("the request was lost, as a rule says")),
        Way::Answered(answer) => whole(answer),
        Way::Through => through(&seen, &shared, &lane, &verdict).await?,
    };
    shared.calls.answered(number, answer.status());
    Ok(answer)
}

async fn through(
    seen: &Arc<Seen>,
    shared: &Shared,
    lane: &Mutex<Lane>,
    verdict: &Verdict,
) -> io::Result<Response<Body>> {
    let mut lane = lane.lock().await;
    let carried = match &shared.lambda {
        Some(rules) => rules.carry(seen, &mut lane).await,
        None => match seen.request() {
            Ok(request) => lane.send(request).await.map(streaming),
            Err(error) => Err(error),
        },
    };
    drop(lane);
    let mut answer = carried.unwrap_or_else(|error| {
        let text = format!("the gate could not pass the request on: {error:#}\n");
        let mut answer = Response::new(Bytes::from(text));
        *answer.status_mut() = StatusCode::BAD_GATEWAY;
        whole(answer)
    });
    if verdict.rewrites() {
        let (parts, body) = answer.into_parts();
        let body = body.collect().await?.to_bytes();
        let mut rewritten = verdict.rewrite(Response::from_parts(parts, body));
        rewritten.headers_mut().remove(http::header::CONTENT_LENGTH);
        answer = whole(rewritten);
    }
    if verdict.cuts() {
        answer = halved(answer).await?;
    }
    if verdict.after(seen).await { Ok(answer) } else { Err(io::Error::other("the answer was lost, as a rule says")) }
}
