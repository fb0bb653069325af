//! How much a route takes: rates and requests in flight, shares of them, and what callers are told.

use std::sync::atomic::Ordering;

use bytes::Bytes;
use http::Request;
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use lambdaroute_proxy_config::v1alpha1::limit_share::Share;
use lambdaroute_proxy_config::v1alpha1::resource::Resource as Kind;
use lambdaroute_proxy_config::v1alpha1::{
    Auth, Concurrency, ConcurrencyShare, ConsumerKey, LimitKey, LimitShare, RateLimit, RateShare, Resource, Timeouts,
    limit_key,
};

use crate::auth::{api_keys, call, consumers, key_set, route_that};
use crate::controller::version;
use crate::credentials::world_with_credentials_of;
use crate::process::{World, free_port};
use crate::requests::{Answer, get, local, raw, send};
use crate::soon;

/// So many an hour: none flows back while a test runs.
fn hourly(name: &str, requests: u64, keys: &[limit_key::Key]) -> RateLimit {
    let keys = keys.iter().map(|key| LimitKey { key: Some(key.clone()) }).collect();
    RateLimit { name: name.to_owned(), requests, interval_ms: 3_600_000, burst: requests, keys }
}

fn limited(port: u16, limits: Vec<RateLimit>) -> Resource {
    route_that("orders", port, |route| route.rate_limits = limits)
}

fn share(limit: &str, share: Share) -> Resource {
    let kind =
        Kind::LimitShare(LimitShare { route_id: "orders".to_owned(), limit: limit.to_owned(), share: Some(share) });
    Resource { id: format!("orders/{limit}"), version: Some(version(1, 1)), resource: Some(kind) }
}

fn rate_share(limit: &str, requests: u64) -> Resource {
    share(limit, Share::Rate(RateShare { millirequests: requests * 1000, burst_millirequests: requests * 1000 }))
}

fn header<'a>(answer: &'a Answer, name: &str) -> Option<&'a str> {
    let mut values = answer.headers.get_all(name).iter();
    let value = values.next().map(|value| value.to_str().unwrap());
    assert!(values.next().is_none(), "{name} is there twice");
    value
}

/// How many of so many requests pass; all others are told `rate_limited`.
async fn passed(port: u16, count: usize) -> usize {
    let mut passed = 0;
    for _ in 0..count {
        let answer = get(local(port), "/").await;
        match answer.status {
            200 => passed += 1,
            429 => assert_eq!(answer.json()["type"], "https://lambdaroute.dev/problems/rate_limited"),
            other => panic!("{other} {}", answer.text()),
        }
    }
    passed
}

