//! How the process begins and ends.

use std::time::Instant;

use lambdaroute_proxy_config::v1alpha1::{Left, to_proxy};
use rustix::process::Signal;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::controller::Authority;
use crate::controller::route;
use crate::process::{BINARY, CREDENTIALS, Proxy, World, arguments, free_port, variables};
use crate::requests::local;
use crate::upstream::Upstream;
use crate::{eventually, soon};

#[tokio::test]
async fn leaving_is_a_handshake_and_nothing_in_flight_is_lost() {
    let port = free_port();
    let mut world = World::start_with(&["--propagation-delay", "1s"], &CREDENTIALS).await;
    let mut session = world.serve(&[route("orders", port)]).await;
    let mut slow = TcpStream::connect(local(port)).await.unwrap();
    slow.write_all(b"GET /wait HTTP/1.1\r\nhost: o\r\n\r\n").await.unwrap();
    world.upstream.until_waiting(1).await;
    let mut kept = TcpStream::connect(local(port)).await.unwrap();
    kept.write_all(b"GET / HTTP/1.1\r\nhost: o\r\n\r\n").await.unwrap();
    let mut some = [0; 12];
    kept.read_exact(&mut some).await.unwrap();

    world.proxy.signal(Signal::TERM);
    session.until("the wish to leave", |session| session.leaving).await;
    assert!(world.proxy.get_admin("/readyz").await.1.contains("leaving:"));
    kept.write_all(b"GET /late HTTP/1.1\r\nhost: o\r\n\r\n").await.unwrap();
    let mut rest = String::new();
    soon("the end of the kept connection", kept.read_to_string(&mut rest)).await.unwrap();
    assert!(rest.contains("/late") && rest.contains("connection: close"), "served, and told to come elsewhere: {rest}");
    assert!(TcpStream::connect(local(port)).await.is_ok(), "new connections are served until the network has followed");

    session.say(to_proxy::Message::Left(Left {}));
    eventually("the listener's end", || async move { TcpStream::connect(local(port)).await.is_err() }).await;
    world.upstream.state.go_on.add_permits(1);
    let mut answer = String::new();
    soon("the slow answer", slow.read_to_string(&mut answer)).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 ") && answer.ends_with("waited"), "{answer}");
    assert_eq!(world.proxy.exit().await.code(), Some(0));
}

#[tokio::test]
async fn without_an_answer_of_the_controller_the_proxy_leaves_all_the_same() {
    let mut world = World::start_with(&["--leave-timeout", "500ms", "--propagation-delay", "0s"], &CREDENTIALS).await;
    let mut session = world.serve(&[]).await;
    world.proxy.signal(Signal::TERM);
    session.until("the wish to leave", |session| session.leaving).await;
    assert_eq!(world.proxy.exit().await.code(), Some(0));
    assert!(world.proxy.logged("the controller gave no answer to the wish to leave"));
}

#[tokio::test]
async fn a_drain_has_an_end() {
    let port = free_port();
    let quick = ["--leave-timeout", "0s", "--propagation-delay", "0s", "--drain-timeout", "300ms"];
    let mut world = World::start_with(&quick, &CREDENTIALS).await;
    let _session = world.serve(&[route("orders", port)]).await;
    let mut slow = TcpStream::connect(local(port)).await.unwrap();
    slow.write_all(b"GET /wait HTTP/1.1\r\nhost: o\r\n\r\n").await.unwrap();
    world.upstream.until_waiting(1).await;
    world.proxy.signal(Signal::TERM);
    assert_eq!(world.proxy.exit().await.code(), Some(0));
    assert!(world.proxy.logged("drain timeout"));
}

#[tokio::test]
async fn a_second_signal_ends_at_once() {
    let mut world = World::start_with(&["--leave-timeout", "60s"], &CREDENTIALS).await;
    let mut session = world.serve(&[]).await;
    world.proxy.signal(Signal::TERM);
    session.until("the wish to leave", |session| session.leaving).await;
    let begun = Instant::now();
    world.proxy.signal(Signal::INT);
    assert_eq!(world.proxy.exit().await.code(), Some(0));
    assert!(begun.elapsed().as_secs() < 5);
}

#[tokio::test]
async fn a_bad_configuration_ends_with_64_and_says_what_is_wrong() {
    let proxy = |arguments: &[&str]| {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_lambdaroute-proxy"));
        command.args(arguments).env_clear().output().unwrap()
    };
    let output = proxy(&[]);
    assert_eq!(output.status.code(), Some(64));
    assert!(String::from_utf8_lossy(&output.stderr).contains("--controller-address"));
    let good = ["--controller-address", "localhost:1", "--controller-ca-file", "ca", "--token-file", "token"];
    let output = proxy(&[&good[..], &["--log-level", "info,=="]].concat());
    assert_eq!(output.status.code(), Some(64), "{output:?}");
    assert_eq!(proxy(&["--help"]).status.code(), Some(0));
}

#[tokio::test]
async fn as_many_files_may_be_open_as_the_system_allows() {
    let directory = tempfile::tempdir().unwrap();
    let authority = Authority::in_directory(directory.path());
    let upstream = Upstream::start().await;
    let arguments = arguments(directory.path(), &authority, &[local(free_port())], &upstream);
    let mut shell = tokio::process::Command::new("/bin/sh");
    shell.args(["-c", r#"ulimit -S -n 100 && ulimit -H -n 500 && exec "$0" "$@""#, BINARY]);
    let proxy = Proxy::start_by(shell, &arguments, &variables(&upstream.url(), &CREDENTIALS)).await;
    let limits = proxy.told_by_the_kernel("limits");
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files")).unwrap();
    assert_eq!(line.split_whitespace().collect::<Vec<_>>(), ["500", "500", "files"]);
    let metrics = proxy.get_admin("/metrics").await.1;
    assert!(metrics.contains("lambdaroute_proxy_open_files_limit 500\n"), "{metrics}");
}
