//! From where a route may be called, and by whose pages.

use http::{Method, Request};
use http_body_util::Full;
use lambdaroute_proxy_config::v1alpha1::*;

use crate::auth::{api_keys, call, consumers, key_set, route_that};
use crate::controller::route;
use crate::process::{CREDENTIALS, World, free_port};
use crate::requests::{Answer, echoed, local, send};

#[tokio::test]
async fn an_address_that_is_not_admitted_is_refused_before_anything_else() {
    let (denied, allowed, neither) = (free_port(), free_port(), free_port());
    let mut world = World::start().await;
    let ranges = |allow: &[&str], deny: &[&str]| {
        let blocks = |blocks: &[&str]| blocks.iter().map(|&block| block.to_owned()).collect();
        Some(SourceRanges { allow: blocks(allow), deny: blocks(deny) })
    };
    let routes = [
        route_that("denied", denied, |route| route.source_ranges = ranges(&["127.0.0.0/8"], &["127.0.0.1/32"])),
        route_that("allowed", allowed, |route| route.source_ranges = ranges(&["127.0.0.0/8", "::1/128"], &[])),
        route_that("neither", neither, |route| route.source_ranges = ranges(&["10.0.0.0/8"], &[])),
    ];
    let mut session = world.serve(&routes).await;
    assert_eq!(call(allowed, &[]).await.status, 200);
    for port in [denied, neither] {
        let answer = call(port, &[("x-forwarded-for", "127.0.0.2"), ("x-forwarded-for", "10.0.0.1")]).await;
        assert_eq!(
            (answer.status, answer.json()["type"].as_str()),
            (403, Some("https://lambdaroute.dev/problems/forbidden"))
        );
    }
    let wrong = route_that("wrong", free_port(), |route| route.source_ranges = ranges(&[], &["all"]));
    session.change(crate::controller::version(1, 2), &[wrong], &[]);
    assert_eq!(session.outcomes(1).await, ["refused wrong REFUSAL_REASON_INVALID"]);
}

#[tokio::test]
async fn only_a_trusted_proxy_says_for_whom_it_calls() {
    let (behind, limited) = (free_port(), free_port());
    let mut world = World::start_with(&["--trusted-proxies", "127.0.0.0/8,10.0.0.0/8"], &CREDENTIALS).await;
    let only = SourceRanges { allow: vec!["198.51.100.0/24".to_owned()], deny: vec![] };
    let limited_route = route_that("limited", limited, |route| route.source_ranges = Some(only));
    let _session = world.serve(&[route("behind", behind), limited_route]).await;
    let theirs = [
        ("x-forwarded-for", "6.6.6.6, 198.51.100.7, 10.0.0.2"),
        ("x-forwarded-host", "shop.example"),
        ("x-forwarded-proto", "https"),
        ("forwarded", "for=6.6.6.6"),
    ];
    let echo = call(behind, &theirs).await.json();
    assert_eq!(echoed(&echo, "x-forwarded-for"), Some("198.51.100.7"));
    assert_eq!(echoed(&echo, "x-forwarded-host"), Some("shop.example"));
    assert_eq!(echoed(&echo, "x-forwarded-proto"), Some("https"));
    assert_eq!(echoed(&echo, "forwarded"), None);
    assert_eq!(call(limited, &theirs).await.status, 200);
    assert_eq!(
        call(limited, &[("x-forwarded-for", "198.51.100.7, 6.6.6.6")]).await.status,
        403,
        "only the rightmost counts"
    );
    assert_eq!(call(limited, &[]).await.status, 403, "the proxy itself isn't admitted");
}

async fn send_of_page(port: u16, method: Method, headers: &[(&str, &str)]) -> Answer {
    let mut request = Request::builder().method(method).uri(format!("http://{}/", local(port)));
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    send(request.body(Full::default()).unwrap()).await
}

fn cors_of(answer: &Answer) -> Vec<String> {
    let is_cors = |name: &str| name.starts_with("access-control-") || name == "vary";
    let lines = answer.headers.iter().filter(|(name, _)| is_cors(name.as_str()));
    let mut lines: Vec<_> = lines.map(|(name, value)| format!("{name}: {}", value.to_str().unwrap())).collect();
    lines.sort();
    lines
}

