//! Ports of routes that can't be bound: they are tried again, and hold up nobody.

use std::net::TcpListener;
use std::time::Duration;

use crate::controller::{reference, route, version};
use crate::process::{World, free_port};
use crate::requests::{get, local};
use crate::{eventually, soon};

/// A port that somebody else has.
fn taken() -> (TcpListener, u16) {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    (taken, port)
}

#[tokio::test]
async fn a_taken_port_is_refused_and_served_once_it_is_free() {
    let (taken, port) = taken();
    let mut world = World::start().await;
    let mut session = world.controller.session().await;
    session.snapshot(version(1, 1), &[route("orders", port)]);
    assert_eq!(session.outcomes(1).await, ["refused orders REFUSAL_REASON_PORT_UNAVAILABLE"]);
    drop(taken);
    assert_eq!(session.outcomes(1).await, ["served orders"]);
    assert_eq!(get(local(port), "/").await.status, 200);
}

#[tokio::test]
async fn a_taken_port_is_tried_again_however_busy_the_controller_is() {
    let ((taken, port), other) = (taken(), free_port());
    let mut world = World::start().await;
    let mut session = world.controller.session().await;
    session.snapshot(version(1, 1), &[route("orders", port)]);
    assert_eq!(session.outcomes(1).await, ["refused orders REFUSAL_REASON_PORT_UNAVAILABLE"]);
    drop(taken);
    let busy = async {
        let mut changes = tokio::time::interval(Duration::from_millis(50));
        for counter in 2.. {
            changes.tick().await;
            session.change(version(1, counter), &[route("other", other)], &[]);
        }
    };
    // By callers: outcomes of the other route come in between.
    let served = eventually("the route", || async move { tokio::net::TcpStream::connect(local(port)).await.is_ok() });
    tokio::select! {
        () = busy => {}
        () = served => {}
    }
    assert_eq!(get(local(port), "/").await.status, 200);
}

#[tokio::test]
async fn a_port_in_trouble_holds_up_no_other_route() {
    let ((_taken, port), one, two, three) = (taken(), free_port(), free_port(), free_port());
    let mut world = World::start().await;
    let mut session = world.controller.session().await;
    session.snapshot(version(1, 1), &[route("a", port), route("one", one), route("two", two)]);
    let mut outcomes = session.outcomes(3).await;
    outcomes.sort();
    assert_eq!(outcomes, ["refused a REFUSAL_REASON_PORT_UNAVAILABLE", "served one", "served two"]);
    session.change(version(1, 2), &[route("one", three)], &[reference("two")]);
    assert_eq!(session.outcomes(2).await, ["removed two", "served one"]);
    assert_eq!(get(local(three), "/").await.status, 200);
    let admin = world.proxy.admin;
    let metrics = get(admin, "/metrics").await.text();
    for state in ["serving\"} 1", "waiting\"} 1", "refused\"} 0"] {
        assert!(metrics.contains(&format!("lambdaroute_proxy_table_routes{{state=\"{state}")), "{metrics}");
    }
    // A route that moves to another port waits no more; nor does one that goes.
    session.change(version(1, 3), &[route("a", two)], &[]);
    assert_eq!(session.outcomes(1).await, ["served a"]);
    session.change(version(1, 4), &[route("a", port)], &[]);
    assert_eq!(session.outcomes(1).await, ["refused a REFUSAL_REASON_PORT_UNAVAILABLE"]);
    assert!(tokio::net::TcpStream::connect(local(two)).await.is_err(), "its old port isn't served any more");
    session.change(version(1, 5), &[], &[reference("a")]);
    assert_eq!(session.outcomes(1).await, ["removed a"]);
    drop(_taken);
    let unclaimed = soon("the port that nobody wants", tokio::net::TcpListener::bind(local(port))).await;
    assert!(unclaimed.is_ok());
}
