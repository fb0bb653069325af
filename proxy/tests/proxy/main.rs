//! The proxy's binary against a route-table server and an upstream of its own: what a caller, an operator and a controller
//! see. One test binary, so that it links once.

// Helpers of tests are tests too: they stop at what mustn't be.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod access;
mod answers;
mod auth;
mod bodies;
mod connections;
mod controller;
mod credentials;
mod deliveries;
mod hardening;
mod http2;
mod lifecycle;
mod limits;
mod ports;
mod process;
mod requests;
mod restarts;
mod retries;
mod table;
mod telling;
mod timeouts;
mod tls;
mod token_issuer;
mod trust;
mod upstream;

use std::future::Future;
use std::time::Duration;

/// The most that anything here may take.
const DEADLINE: Duration = Duration::from_secs(20);

/// Fails the test, saying what, if it doesn't happen in time.
async fn soon<T>(what: &str, future: impl Future<Output = T>) -> T {
    match tokio::time::timeout(DEADLINE, future).await {
        Ok(value) => value,
        Err(_) => panic!("not in time: {what}"),
    }
}

/// Looks again until it is so.
async fn eventually<F: Future<Output = bool>>(what: &str, mut is_so: impl FnMut() -> F) {
    soon(what, async {
        while !is_so().await {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    })
    .await;
}
