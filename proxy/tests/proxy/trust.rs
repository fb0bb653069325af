//! Whom the proxy takes for its controller, and whom it shows its token.

use std::sync::atomic::Ordering;

use crate::controller::{Authority, Controller, TOKEN, route, version};
use crate::eventually;
use crate::process::{CREDENTIALS, Proxy, arguments, free_port, variables};
use crate::requests::{get, local};
use crate::upstream::Upstream;

#[tokio::test]
async fn nobody_gets_the_token_but_who_the_ca_calls_a_controller() {
    let (directory, elsewhere) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let authority = Authority::in_directory(directory.path());
    let other = Authority::in_directory(elsewhere.path());
    let upstream = Upstream::start().await;
    let mut foreign = Controller::start(&other).await;
    let misnamed = Controller::start_as(&authority, "orders.shop.svc").await;
    let arguments = arguments(directory.path(), &authority, &[foreign.address, misnamed.address], &upstream);
    let proxy = Proxy::start(&arguments, &variables(&upstream.url(), &CREDENTIALS)).await;
    for controller in [&foreign, &misnamed] {
        let address = controller.address.to_string();
        let refused = |line: &String| line.contains("no stream to the controller") && line.contains(&address);
        // Again and again.
        eventually("attempts", || async { proxy.log.lock().unwrap().iter().filter(|line| refused(line)).count() > 1 })
            .await;
        assert_eq!(controller.asked.load(Ordering::SeqCst), 0, "{address} was asked, with the token");
    }
    // The CA is another one now: no restart is needed.
    std::fs::copy(&other.file, &authority.file).unwrap();
    let mut session = foreign.session().await;
    let port = free_port();
    session.snapshot(version(1, 1), &[route("orders", port)]);
    assert_eq!(session.outcomes(1).await, ["served orders"]);
    assert_eq!(misnamed.asked.load(Ordering::SeqCst), 0);
    assert!(!proxy.logged(TOKEN));
}

#[tokio::test]
async fn a_token_that_is_rotated_is_read_again() {
    let directory = tempfile::tempdir().unwrap();
    let authority = Authority::in_directory(directory.path());
    let upstream = Upstream::start().await;
    let mut controller = Controller::start(&authority).await;
    let arguments = arguments(directory.path(), &authority, &[controller.address], &upstream);
    let token = directory.path().join("token");
    std::fs::write(&token, "an.expired.token").unwrap();
    let proxy = Proxy::start(&arguments, &variables(&upstream.url(), &CREDENTIALS)).await;
    let asked = controller.asked.clone();
    eventually("a refusal", || async { asked.load(Ordering::SeqCst) > 0 }).await;
    std::fs::write(&token, format!("{TOKEN}\n")).unwrap();
    let session = controller.session().await;
    session.snapshot(version(1, 1), &[]);
    let admin = proxy.admin;
    eventually("readiness", || async move { get(admin, "/readyz").await.status == 200 }).await;
    assert!(!proxy.logged("an.expired.token") && !proxy.logged(TOKEN));
    assert!(get(local(admin.port()), "/metrics").await.text().contains("lambdaroute_proxy_controller_connected 1"));
}
