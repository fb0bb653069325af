//! A proxy and its table, fed by a route-table server of the harness.

use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{Request, StatusCode};
use http_body_util::BodyExt;
use lambdaroute_proxy_config::v1alpha1::{AuthType, RefusalReason, outcome};
use lambdaroute_tests::credentials::AwsCredentials;
use lambdaroute_tests::http::{begin, get, send};
use lambdaroute_tests::lone_proxy::{LoneProxy, route};
use lambdaroute_tests::origin::Canned;
use lambdaroute_tests::route_table::RouteTable;
use lambdaroute_tests::target;
use lambdaroute_tests::wait::eventually;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::bench::bench;

#[tokio::test(flavor = "multi_thread")]
async fn a_streamed_answer_arrives_in_pieces_and_a_break_in_it_is_never_a_clean_end() -> anyhow::Result<()> {
    let bench = bench("stream", &[]).await?;
    let url = bench.serve("stream", 10_000).await?;
    let mut streamed = bench.origin.on("/pieces").streams(Canned::new(StatusCode::OK, ""));
    let calling = tokio::spawn(begin(Request::get(format!("{url}/pieces")).body(Bytes::new())?));
    streamed.arrived().await?;
    streamed.send("first");
    let mut body = calling.await??.into_body();
    let first = body.frame().await.unwrap()?.into_data().unwrap();
    assert_eq!(first, "first", "it is here before the function has written the rest");
    streamed.send("second");
    assert_eq!(body.frame().await.unwrap()?.into_data().unwrap(), "second");
    streamed.finish();
    assert!(body.frame().await.is_none());

    let mut streamed = bench.origin.on("/broken").streams(Canned::new(StatusCode::OK, ""));
    let calling = tokio::spawn(begin(Request::get(format!("{url}/broken")).body(Bytes::new())?));
    streamed.arrived().await?;
    streamed.send("first");
    let mut body = calling.await??.into_body();
    assert_eq!(body.frame().await.unwrap()?.into_data().unwrap(), "first");
    streamed.reset();
    assert!(body.frame().await.unwrap().is_err(), "the caller must see that something is missing");

    let mut streamed = bench.origin.on("/left").streams(Canned::new(StatusCode::OK, ""));
    let calling = tokio::spawn(begin(Request::get(format!("{url}/left")).body(Bytes::new())?));
    streamed.arrived().await?;
    streamed.send("first");
    let body = calling.await??.into_body();
    drop(body);
    streamed.closed().await
}

