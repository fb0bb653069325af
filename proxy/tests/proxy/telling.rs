//! What a proxy tells: problems, traces, its access log, its configuration; and what it never tells.

use bytes::Bytes;
use http::Request;
use http_body_util::Full;
use lambdaroute_proxy_config::feature;
use lambdaroute_proxy_config::v1alpha1::{Auth, RequestHeaders, SetHeader};
use sha2::{Digest, Sha256};

use crate::auth::{api_keys, consumers, key_set, route_that};
use crate::controller::{TOKEN, route};
use crate::eventually;
use crate::process::{CREDENTIALS, Proxy, World, free_port};
use crate::requests::{get, local, send};

fn get_with(port: u16, target: &str, headers: &[(&str, &str)]) -> Request<Full<Bytes>> {
    let mut request = Request::get(format!("http://{}{target}", local(port)));
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.body(Full::default()).unwrap()
}

/// The lines of the access log, once there are so many.
async fn access_log(proxy: &Proxy, count: usize) -> Vec<serde_json::Value> {
    let lines = || -> Vec<serde_json::Value> {
        let log = proxy.log.lock().unwrap();
        let lines = log.iter().filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok());
        lines.filter(|line| line["log"] == "access").collect()
    };
    eventually("lines of the access log", || async { lines().len() >= count }).await;
    lines()
}

