//! What the controller says, and what the proxy makes of it.

use std::time::{Duration, Instant};

use lambdaroute_proxy_config::feature;
use lambdaroute_proxy_config::v1alpha1::{AuthType, SnapshotBegin, report, to_proxy};
use tokio::net::TcpStream;

use crate::controller::{Controller, reference, route, route_with, version};
use crate::process::{CREDENTIALS, Proxy, World, arguments, free_port, variables};
use crate::requests::{get, local};
use crate::{eventually, soon};

#[tokio::test]
async fn the_proxy_says_who_it_is_and_what_it_can() {
    let mut world = World::start().await;
    let mut session = world.controller.session().await;
    assert_eq!(session.hello.features, feature::SUPPORTED);
    assert_eq!((session.hello.table_version, session.hello.proxy_version.as_str()), (None, env!("CARGO_PKG_VERSION")));
    let arn = "arn:aws:sts::111122223333:assumed-role/proxies/one";
    let is_told = |r: &lambdaroute_proxy_config::v1alpha1::Report| matches!(&r.identity, Some(report::Identity::IdentityArn(a)) if a == arn);
    session.until("the identity", |session| session.reports.iter().any(is_told)).await;
}

#[tokio::test]
async fn without_credentials_the_proxy_says_why_and_sends_nothing_unsigned() {
    let port = free_port();
    let mut world = World::start_with(&[], &[("HOME", "/nonexistent")]).await;
    let mut session = world.controller.session().await;
    session.snapshot(version(1, 1), &[route("orders", port)]);
    assert_eq!(session.outcomes(1).await, ["served orders"]);
    session
        .until("the reason", |s| {
            s.reports.iter().any(|r| matches!(r.identity, Some(report::Identity::CredentialsError(_))))
        })
        .await;
    let answer = get(local(port), "/").await;
    assert_eq!(
        (answer.status, answer.json()["type"].as_str()),
        (503, Some("https://lambdaroute.dev/problems/no_credentials"))
    );
    let (status, text) = world.proxy.get_admin("/readyz").await;
    assert!(status == 503 && text.contains("credentials:") && !text.contains("table:"), "{text}");
    assert_eq!(world.proxy.get_admin("/livez").await.0, 200);
}

#[tokio::test]
async fn an_sts_that_gives_no_answer_stops_no_request_and_is_told_as_what_it_is() {
    let port = free_port();
    // Nobody listens there.
    let silent = [&CREDENTIALS[..], &[("AWS_ENDPOINT_URL_STS", "http://127.0.0.1:1")]].concat();
    let mut world = World::start_with(&[], &silent).await;
    let mut session = world.serve(&[route("orders", port)]).await;
    let told = |r: &lambdaroute_proxy_config::v1alpha1::Report| matches!(&r.identity, Some(report::Identity::IdentityError(why)) if why.contains("sts:GetCallerIdentity"));
    session.until("the reason", |s| s.reports.iter().any(told)).await;
    let gone = session.reports.iter().find(|r| matches!(r.identity, Some(report::Identity::CredentialsError(_))));
    assert_eq!(gone, None, "there are credentials");
    assert_eq!(get(local(port), "/").await.status, 200);
}

#[tokio::test]
async fn readiness_names_the_missing_table() {
    let mut world = World::start().await;
    let session = world.controller.session().await;
    let proxy = &world.proxy;
    eventually("credentials", || async move { !proxy.get_admin("/readyz").await.1.contains("credentials:") }).await;
    let (status, text) = world.proxy.get_admin("/readyz").await;
    assert!(status == 503 && text.contains("table:"), "{text}");
    session.snapshot(version(1, 1), &[]);
    eventually("readiness", || async move { proxy.get_admin("/readyz").await.0 == 200 }).await;
}

#[tokio::test]
async fn a_changed_route_is_swapped_in_place_and_a_removed_one_is_closed() {
    let (one, two) = (free_port(), free_port());
    let mut world = World::start().await;
    let mut session = world.serve(&[route("one", one), route("two", two)]).await;
    let public = route_with("one", one, AuthType::None, feature::UNSIGNED);
    session.change(version(1, 2), &[public], &[reference("two")]);
    assert_eq!(session.outcomes(2).await, ["removed two", "served one"]);
    assert!(!get(local(one), "/").await.text().contains("AWS4-HMAC"), "the new version is served");
    assert!(
        tokio::net::TcpStream::connect(local(two)).await.is_err(),
        "the port is closed when the removal is acknowledged"
    );
    session.change(version(1, 3), &[route("two", one)], &[reference("one")]);
    assert_eq!(session.outcomes(2).await, ["removed one", "served two"], "a freed port can be used at once");
    assert_eq!(get(local(one), "/").await.status, 200);
}

