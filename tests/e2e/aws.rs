//! The AWS side that the tests of this suite share, on a runtime that outlives each of them.

use std::sync::atomic::{AtomicUsize, Ordering};

use lambdaroute_tests::account::Account;
use lambdaroute_tests::environment::{Environment, runtime};
use lambdaroute_tests::functions::{Function, Handler};

/// Runs a test on the shared AWS side.
pub(crate) fn with_aws(test: impl AsyncFnOnce(&'static Account)) {
    without_aws(async {
        let environment = Environment::shared().await.expect("the environment comes up");
        test(&environment.account).await;
    });
}

/// Runs a test that needs no AWS, on the runtime that outlives each of them.
pub(crate) fn without_aws(test: impl Future<Output = ()>) {
    runtime().expect("a runtime").block_on(test);
}

/// A function of this test's own.
pub(crate) async fn function(account: &Account, handler: Handler) -> Function {
    static COUNT: AtomicUsize = AtomicUsize::new(0);
    let name = format!("{handler:?}-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::SeqCst)).to_lowercase();
    account.functions.deploy(&name, handler).await.expect("the function is deployed")
}