#[tokio::test]
async fn no_secret_is_in_any_output_at_any_level() {
    let port = free_port();
    let more = ["--log-level=trace", "--access-log=on"];
    let mut world = World::start_with(&more, &CREDENTIALS).await;
    let guarded = route_that("orders", port, |route| {
        let set = vec![SetHeader { name: "x-gateway-key".to_owned(), value: b"planted-set-header".to_vec() }];
        route.request_headers = Some(RequestHeaders { set, remove: vec![] });
        route.auth = Some(Auth { methods: vec![api_keys(&["k"])] });
        route.forward_authorization_as = "x-caller-authorization".to_owned();
    });
    let keys = key_set("k", Some(consumers(&[("web", &["planted-api-key-16"])])));
    let _session = world.serve(&[keys, guarded]).await;
    let secrets = [
        ("authorization", "Bearer planted-bearer"),
        ("x-api-key", "planted-api-key-16"),
        ("cookie", "session=planted-cookie"),
        ("x-secret", "planted-header"),
        ("x-amz-security-token", "planted-theirs"),
    ];
    for (target, status) in [("/?token=planted-query", 200), ("/canned?token=planted-query", 502)] {
        let mut request = get_with(port, target, &secrets);
        *request.method_mut() = http::Method::POST;
        request.headers_mut().insert("want-status", "403".parse().unwrap());
        request.headers_mut().insert("want-error", "AccessDeniedException".parse().unwrap());
        request.headers_mut().insert("want-body", r#"{"Message":"Forbidden"}"#.parse().unwrap());
        *request.body_mut() = Full::from("planted-body");
        assert_eq!(send(request).await.status, status);
    }
    let answered = [
        ("x-api-key", "planted-api-key-16"),
        ("want-status", "404"),
        ("want-body", "planted-answer"),
        ("want-cookie", "planted=1"),
    ];
    assert_eq!(send(get_with(port, "/canned", &answered)).await.text(), "planted-answer");
    let wrong = [("x-api-key", "planted-wrong-key"), ("authorization", "Bearer planted.wrong.token")];
    for (headers, status) in [(&[("upgrade", "planted-protocol")][..], 501), (&wrong, 401)] {
        let answer = send(get_with(port, "/?token=planted-query", headers)).await;
        assert!(answer.status == status && !answer.text().contains("planted"), "{}", answer.text());
    }
    for (path, status) in [("/config", 200), ("/metrics", 200), ("/readyz", 200)] {
        let (got, text) = world.proxy.get_admin(path).await;
        assert!(got == status && !text.contains("planted"), "{path}: {text}");
    }
    let lines = access_log(&world.proxy, 5).await;
    assert_eq!((&lines[0]["auth"], &lines[0]["consumer"]), (&"keys".into(), &"web".into()));
    let log = world.proxy.log.lock().unwrap();
    assert!(log.iter().any(|line| line.contains("DEBUG")), "the level is on");
    let digest = Sha256::digest("planted-api-key-16");
    let digests = [hex::encode(digest), format!("{:?}", digest.to_vec())];
    for line in log.iter() {
        assert!(!line.contains("planted") && !line.contains("cGxhbnRlZ"), "{line}");
        assert!(!line.contains(TOKEN), "nor the proxy's own token for the controller: {line}");
        assert!(!digests.iter().any(|digest| line.contains(digest)), "{line}");
    }
}

#[tokio::test]
async fn the_access_log_tells_each_request_when_it_is_on() {
    let port = free_port();
    let mut world = World::start_with(&["--access-log=on"], &CREDENTIALS).await;
    let _session = world.serve(&[route("orders", port)]).await;
    let traceparent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    let mut request = get_with(port, "/v1/items?q=1", &[("traceparent", traceparent)]);
    *request.method_mut() = http::Method::PUT;
    *request.body_mut() = Full::from("body");
    let answer = send(request).await;
    assert_eq!(answer.status, 200);
    let line = &access_log(&world.proxy, 1).await[0];
    for (name, value) in [
        ("namespace", "shop".into()),
        ("name", "orders".into()),
        ("method", "PUT".into()),
        ("path", "/v1/items".into()),
        ("client", "127.0.0.1".into()),
        ("status", serde_json::Value::from(200)),
        ("cause", "none".into()),
        ("function_error", false.into()),
        ("bytes_in", 4.into()),
        ("bytes_out", answer.body.len().into()),
        ("trace_id", "4bf92f3577b34da6a3ce929d0e0e4736".into()),
        ("aws_request_id", "the-request-id-of-aws".into()),
    ] {
        assert_eq!(line[name], value, "{name} of {line}");
    }
    let (total, upstream) = (line["duration_ms"].as_f64().unwrap(), line["upstream_ms"].as_f64().unwrap());
    assert!(total >= upstream && upstream > 0.0, "{line}");
    let error = [("want-status", "502"), ("want-body", "Internal Server Error")];
    send(get_with(port, "/canned", &error)).await;
    let lines = access_log(&world.proxy, 2).await;
    assert_eq!(lines[1]["status"], 502, "{}", lines[1]);
}

#[tokio::test]
async fn without_a_wish_for_it_there_is_no_access_log() {
    let port = free_port();
    let mut world = World::start().await;
    let _session = world.serve(&[route("orders", port)]).await;
    assert_eq!(get(local(port), "/").await.status, 200);
    world.proxy.signal(rustix::process::Signal::TERM);
    drop(_session);
    eventually("the last line", || async { world.proxy.logged("draining") }).await;
    assert!(!world.proxy.logged(r#""log":"access""#));
}

#[tokio::test]
async fn a_trace_passes_and_x_ray_joins_it() {
    let port = free_port();
    let mut world = World::start().await;
    let _session = world.serve(&[route("orders", port)]).await;
    let arrived = async |headers: &[(&str, &str)]| {
        let echo = send(get_with(port, "/", headers)).await.json();
        let of = |name: &str| {
            let mut values = echo["headers"].as_array().unwrap().iter().filter(|header| header[0] == name);
            let value = values.next().map(|header| header[1].as_str().unwrap().to_owned());
            assert!(values.next().is_none(), "{name} arrived twice");
            value
        };
        assert!(!of("authorization").unwrap().contains("trace"), "hops change them: they are never signed");
        ["traceparent", "tracestate", "x-amzn-trace-id"].map(of)
    };
    let parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    let x_ray = "Root=1-4bf92f35-77b34da6a3ce929d0e0e4736;Parent=00f067aa0ba902b7;Sampled=1";
    let told = arrived(&[("traceparent", parent), ("tracestate", "a=1"), ("x-amzn-trace-id", "theirs")]).await;
    assert_eq!(told, [Some(parent.to_owned()), Some("a=1".to_owned()), Some(x_ray.to_owned())]);
    let [first, state, root] = arrived(&[("traceparent", "nonsense"), ("tracestate", "a=1")]).await;
    let (first, root) = (first.unwrap(), root.unwrap());
    assert_eq!(state, None);
    assert_eq!(root.replace("Root=1-", "").replace('-', ""), first[3..35]);
    let [second, ..] = arrived(&[]).await;
    assert_ne!(first, second.unwrap(), "every trace has an id of its own");
}

#[tokio::test]
async fn a_browser_gets_a_page_and_curl_a_problem() {
    let port = free_port();
    let mut world = World::start().await;
    let _session = world.serve(&[route("orders", port)]).await;
    let browser = [("accept", "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"), ("upgrade", "x")];
    let page = send(get_with(port, "/", &browser)).await;
    assert_eq!((page.status, &page.headers["content-type"]), (501, &"text/html; charset=utf-8".parse().unwrap()));
    assert!(page.text().contains("<h1>501 Protocol upgrades are not supported</h1>"), "{}", page.text());
    let problem = send(get_with(port, "/", &[("accept", "*/*"), ("upgrade", "x")])).await;
    assert_eq!((problem.status, &problem.headers["content-type"]), (501, &"application/problem+json".parse().unwrap()));
    assert_eq!(problem.json()["status"], 501);
    for answer in [page, problem] {
        assert_eq!(answer.headers["cache-control"], "no-store");
        assert!(answer.headers.contains_key("proxy-status"));
    }
}

#[tokio::test]
async fn the_configuration_tells_what_is_run() {
    let port = free_port();
    let mut world = World::start().await;
    let _session = world.serve(&[route("orders", port)]).await;
    let (status, text) = world.proxy.get_admin("/config").await;
    let config: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!((status, &config["table"]), (200, &serde_json::json!({"epoch": 1, "counter": 1})));
    let route = &config["routes"][0];
    assert_eq!((&route["name"], &route["port"], &route["state"]), (&"orders".into(), &port.into(), &"serving".into()));
    assert_eq!(config["flags"]["rate-limit-keys"][0], "10000");
    assert!(config["features"].as_array().unwrap().contains(&feature::RATE_LIMITS.into()), "{config}");
}