#[tokio::test]
async fn an_old_connection_never_meets_the_next_route_of_its_port() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let port = free_port();
    let mut world = World::start().await;
    let mut session = world.serve(&[route("one", port)]).await;
    let mut old = tokio::net::TcpStream::connect(local(port)).await.unwrap();
    old.write_all(b"GET /wait HTTP/1.1\r\nhost: o\r\n\r\n").await.unwrap();
    world.upstream.until_waiting(1).await;
    session.change(version(1, 2), &[route("two", port)], &[reference("one")]);
    session.outcomes(2).await;
    world.upstream.state.go_on.add_permits(1);
    let _ = old.write_all(b"GET /again HTTP/1.1\r\nhost: o\r\n\r\n").await;
    let mut answers = String::new();
    let _ = soon("the end of the old connection", old.read_to_string(&mut answers)).await;
    assert!(answers.contains("waited"), "what was in flight ends: {answers}");
    assert!(!answers.contains("/again"), "{answers}");
}

#[tokio::test]
async fn what_the_proxy_lacks_is_refused_and_its_old_version_stops() {
    let port = free_port();
    let mut world = World::start().await;
    let mut session = world.serve(&[route("orders", port)]).await;
    session.change(version(1, 2), &[route_with("orders", port, AuthType::AwsIam, "jwt")], &[]);
    assert_eq!(session.outcomes(1).await, ["refused orders REFUSAL_REASON_UNSUPPORTED_FEATURE"]);
    assert!(tokio::net::TcpStream::connect(local(port)).await.is_err());
}

#[tokio::test]
async fn the_next_leader_is_found_and_one_of_the_past_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let authority = crate::controller::Authority::in_directory(directory.path());
    let upstream = crate::upstream::Upstream::start().await;
    let standby = Controller::start_standby(&authority).await;
    let mut first = Controller::start(&authority).await;
    let arguments = arguments(directory.path(), &authority, &[standby.address, first.address], &upstream);
    let url = upstream.url();
    let proxy = Proxy::start(&arguments, &variables(&url, &CREDENTIALS)).await;
    let port = free_port();
    let mut session = first.session().await;
    session.snapshot(version(5, 1), &[route("orders", port)]);
    session.outcomes(1).await;
    drop(session);
    let mut session = first.session().await;
    assert_eq!(session.hello.table_version, Some(version(5, 1)));
    session.snapshot(version(4, 9), &[]);
    assert_eq!(session.outcomes(1).await, ["refused  REFUSAL_REASON_STALE_EPOCH"]);
    session.ended().await;
    assert_eq!(get(local(port), "/").await.status, 200, "its routes stay");
    assert!(proxy.logged("earlier epoch"));
    let mut session = first.session().await;
    session.snapshot(version(6, 1), &[route("orders", port)]);
    assert_eq!(session.outcomes(1).await, ["served orders"], "the same route again costs nothing, and is acknowledged");
}

#[tokio::test]
async fn a_restart_needs_no_controller() {
    let port = free_port();
    let mut world = World::start().await;
    let session = world.serve(&[route("orders", port)]).await;
    let file = world.directory.path().join("route-table.pb");
    let path = &file;
    eventually("the state file", || async move { path.exists() }).await;
    drop(session);
    drop(world.controller);
    world.proxy.signal(rustix::process::Signal::KILL);
    world.proxy.exit().await;
    let dead = std::net::SocketAddr::from(([127, 0, 0, 1], free_port()));
    let arguments = arguments(world.directory.path(), &world.authority, &[dead], &world.upstream);
    let url = world.upstream.url();
    let proxy = Proxy::start(&arguments, &variables(&url, &CREDENTIALS)).await;
    eventually("readiness", || async { proxy.get_admin("/readyz").await.0 == 200 }).await;
    assert_eq!(get(local(port), "/").await.status, 200);
}

#[tokio::test]
async fn what_a_snapshot_took_away_before_it_broke_off_does_not_come_back_by_a_crash() {
    let (port, kept) = (free_port(), free_port());
    let mut world = World::start().await;
    let mut session = world.serve(&[route("orders", port), route("other", kept)]).await;
    session.say(to_proxy::Message::SnapshotBegin(SnapshotBegin { version: Some(version(7, 5)) }));
    session.change(version(7, 5), &[], &[reference("orders")]);
    assert_eq!(session.outcomes(1).await, ["removed orders"]);
    world.proxy.signal(rustix::process::Signal::KILL);
    world.proxy.exit().await;
    drop(session);
    let arguments = arguments(world.directory.path(), &world.authority, &[world.controller.address], &world.upstream);
    let url = world.upstream.url();
    let _proxy = Proxy::start(&arguments, &variables(&url, &CREDENTIALS)).await;
    eventually("the route that stayed", || async move { TcpStream::connect(local(kept)).await.is_ok() }).await;
    assert!(TcpStream::connect(local(port)).await.is_err(), "what was acknowledged as removed is not served");
    // Nor does the leader before bring it back.
    let mut session = world.controller.session().await;
    session.snapshot(version(6, 9), &[route("orders", port)]);
    assert_eq!(session.outcomes(1).await, ["refused  REFUSAL_REASON_STALE_EPOCH"]);
}