#[tokio::test]
async fn a_page_is_answered_by_the_route_and_never_by_two() {
    let port = free_port();
    let mut world = World::start().await;
    let route = route_that("orders", port, |route| {
        route.auth = Some(Auth { methods: vec![api_keys(&["consumers"])] });
        route.cors = Some(Cors {
            allow_origins: vec!["https://shop.example".to_owned()],
            allow_methods: vec!["GET".to_owned(), "PUT".to_owned()],
            allow_headers: vec!["x-api-key".to_owned()],
            expose_headers: vec!["x-total".to_owned()],
            allow_credentials: true,
            max_age_s: Some(3600),
        });
    });
    let keys = key_set("consumers", Some(consumers(&[("web", &["a-key-of-sixteen"])])));
    let _session = world.serve(&[keys, route]).await;
    let (page, key) = (("origin", "https://shop.example"), ("x-api-key", "a-key-of-sixteen"));
    let asks = ("access-control-request-method", "PUT");

    let answer = send_of_page(port, Method::OPTIONS, &[page, asks]).await;
    assert_eq!((answer.status, answer.text().as_str()), (204, ""), "no key, and no invocation");
    let expected = [
        "access-control-allow-credentials: true",
        "access-control-allow-headers: x-api-key",
        "access-control-allow-methods: GET, PUT",
        "access-control-allow-origin: https://shop.example",
        "access-control-max-age: 3600",
        "vary: Origin",
    ];
    assert_eq!(cors_of(&answer), expected);
    let evil = send_of_page(port, Method::OPTIONS, &[("origin", "https://evil.example"), asks]).await;
    assert_eq!((evil.status, cors_of(&evil)), (204, vec!["vary: Origin".to_owned()]));

    let ordinary = send_of_page(port, Method::OPTIONS, &[page, key]).await;
    assert_eq!(
        (ordinary.status, ordinary.json()["method"].as_str()),
        (200, Some("OPTIONS")),
        "no preflight: forwarded"
    );
    assert_eq!(send_of_page(port, Method::OPTIONS, &[page]).await.status, 401, "and asked who calls");

    let readable = [
        "access-control-allow-credentials: true",
        "access-control-allow-origin: https://shop.example",
        "access-control-expose-headers: x-total",
        "vary: Origin",
    ];
    let answer = send_of_page(port, Method::GET, &[page, key]).await;
    assert_eq!((answer.status, cors_of(&answer)), (200, readable.map(str::to_owned).to_vec()));
    let answer = send_of_page(port, Method::GET, &[page]).await;
    assert_eq!(
        (answer.status, cors_of(&answer)),
        (401, readable.map(str::to_owned).to_vec()),
        "a page may read its 401"
    );
    let mut theirs = vec![page, key, ("want-status", "200"), ("want-cors", "*")];
    let answer = send_to(port, "/canned", &theirs).await;
    assert_eq!(
        (answer.status, cors_of(&answer)),
        (200, readable.map(str::to_owned).to_vec()),
        "the function's is replaced"
    );
    theirs[0] = ("origin", "https://evil.example");
    assert_eq!(cors_of(&send_to(port, "/canned", &theirs).await), ["vary: Origin"]);
}

#[tokio::test]
async fn without_cors_in_the_route_the_function_answers_for_itself() {
    let port = free_port();
    let mut world = World::start().await;
    let _session = world.serve(&[route("orders", port)]).await;
    let asks = [("origin", "https://shop.example"), ("access-control-request-method", "PUT")];
    let answer = send_of_page(port, Method::OPTIONS, &asks).await;
    assert_eq!((answer.status, answer.json()["method"].as_str()), (200, Some("OPTIONS")));
    let answer = send_to(port, "/canned", &[("want-status", "200"), ("want-cors", "*")]).await;
    assert_eq!(cors_of(&answer), ["access-control-allow-origin: *"]);
}

async fn send_to(port: u16, target: &str, headers: &[(&str, &str)]) -> Answer {
    let mut request = Request::get(format!("http://{}{target}", local(port)));
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    send(request.body(Full::default()).unwrap()).await
}
