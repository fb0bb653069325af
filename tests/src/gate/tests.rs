//! What the gate does to a call, without any server behind it.

use bytes::Bytes;
use http::{Method, Request, StatusCode, header};
use http_body_util::BodyExt;

use super::upstream::{Lane, Upstream};
use super::{Gate, Match};
use crate::origin::{Canned, Origin};

/// An origin behind TLS, a gate before that, and a caller that trusts the gate's authority alone.
async fn chain() -> (Origin, Gate, Lane) {
    let origin = Origin::start(Default::default(), "eu-west-1").await.expect("an origin");
    let server = Gate::open(Upstream::plain(origin.address()), None, true).await.expect("a server with TLS");
    let authority = server.authority().expect("an authority").to_owned();
    let gate = Gate::before_tls(server.address(), "127.0.0.1", &authority).await.expect("a gate");
    let trusted = gate.authority().expect("an authority");
    assert_ne!(trusted, authority);
    let lane = Lane::new(Upstream::tls(gate.address(), "127.0.0.1", trusted).expect("a caller"));
    // The server behind the gate lives as long as its handle.
    std::mem::forget(server);
    (origin, gate, lane)
}

fn get(target: &str) -> Request<Bytes> {
    Request::get(target).header(header::HOST, "kubernetes.default").body(Bytes::new()).expect("a request")
}

#[tokio::test]
async fn a_watch_streams_through_tls_on_both_sides() {
    let (origin, gate, mut lane) = chain().await;
    let mut streamed = origin.on("/api/v1/pods").open().streams(Canned::new(StatusCode::OK, ""));
    let answer = lane.send(get("/api/v1/pods?watch=1")).await.expect("a head before any event");
    streamed.arrived().await.expect("arrived");
    let mut body = answer.into_body();
    for event in ["{\"type\":\"ADDED\"}", "{\"type\":\"DELETED\"}"] {
        assert!(streamed.send(event));
        let frame = body.frame().await.expect("an event").expect("no error");
        assert_eq!(frame.into_data().expect("data"), event);
    }
    assert_eq!(origin.received()[0].host, "kubernetes.default");
    let watches = Match::path(Method::GET, "/api/v1/pods").parameter("watch", "1");
    assert_eq!(gate.wait_for(&watches, 1).await.expect("counted").len(), 1);
    drop(body);
    streamed.closed().await.expect("a caller that goes is gone for the server too");
}

#[tokio::test]
async fn a_caller_that_does_not_trust_the_gate_does_not_get_through() {
    let (origin, gate, _) = chain().await;
    let (_, other, _) = chain().await;
    let stranger = Upstream::tls(gate.address(), "127.0.0.1", other.authority().expect("an authority"));
    let refused = Lane::new(stranger.expect("a caller")).send(get("/")).await;
    assert!(refused.is_err());
    assert!(origin.received().is_empty());
}

#[tokio::test]
async fn a_held_request_goes_on_although_its_caller_hung_up() {
    let (origin, gate, mut lane) = chain().await;
    origin.on("/late").open().echoes();
    let held = gate.on(Match::path(Method::GET, "/late")).hold_before();
    let calling = tokio::spawn(async move { lane.send(get("/late")).await.map(drop) });
    held.arrived().await.expect("held");
    calling.abort();
    assert!(calling.await.is_err());
    assert!(origin.received().is_empty());
    held.release();
    assert_eq!(origin.wait_for("/late", 1).await.expect("it arrives late").len(), 1);
}
