//! botocore judges what the proxy signs: the same signatures for ten thousand random requests that cross it, and for as
//! many as are asked for, at any time and with any key, that its signer is given.

use std::path::PathBuf;
use std::process::Command;

use anyhow::Context;
use bytes::Bytes;
use futures::StreamExt;
use http::{Method, Request};
use lambdaroute_tests::credentials::AwsCredentials;
use lambdaroute_tests::http::send;
use lambdaroute_tests::judge::{self, Unsigned};
use lambdaroute_tests::origin::Received;
use lambdaroute_tests::venv::Venv;
use lambdaroute_tests::{target, toolchain};
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};

use crate::bench::bench_of;

/// A failure names it; the requests are the same in each run.
const SEED: u64 = 20_261_101;
const REQUESTS: usize = 10_000;
const AT_ONCE: usize = 32;

#[tokio::test(flavor = "multi_thread")]
async fn the_signatures_of_ten_thousand_random_requests_equal_botocores() -> anyhow::Result<()> {
    let venv = Venv::ensure(&target::cache()).await?;
    let mut credentials = AwsCredentials::key("AKIAEXAMPLE", "secret/with+signs");
    credentials.session_token = Some("a session token/with+signs==".to_owned());
    let bench = bench_of("signatures", &credentials, &[]).await?;
    let url = bench.serve("orders", 10_000).await?;

    let mut random = StdRng::seed_from_u64(SEED);
    let requests: Vec<_> = (0..REQUESTS).map(|index| request(&mut random, &url, index)).collect::<Result<_, _>>()?;
    let bodies: Vec<Bytes> = requests.iter().map(|request| request.body().clone()).collect();
    let refused = futures::stream::iter(requests)
        .map(send)
        .buffer_unordered(AT_ONCE)
        .filter_map(async |answer| match answer {
            Ok(answer) if answer.status.is_success() => None,
            other => Some(format!("{other:?}")),
        })
        .collect::<Vec<_>>()
        .await;
    assert!(refused.is_empty(), "{} of {REQUESTS} were refused: {}", refused.len(), refused[0]);

    let received = bench.origin.received();
    assert_eq!(received.len(), REQUESTS);
    let unsigned: Vec<_> =
        received.iter().map(|it| judged(it, &bodies, &credentials)).collect::<anyhow::Result<_>>()?;
    let signed = judge::sign(&venv, &unsigned).await?;
    for (ours, theirs) in received.iter().zip(&signed) {
        assert_eq!(
            ours.header("authorization"),
            Some(theirs.authorization.as_str()),
            "{} {} {:?}",
            ours.method,
            ours.target,
            ours.headers
        );
        assert_eq!(ours.header("x-amz-security-token"), theirs.security_token.as_deref());
    }
    Ok(())
}

/// The signer's own test compares with the SDK alone; a longer run is a command in CONTRIBUTING.md.
#[tokio::test(flavor = "multi_thread")]
async fn the_signatures_of_generated_requests_equal_the_sdks_and_botocores() -> anyhow::Result<()> {
    let count = match std::env::var("LAMBDAROUTE_SIGNATURES") {
        Ok(count) => count.parse().context("LAMBDAROUTE_SIGNATURES is a number of requests")?,
        Err(_) => REQUESTS as u64,
    };
    let venv = Venv::ensure(&target::cache()).await?;
    let signer = signer()?;
    let shards = std::thread::available_parallelism()?.get() as u64;
    let checks = (0..shards).map(|shard| {
        let share = count / shards + u64::from(shard < count % shards);
        let arguments = [share.to_string(), (SEED + shard).to_string()];
        let (venv, signer) = (&venv, &signer);
        async move { judge::check(venv, signer, &arguments).await }
    });
    let checked = futures::future::try_join_all(checks).await?;
    assert_eq!(checked.iter().sum::<u64>(), count);
    Ok(())
}