#[tokio::test]
async fn a_limit_that_is_used_up_is_told_with_its_time() {
    let port = free_port();
    let mut world = World::start().await;
    let _session = world.serve(&[limited(port, vec![hourly("everyone", 3, &[])])]).await;
    for left in ["r=2;t=1200", "r=1;t=2400", "r=0;t=1200"] {
        let answer = get(local(port), "/limits").await;
        assert_eq!(answer.status, 200);
        let told = header(&answer, "ratelimit").unwrap();
        assert_eq!(told, format!("\"everyone\";{left}"), "what the function says of limits is replaced");
        assert_eq!(header(&answer, "ratelimit-policy"), Some("\"everyone\";q=3;w=3600"));
    }
    let before = world.upstream.state.requests.load(Ordering::SeqCst);
    let answer = get(local(port), "/").await;
    assert_eq!((answer.status, &answer.json()["title"]), (429, &"The route's rate limit is used up".into()));
    let after: u64 = header(&answer, "retry-after").unwrap().parse().unwrap();
    assert!((1190..=1200).contains(&after), "{after}");
    assert_eq!(header(&answer, "ratelimit"), Some(format!("\"everyone\";r=0;t={after}").as_str()));
    assert_eq!(header(&answer, "ratelimit-policy"), Some("\"everyone\";q=3;w=3600"));
    assert_eq!(
        header(&answer, "proxy-status"),
        Some("lambdaroute; error=http_request_denied; details=\"rate_limited\"")
    );
    assert_eq!(world.upstream.state.requests.load(Ordering::SeqCst), before, "nothing reached the function");
    let metrics = world.proxy.get_admin("/metrics").await.1;
    assert!(metrics.contains(r#"rate_limited_total{namespace="shop",name="orders",limit="everyone"} 1"#), "{metrics}");
    assert!(metrics.contains(r#"method="GET",code="4xx",cause="rate_limited"} 1"#), "{metrics}");
}

#[tokio::test]
async fn what_is_refused_before_limits_are_asked_is_told_them_and_takes_nothing() {
    let port = free_port();
    let mut world = World::start().await;
    let limits =
        vec![hourly("everyone", 3, &[]), hourly("tenant", 2, &[limit_key::Key::Header("x-tenant".to_owned())])];
    let _session = world.serve(&[limited(port, limits)]).await;
    for _ in 0..3 {
        let request = Request::get(format!("http://{}/", local(port))).header("upgrade", "websocket");
        let answer = send(request.body(Full::default()).unwrap()).await;
        assert_eq!(answer.status, 501);
        assert_eq!(header(&answer, "ratelimit"), Some("\"everyone\";r=3, \"tenant\";r=2"));
    }
    assert_eq!(passed(port, 1).await, 1);
}

#[tokio::test]
async fn each_value_of_a_header_has_its_own_bucket_and_a_refused_request_takes_from_none() {
    let port = free_port();
    let mut world = World::start().await;
    let limits =
        vec![hourly("everyone", 5, &[]), hourly("tenant", 2, &[limit_key::Key::Header("x-tenant".to_owned())])];
    let _session = world.serve(&[limited(port, limits)]).await;
    let of_tenant = async |tenant: &str| {
        let request = Request::get(format!("http://{}/", local(port))).header("x-tenant", tenant);
        send(request.body(Full::default()).unwrap()).await.status
    };
    for _ in 0..2 {
        assert_eq!(of_tenant("a").await, 200);
    }
    for _ in 0..10 {
        assert_eq!(of_tenant("a").await, 429);
    }
    for (tenant, status) in [("b", 200), ("b", 200), ("c", 200), ("c", 429)] {
        assert_eq!(of_tenant(tenant).await, status, "5 for everyone, and no refusal took one: {tenant}");
    }
}

#[tokio::test]
async fn a_share_holds_without_touching_its_route_and_callers_are_told_the_total() {
    let port = free_port();
    let mut world = World::start().await;
    let route = limited(port, vec![hourly("everyone", 100, &[])]);
    let mut session = world.controller.session().await;
    session.snapshot(version(1, 1), &[rate_share("everyone", 10), route.clone()]);
    assert_eq!(session.outcomes(1).await, ["served orders"]);
    let admin = world.proxy.admin;
    crate::eventually("readiness", || async move { get(admin, "/readyz").await.status == 200 }).await;
    let answer = get(local(port), "/").await;
    assert_eq!(header(&answer, "ratelimit-policy"), Some("\"everyone\";q=100;w=3600"));
    assert_eq!(header(&answer, "ratelimit"), Some("\"everyone\";r=90;t=360"), "1 of 10 is 10 of 100");
    assert_eq!(passed(port, 20).await, 9);
    // The answer to the other route says that the share before it is taken.
    session.change(version(1, 2), &[rate_share("everyone", 15), crate::controller::route("other", free_port())], &[]);
    assert_eq!(session.outcomes(1).await, ["served other"], "a share is not acknowledged");
    assert_eq!(passed(port, 20).await, 5, "10 stay consumed");
    session.change(version(1, 3), &[rate_share("everyone", 0), crate::controller::route("more", free_port())], &[]);
    assert_eq!(session.outcomes(1).await, ["served more"]);
    let answer = get(local(port), "/").await;
    assert_eq!((answer.status, header(&answer, "ratelimit")), (429, Some("\"everyone\";r=0;t=36")));
    let config: serde_json::Value = serde_json::from_str(&world.proxy.get_admin("/config").await.1).unwrap();
    assert_eq!(config["limitShares"][0]["rate"]["millirequests"], 0);
    assert_eq!(config["routes"][2]["version"]["counter"], 1, "{config}");
}

#[tokio::test]
async fn a_new_version_of_a_route_forgets_no_consumption() {
    let port = free_port();
    let mut world = World::start().await;
    let mut session = world.serve(&[limited(port, vec![hourly("everyone", 3, &[])])]).await;
    assert_eq!(passed(port, 5).await, 3);
    session.change(version(1, 2), &[limited(port, vec![hourly("everyone", 5, &[]), hourly("more", 100, &[])])], &[]);
    assert_eq!(session.outcomes(1).await, ["served orders"]);
    assert_eq!(passed(port, 5).await, 2);
}

#[tokio::test]
async fn no_more_requests_are_in_flight_than_the_route_allows_until_the_last_byte() {
    let port = free_port();
    let mut world = World::start().await;
    let resource = route_that("orders", port, |route| route.concurrency = Some(Concurrency { max: 1 }));
    let mut session = world.serve(&[resource]).await;
    let client = Client::builder(TokioExecutor::new()).build_http();
    let request = Request::get(format!("http://{}/stream", local(port))).body(Full::<Bytes>::default()).unwrap();
    let mut body = soon("headers", client.request(request)).await.unwrap().into_body();
    assert_eq!(soon("the first piece", body.frame()).await.unwrap().unwrap().into_data().unwrap(), "first ");
    let answer = get(local(port), "/").await;
    assert_eq!(
        (answer.status, answer.json()["type"].as_str()),
        (503, Some("https://lambdaroute.dev/problems/concurrency_limited"))
    );
    assert_eq!(header(&answer, "ratelimit-policy"), None, "no rate is limited");
    world.upstream.state.go_on.add_permits(1);
    assert_eq!(soon("the rest", body.collect()).await.unwrap().to_bytes(), "last");
    crate::eventually("room again", || async move { get(local(port), "/").await.status == 200 }).await;
    // A share of nothing: the route's other proxies have it all.
    let none = share("", Share::Concurrency(ConcurrencyShare { max: 0 }));
    session.change(version(1, 2), &[none, crate::controller::route("other", free_port())], &[]);
    assert_eq!(session.outcomes(1).await, ["served other"]);
    assert_eq!(get(local(port), "/").await.status, 503);
}

#[tokio::test]
async fn a_throttle_of_lambda_is_passed_on_and_never_retried() {
    let port = free_port();
    let mut world = World::start().await;
    let _session = world.serve(&[limited(port, vec![hourly("everyone", 3, &[])])]).await;
    let before = world.upstream.state.requests.load(Ordering::SeqCst);
    let request = Request::get(format!("http://{}/canned", local(port)))
        .header("want-status", "429")
        .header("want-error", "TooManyRequestsException")
        .header("want-body", "{}");
    let answer = send(request.body(Full::default()).unwrap()).await;
    assert_eq!(
        (answer.status, answer.json()["type"].as_str()),
        (429, Some("https://lambdaroute.dev/problems/lambda_throttled"))
    );
    assert_eq!(header(&answer, "retry-after"), Some("1"));
    assert_eq!(header(&answer, "ratelimit"), Some("\"everyone\";r=2;t=1200"), "it isn't the route's own limit");
    assert_eq!(world.upstream.state.requests.load(Ordering::SeqCst) - before, 1);
}

#[tokio::test]
async fn spraying_values_takes_nobodys_bucket() {
    let port = free_port();
    let mut world = World::start_with(&["--rate-limit-keys=2"], &crate::process::CREDENTIALS).await;
    let _session = world
        .serve(&[limited(port, vec![hourly("tenant", 1, &[limit_key::Key::Header("x-tenant".to_owned())])])])
        .await;
    let of_tenant = async |tenant: String| {
        let request = Request::get(format!("http://{}/", local(port))).header("x-tenant", tenant);
        send(request.body(Full::default()).unwrap()).await.status
    };
    for (tenant, status) in [("a", 200), ("b", 200), ("c", 200), ("d", 429), ("e", 429)] {
        assert_eq!(of_tenant(tenant.to_owned()).await, status, "{tenant}: c, d and e share a bucket");
    }
    for n in 0..50 {
        assert_eq!(of_tenant(format!("spray-{n}")).await, 429);
    }
    assert_eq!(of_tenant("a".to_owned()).await, 429, "a is remembered");
}

#[tokio::test]
async fn each_consumer_has_its_own_bucket_and_who_is_none_takes_from_no_limit() {
    let port = free_port();
    let mut world = World::start().await;
    let keys = key_set("k", Some(consumers(&[("web", &["key-of-web-16-chars"]), ("app", &["key-of-app-16-chars"])])));
    let guarded = route_that("orders", port, |route| {
        route.auth = Some(Auth { methods: vec![api_keys(&["k"])] });
        let each = hourly("each", 2, &[limit_key::Key::Consumer(ConsumerKey {})]);
        route.rate_limits = vec![hourly("everyone", 3, &[]), each];
    });
    let _session = world.serve(&[keys, guarded]).await;
    let with_key = async |key: &str| {
        let request = Request::get(format!("http://{}/", local(port))).header("x-api-key", key);
        send(request.body(Full::default()).unwrap()).await
    };
    for _ in 0..5 {
        let answer = with_key("a-key-that-nobody-has").await;
        assert_eq!((answer.status, header(&answer, "ratelimit")), (401, Some("\"everyone\";r=3")));
        assert_eq!(header(&answer, "ratelimit-policy"), Some("\"each\";q=2;w=3600, \"everyone\";q=3;w=3600"));
    }
    for (key, status) in [("web", 200), ("web", 200), ("web", 429), ("app", 200), ("app", 429)] {
        assert_eq!(with_key(&format!("key-of-{key}-16-chars")).await.status, status, "{key}");
    }
}

/// One consumer, `web`, by one key.
const KEY: (&str, &str) = ("x-api-key", "key-of-web-16-chars");

#[tokio::test]
async fn without_credentials_a_caller_is_told_so_and_nothing_is_taken_from_its_limits() {
    let port = free_port();
    let mut world = world_with_credentials_of("/late-credentials").await;
    let guarded = route_that("orders", port, |route| {
        route.auth = Some(Auth { methods: vec![api_keys(&["k"])] });
        let each = hourly("each", 2, &[limit_key::Key::Consumer(ConsumerKey {})]);
        route.rate_limits = vec![hourly("everyone", 3, &[]), each];
        route.concurrency = Some(Concurrency { max: 1 });
    });
    let mut session = world.controller.session().await;
    session.snapshot(version(1, 1), &[key_set("k", Some(consumers(&[("web", &[KEY.1])]))), guarded]);
    session.outcomes(2).await;
    let head =
        format!("POST / HTTP/1.1\r\nhost: o\r\nexpect: 100-continue\r\nconnection: close\r\n{}: {}\r\n", KEY.0, KEY.1);
    for _ in 0..5 {
        assert_eq!(call(port, &[]).await.status, 401, "who calls is asked before");
        let too_large = raw(port, format!("{head}content-length: 6291457\r\n\r\n").as_bytes()).await;
        assert!(too_large.starts_with("HTTP/1.1 413 "), "so is how much: {too_large}");
        let unsigned = raw(port, format!("{head}content-length: 4\r\n\r\n").as_bytes()).await;
        assert!(unsigned.starts_with("HTTP/1.1 503 ") && unsigned.contains("no_credentials"), "{unsigned}");
        let answer = call(port, &[KEY]).await;
        assert_eq!(
            (answer.status, answer.json()["type"].as_str()),
            (503, Some("https://lambdaroute.dev/problems/no_credentials"))
        );
        assert_eq!(header(&answer, "ratelimit"), Some("\"everyone\";r=3"), "and nothing of it is taken");
    }
    assert_eq!(world.upstream.state.runs.load(Ordering::SeqCst), 0, "nothing is sent unsigned");
    world.upstream.state.go_on.add_permits(1);
    let admin = world.proxy.admin;
    crate::eventually("credentials", || async move { get(admin, "/readyz").await.status == 200 }).await;
    for status in [200, 200, 429] {
        assert_eq!(call(port, &[KEY]).await.status, status, "both of the consumer's are left, and no third");
    }
}

#[tokio::test]
async fn a_body_is_not_asked_for_that_a_limit_refuses() {
    let (rated, counted) = (free_port(), free_port());
    let mut world = World::start().await;
    let busy = route_that("counted", counted, |route| route.concurrency = Some(Concurrency { max: 1 }));
    let _session = world.serve(&[limited(rated, vec![hourly("everyone", 1, &[])]), busy]).await;
    assert_eq!(passed(rated, 1).await, 1);
    let waiting = tokio::spawn(async move { get(local(counted), "/wait").await.status });
    world.upstream.until_waiting(1).await;
    let head = "POST / HTTP/1.1\r\nhost: o\r\nexpect: 100-continue\r\ncontent-length: 4\r\nconnection: close\r\n\r\n";
    for (port, status) in [(rated, "429"), (counted, "503")] {
        let answer = raw(port, head.as_bytes()).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{answer}");
    }
    world.upstream.state.go_on.add_permits(1);
    assert_eq!(waiting.await.unwrap(), 200);
}

#[tokio::test]
async fn every_answer_of_a_limited_route_tells_its_limits_and_when_to_come_again() {
    let port = free_port();
    let mut world = World::start_with(&["--max-header-count=20"], &crate::process::CREDENTIALS).await;
    let guarded = route_that("orders", port, |route| {
        route.auth = Some(Auth { methods: vec![api_keys(&["k"])] });
        route.rate_limits = vec![hourly("everyone", 4, &[])];
        route.max_request_body = 10;
        route.timeouts = Some(Timeouts { first_byte_ms: 200, stream_idle_ms: 0 });
    });
    let _session = world.serve(&[key_set("k", Some(consumers(&[("web", &[KEY.1])]))), guarded]).await;
    let get_of = |target: &str| Request::get(format!("http://{}{target}", local(port)));
    let mut many = get_of("/").header(KEY.0, KEY.1);
    for number in 0..30 {
        many = many.header(format!("x-{number}"), "1");
    }
    let with_key = |target: &str| get_of(target).header(KEY.0, KEY.1);
    let error =
        |status: &str, error: &str| with_key("/canned").header("want-status", status).header("want-error", error);
    for (status, left, request) in [
        (401, 4, get_of("/").body(Full::default())),
        (501, 4, with_key("/").header("upgrade", "websocket").body(Full::default())),
        (431, 4, many.body(Full::default())),
        (413, 4, with_key("/").body(Full::from("eleven bytes"))),
        (200, 3, with_key("/").body(Full::default())),
        (502, 2, error("403", "AccessDeniedException").body(Full::default())),
        (504, 1, with_key("/wait").body(Full::default())),
        (429, 0, error("429", "TooManyRequestsException").body(Full::default())),
        (429, 0, with_key("/").body(Full::default())),
        (401, 0, get_of("/").body(Full::default())),
    ] {
        let answer = send(request.unwrap()).await;
        assert_eq!(answer.status, status, "{}", answer.text());
        assert_eq!(header(&answer, "ratelimit-policy"), Some("\"everyone\";q=4;w=3600"), "{status}");
        let told = header(&answer, "ratelimit").unwrap();
        assert!(told.starts_with(&format!("\"everyone\";r={left}")), "{status}: {told}");
        assert_eq!(header(&answer, "retry-after").is_some(), status == 429, "{status}");
        if left == 0 && answer.json()["type"] == "https://lambdaroute.dev/problems/rate_limited" {
            let after = told.split_once(";t=").unwrap().1;
            assert_eq!(header(&answer, "retry-after"), Some(after), "both say the same");
        }
    }
}