#[tokio::test]
async fn a_table_that_cannot_be_kept_is_kept_once_it_can_and_an_old_one_goes_at_once() {
    let port = free_port();
    let mut world = World::start().await;
    let mut session = world.serve(&[route("orders", port)]).await;
    let file = world.directory.path().join("route-table.pb");
    assert!(file.exists());
    // A directory where the next table would be written.
    let next = world.directory.path().join("route-table.pb.next");
    std::fs::create_dir(&next).unwrap();
    session.change(version(1, 2), &[], &[reference("orders")]);
    assert_eq!(session.outcomes(1).await, ["removed orders"]);
    assert!(!file.exists(), "a crash brings nothing back that was taken away");
    std::fs::remove_dir(&next).unwrap();
    let path = &file;
    eventually("the table to be kept", || async move { path.exists() }).await;
}

#[tokio::test]
async fn a_damaged_state_file_is_told_and_ignored() {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("route-table.pb"), "not a table").unwrap();
    let authority = crate::controller::Authority::in_directory(directory.path());
    let upstream = crate::upstream::Upstream::start().await;
    let mut controller = Controller::start(&authority).await;
    let arguments = arguments(directory.path(), &authority, &[controller.address], &upstream);
    let url = upstream.url();
    let proxy = Proxy::start(&arguments, &variables(&url, &CREDENTIALS)).await;
    let session = controller.session().await;
    assert!(proxy.logged("is not a route table of this version"));
    assert_eq!(session.hello.table_version, None);
}

#[tokio::test]
async fn a_table_that_is_too_old_is_not_served() {
    let port = free_port();
    let mut world = World::start_with(&["--max-table-age", "1s"], &CREDENTIALS).await;
    let session = world.serve(&[route("orders", port)]).await;
    assert_eq!(get(local(port), "/").await.status, 200);
    drop(session);
    drop(world.controller);
    eventually("the table's end", || async move {
        let answer = get(local(port), "/").await;
        answer.status == 503 && answer.text().contains("not_programmed")
    })
    .await;
}

#[tokio::test]
async fn ten_thousand_routes_are_loaded_in_seconds_and_with_little_memory() {
    const ROUTES: u16 = 10_000;
    // On an address of its own: nobody else has ports there.
    const ADDRESS: &str = "127.0.0.77";
    let routes: Vec<_> = (10_000..10_000 + ROUTES).map(|port| route(&format!("r{port}"), port)).collect();
    let directory = tempfile::tempdir().unwrap();
    let authority = crate::controller::Authority::in_directory(directory.path());
    let upstream = crate::upstream::Upstream::start().await;
    let mut controller = Controller::start(&authority).await;
    let mut arguments = arguments(directory.path(), &authority, &[controller.address], &upstream);
    let listen = arguments.iter().position(|argument| argument == "--listen-address").unwrap() + 1;
    ADDRESS.clone_into(&mut arguments[listen]);
    let url = upstream.url();
    let proxy = Proxy::start(&arguments, &variables(&url, &CREDENTIALS)).await;
    let mut session = controller.session().await;
    let begun = Instant::now();
    session.snapshot(version(1, 1), &routes);
    let outcomes = session.outcomes(ROUTES.into()).await;
    let took = begun.elapsed();
    assert!(outcomes.iter().all(|outcome| outcome.starts_with("served ")));
    assert!(took < Duration::from_secs(10), "{took:?}");
    let memory = proxy.resident_kib();
    assert!(memory < 128 * 1024, "{memory} KiB");
    eprintln!("{ROUTES} routes in {took:?}, {memory} KiB");
    eventually("credentials", || async { proxy.get_admin("/readyz").await.0 == 200 }).await;
    assert_eq!(get(format!("{ADDRESS}:19999").parse().unwrap(), "/").await.status, 200);
}

#[tokio::test]
async fn a_stream_that_died_in_silence_is_noticed_within_ten_seconds() {
    let directory = tempfile::tempdir().unwrap();
    let authority = crate::controller::Authority::in_directory(directory.path());
    let upstream = crate::upstream::Upstream::start().await;
    let mut controller = Controller::start(&authority).await;
    let way = crate::controller::Way::to(controller.address).await;
    let arguments = arguments(directory.path(), &authority, &[way.address], &upstream);
    let url = upstream.url();
    let _proxy = Proxy::start(&arguments, &variables(&url, &CREDENTIALS)).await;
    let session = controller.session().await;
    session.snapshot(version(1, 1), &[]);
    let begun = Instant::now();
    way.swallow();
    let _next = controller.session().await;
    assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
    drop(session);
}