/// The program that signs generated requests with the proxy's signer, built now.
fn signer() -> anyhow::Result<PathBuf> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let build = ["build", "--quiet", "--package", "lambdaroute-proxy", "--example", "signatures"];
    toolchain::run(Command::new(cargo).args(build).current_dir(target::repository()), "build the signer")?;
    let triple = std::env::var_os("CARGO_BUILD_TARGET").unwrap_or_default();
    Ok(target::directory().join(triple).join("debug/examples/signatures"))
}

/// What callers send: everything that a URI may carry, and some that it may not be sent without care.
fn request(random: &mut StdRng, url: &str, index: usize) -> anyhow::Result<Request<Bytes>> {
    const PATH: &[&str] = &[
        "a",
        "Z",
        "0",
        "-",
        "_",
        ".",
        "~",
        "/",
        "//",
        "/./",
        "/../",
        "%20",
        "%2F",
        "%2f",
        "%25",
        "%41",
        "%e2%82%ac",
        "!",
        "$",
        "&",
        "'",
        "(",
        ")",
        "*",
        "+",
        ",",
        ";",
        "=",
        ":",
        "@",
        "%ff",
    ];
    const QUERY: &[&str] = &[
        "a",
        "b",
        "Z",
        "9",
        "=",
        "&",
        "+",
        "%20",
        "%2B",
        "%26",
        "%3d",
        "%3D",
        "%ff",
        "%e2%82%ac",
        "-",
        "_",
        ".",
        "~",
        "/",
        "?",
        ":",
        "@",
        "!",
        "$",
        "'",
        "(",
        ")",
        "*",
        ",",
        ";",
    ];
    let some = |random: &mut StdRng, of: &[&str], most: usize| -> String {
        (0..random.random_range(0..=most)).filter_map(|_| of.choose(random).copied()).collect()
    };
    let path = some(random, PATH, 12);
    let query = if random.random_bool(0.7) { format!("?{}", some(random, QUERY, 16)) } else { String::new() };
    let method = [Method::GET, Method::POST, Method::PUT, Method::PATCH, Method::DELETE]
        .choose(random)
        .cloned()
        .unwrap_or_default();
    let body: Vec<u8> = if method == Method::GET || random.random_bool(0.2) {
        Vec::new()
    } else {
        (0..random.random_range(1..2_000)).map(|_| random.random()).collect()
    };
    let mut request = Request::builder().method(method).uri(format!("{url}/{path}{query}")).header("x-index", index);
    if random.random_bool(0.6) {
        let types = ["application/json", "text/plain; charset=utf-8", "multipart/form-data;  boundary=a  b", "x/y"];
        request = request.header("content-type", *types.choose(random).unwrap_or(&"x/y"));
    }
    if random.random_bool(0.3) {
        request = request.header("x-amz-meta", "never forwarded").header("authorization", "Basic never:forwarded");
    }
    Ok(request.body(Bytes::from(body))?)
}

/// The request as it arrived, but for what signing added.
fn judged(received: &Received, bodies: &[Bytes], credentials: &AwsCredentials) -> anyhow::Result<Unsigned> {
    let header = |name: &str| received.header(name).unwrap_or_default().to_owned();
    let authorization = header("authorization");
    let names =
        authorization.split("SignedHeaders=").nth(1).and_then(|rest| rest.split(',').next()).unwrap_or_default();
    let added = ["x-amz-date", "x-amz-security-token", "host"];
    let headers = names.split(';').filter(|name| !added.contains(name)).map(|name| (name.to_owned(), header(name)));
    let index: usize = header("x-index").parse()?;
    Ok(Unsigned {
        method: received.method.clone(),
        url: format!("https://{}{}", received.host, received.target),
        headers: headers.collect(),
        body_base64: aws_smithy_types::base64::encode(&bodies[index]),
        credentials: credentials.clone(),
        region: "eu-west-1".to_owned(),
        service: "lambda".to_owned(),
        timestamp: header("x-amz-date"),
    })
}