#[tokio::test(flavor = "multi_thread")]
async fn what_aws_refuses_is_named_by_its_cause_and_never_shows_aws_to_the_caller() -> anyhow::Result<()> {
    let bench = bench("causes", &[]).await?;
    let url = bench.serve("causes", 10_000).await?;
    for (path, canned, status, cause) in [
        ("/denied", Canned::access_denied(), 502, "lambda_access_denied"),
        ("/gone", Canned::no_such_url(), 502, "function_url_gone"),
        ("/throttled", Canned::throttled(), 429, "lambda_throttled"),
        ("/large", Canned::too_large(), 413, "lambda_request_too_large"),
        ("/unavailable", Canned::service_unavailable(), 503, "lambda_unavailable"),
    ] {
        bench.origin.on(path).answers(canned);
        let answer = get(&format!("{url}{path}")).await?;
        assert_eq!((answer.status.as_u16(), answer.cause().as_deref()), (status, Some(cause)), "{path}");
        assert_eq!(answer.headers["content-type"], "application/problem+json");
        let proxy_status = answer.headers["proxy-status"].to_str()?;
        assert!(proxy_status.starts_with("lambdaroute;") && proxy_status.contains(cause), "{proxy_status}");
        let body = String::from_utf8_lossy(&answer.body).into_owned();
        assert!(!body.contains("lambda-url") && !body.contains("arn:aws"), "{body}");
    }
    assert!(get(&format!("{url}/throttled")).await?.headers.contains_key("retry-after"));
    bench.origin.on("/reset").resets();
    let answer = get(&format!("{url}/reset")).await?;
    assert_eq!(answer.cause().as_deref(), Some("upstream_reset"));
    let metrics = String::from_utf8_lossy(&bench.proxy.admin("/metrics").await?.body).into_owned();
    assert!(metrics.contains("lambda_access_denied"), "the metric has the same word");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_over_the_limit_is_refused_from_its_header_before_anything_of_it_is_sent() -> anyhow::Result<()> {
    let bench = bench("large", &[]).await?;
    let url = bench.serve("large", 10_000).await?;
    let whole = vec![7_u8; 6 * 1024 * 1024];
    let answer = send(Request::post(&url).body(Bytes::from(whole.clone()))?).await?;
    assert_eq!(answer.status, StatusCode::OK, "6 MiB are let through");
    let over = [&whole[..], b"x"].concat();
    let answer = send(Request::post(&url).body(Bytes::from(over))?).await?;
    let seen = (answer.status.as_u16(), answer.cause());
    assert_eq!(seen, (413, Some("request_too_large".into())), "also who writes on before reading sees it");
    let mut caller = TcpStream::connect((bench.proxy.address, 10_000)).await?;
    let head = format!("POST / HTTP/1.1\r\nhost: large\r\ncontent-length: {}\r\n\r\n", whole.len() + 1);
    caller.write_all(head.as_bytes()).await?;
    let mut answer = vec![0; 4096];
    let length = tokio::time::timeout(Duration::from_secs(20), caller.read(&mut answer)).await??;
    let answer = String::from_utf8_lossy(&answer[..length]).into_owned();
    assert!(answer.starts_with("HTTP/1.1 413 ") && answer.contains("request_too_large"), "{answer}");
    assert_eq!(bench.origin.received().len(), 1, "nothing of it reaches AWS");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_route_that_needs_a_feature_from_the_future_is_refused_and_its_old_version_stops() -> anyhow::Result<()> {
    let bench = bench("future", &[]).await?;
    let url = bench.serve("orders", 10_000).await?;
    assert_eq!(get(&url).await?.status, StatusCode::OK);
    let mut newer = route("orders", 10_000, &bench.origin.host("orders"), AuthType::AwsIam);
    newer.requires.push("time-travel".to_owned());
    bench.table.set("orders", newer);
    let refusal = eventually("the refusal", async || match bench.outcome("orders") {
        Some(outcome::Outcome::Refused(refusal)) => Ok(Some(refusal)),
        _ => Ok(None),
    })
    .await?;
    assert_eq!(refusal.reason(), RefusalReason::UnsupportedFeature);
    assert!(refusal.detail.contains("time-travel"), "{}", refusal.detail);
    eventually("the old version to stop", async || {
        Ok(get(&url).await.map_or(true, |answer| answer.status != StatusCode::OK).then_some(()))
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_of_10_000_routes_is_served() -> anyhow::Result<()> {
    const ROUTES: u16 = 10_000;
    let bench = bench("ten-thousand", &[]).await?;
    let begin = Instant::now();
    let routes = (0..ROUTES).map(|index| {
        let name = format!("r{index}");
        let host = bench.origin.host(&name);
        (name.clone(), route(&name, 10_000 + index, &host, AuthType::AwsIam))
    });
    bench.table.set_all(routes);
    eventually("all routes to be served", async || {
        let heard = bench.table.heard();
        let served = heard.outcomes.values().filter(|it| matches!(it.outcome, Some(outcome::Outcome::Served(_))));
        Ok((served.count() == usize::from(ROUTES)).then_some(()))
    })
    .await?;
    eprintln!("{ROUTES} routes are served after {:?}", begin.elapsed());
    for index in [0, 1, 4_999, ROUTES - 1] {
        let answer = get(&bench.proxy.url(10_000 + index)).await?;
        assert_eq!(answer.status, StatusCode::OK);
        let received = bench.origin.received().pop().unwrap();
        assert_eq!(received.host, bench.origin.host(&format!("r{index}")), "each port is its own route's");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_removed_route_closes_its_port_and_a_changed_one_keeps_its_connections() -> anyhow::Result<()> {
    let bench = bench("changed", &[]).await?;
    let url = bench.serve("one", 10_000).await?;
    let mut streamed = bench.origin.on("/long").streams(Canned::new(StatusCode::OK, ""));
    let calling = tokio::spawn(begin(Request::get(format!("{url}/long")).body(Bytes::new())?));
    streamed.arrived().await?;
    streamed.send("first");
    let mut body = calling.await??.into_body();
    assert_eq!(body.frame().await.unwrap()?.into_data().unwrap(), "first");
    bench.table.set("one", route("one", 10_000, &bench.origin.host("other"), AuthType::AwsIam));
    eventually("the new upstream", async || {
        get(&url).await?;
        let host = bench.origin.received_at("/").pop().map(|received| received.host);
        Ok((host == Some(bench.origin.host("other"))).then_some(()))
    })
    .await?;
    streamed.send("second");
    assert_eq!(body.frame().await.unwrap()?.into_data().unwrap(), "second");
    streamed.finish();
    bench.table.remove("one");
    eventually("the removal", async || {
        Ok(matches!(bench.outcome("one"), Some(outcome::Outcome::Removed(_))).then_some(()))
    })
    .await?;
    assert!(get(&url).await.is_err(), "a port whose removal was acknowledged is closed");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_proxy_without_a_table_or_credentials_is_alive_but_not_ready_and_says_why() -> anyhow::Result<()> {
    let directory = target::run_directory("unready")?;
    let table = RouteTable::start(1).await?;
    let nobody = AwsCredentials::key("", "");
    let flags = ["--leave-timeout=1s"];
    let proxy = LoneProxy::start(&table, "http://127.0.0.1:1", &nobody, &directory, &flags).await?;
    assert_eq!(proxy.admin("/livez").await?.status, StatusCode::OK);
    let answer = proxy.admin("/readyz").await?;
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(String::from_utf8_lossy(&answer.body).contains("credentials"), "{answer:?}");
    table.set("orders", route("orders", 10_000, "abc.lambda-url.eu-west-1.on.aws", AuthType::AwsIam));
    eventually("the route to be served", async || {
        Ok(get(&proxy.url(10_000))
            .await
            .is_ok_and(|answer| answer.cause().as_deref() == Some("no_credentials"))
            .then_some(()))
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_proxy_stops_at_sigterm_after_the_leaving_handshake() -> anyhow::Result<()> {
    let mut bench = bench("sigterm", &["--propagation-delay=100ms"]).await?;
    bench.serve("orders", 10_000).await?;
    bench.proxy.component.process.terminate()?;
    bench.proxy.component.process.wait(Duration::from_secs(20)).await?;
    assert_eq!(bench.table.heard().leaving, 1);
    Ok(())
}
