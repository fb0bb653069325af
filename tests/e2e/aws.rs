//! The AWS side that the tests of this suite share, on a runtime that outlives each of them.

use std::path::PathBuf;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use lambdaroute_tests::account::Account;
use lambdaroute_tests::functions::{Function, Handler};
use tokio::runtime::Runtime;

static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| Runtime::new().expect("a runtime"));

static ACCOUNT: LazyLock<Account> = LazyLock::new(|| {
    let target = PathBuf::from(env!("CARGO_TARGET_TMPDIR"));
    let cache = target.join("embedded");
    let run = format!("{}-{:x}", std::process::id(), rand::random::<u32>());
    let directory = cache.join("runs").join(&run);
    let account = RUNTIME.block_on(Account::start(&cache, &directory, &run)).expect("the AWS side comes up");
    eprintln!("the emulator's log: {}", account.emulator.log().display());
    account
});

/// Runs a test on the shared AWS side.
pub(crate) fn with_aws(test: impl AsyncFnOnce(&'static Account)) {
    let account = &*ACCOUNT;
    RUNTIME.block_on(test(account));
}

/// Runs a test that needs no AWS.
pub(crate) fn without_aws(test: impl Future<Output = ()>) {
    RUNTIME.block_on(test);
}

/// A function of this test's own.
pub(crate) async fn function(account: &Account, handler: Handler) -> Function {
    static COUNT: AtomicUsize = AtomicUsize::new(0);
    let name = format!("{handler:?}-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::SeqCst)).to_lowercase();
    account.functions.deploy(&name, handler).await.expect("the function is deployed")
}
