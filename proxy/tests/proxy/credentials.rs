//! Where credentials come from, and what their source may do to requests.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use crate::controller::{Authority, Controller, route};
use crate::eventually;
use crate::process::{Proxy, World, arguments, free_port, variables};
use crate::requests::{get, local};
use crate::upstream::Upstream;

/// A proxy whose credentials come from this path of its upstream.
pub(crate) async fn world_with_credentials_of(path: &str) -> World {
    world_with_credentials(path, &[]).await
}

/// The same, with more in the environment.
async fn world_with_credentials(path: &str, more: &[(&str, &str)]) -> World {
    let directory = tempfile::tempdir().unwrap();
    let authority = Authority::in_directory(directory.path());
    let upstream = Upstream::start().await;
    let controller = Controller::start(&authority).await;
    let arguments = arguments(directory.path(), &authority, &[controller.address], &upstream);
    let (url, source) = (upstream.url(), format!("{}{path}", upstream.url()));
    let credentials = [&[("AWS_CONTAINER_CREDENTIALS_FULL_URI", source.as_str())], more].concat();
    let proxy = Proxy::start(&arguments, &variables(&url, &credentials)).await;
    World { directory, authority, controller, upstream, proxy }
}

#[tokio::test]
async fn credentials_are_used_until_they_expire_and_then_callers_are_told() {
    let port = free_port();
    let mut world = world_with_credentials_of("/short-credentials").await;
    let _session = world.serve(&[route("orders", port)]).await;
    assert_eq!(get(local(port), "/").await.status, 200);
    eventually("their end", || async move {
        let answer = get(local(port), "/").await;
        assert!(answer.status == 200 || answer.json()["type"] == "https://lambdaroute.dev/problems/no_credentials");
        answer.status == 503
    })
    .await;
    let proxy = &world.proxy;
    eventually("the reason in the log", || async { proxy.logged("can't load AWS credentials; trying on") }).await;
    assert_eq!(proxy.get_admin("/readyz").await.0, 200, "callers see the reason, not a refused connection");
}

#[tokio::test]
async fn a_source_that_hangs_holds_up_no_request() {
    let port = free_port();
    let mut world = world_with_credentials_of("/hanging-credentials").await;
    let _session = world.serve(&[route("orders", port)]).await;
    // Half of their life is over, and the next load hangs.
    world.upstream.until_waiting(1).await;
    let begun = Instant::now();
    assert_eq!(get(local(port), "/").await.status, 200, "the old ones are used");
    eventually("their end", || async move { get(local(port), "/").await.status == 503 }).await;
    let asked = Instant::now();
    assert_eq!(get(local(port), "/").await.status, 503);
    assert!(asked.elapsed() < Duration::from_secs(2), "nobody waits for the source: {:?}", begun.elapsed());
    world.upstream.state.go_on.add_permits(100);
    eventually("the new ones", || async move { get(local(port), "/").await.status == 200 }).await;
}

#[tokio::test]
async fn a_token_file_that_is_rotated_is_read_again() {
    let port = free_port();
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), "planted-first-token").unwrap();
    let path = file.path().to_str().unwrap();
    let mut world =
        world_with_credentials("/guarded-credentials", &[("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", path)]).await;
    let state = world.upstream.state.clone();
    *state.credentials_token.lock().unwrap() = "planted-first-token".to_owned();
    let _session = world.serve(&[route("orders", port)]).await;
    assert_eq!(get(local(port), "/").await.status, 200);
    std::fs::write(file.path(), "planted-second-token").unwrap();
    *state.credentials_token.lock().unwrap() = "planted-second-token".to_owned();
    let before = state.loads.load(Ordering::SeqCst);
    let loaded = || async { state.loads.load(Ordering::SeqCst) >= before + 2 };
    eventually("loads by the second token", loaded).await;
    assert_eq!(get(local(port), "/").await.status, 200);
    assert!(!world.proxy.logged("planted"));
}
