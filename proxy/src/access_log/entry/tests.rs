//! What a line says.

use super::*;

pub(crate) fn entry() -> Entry {
    Entry {
        time: SystemTime::UNIX_EPOCH + Duration::from_millis(1_700_000_000_123),
        namespace: "shop".into(),
        name: "orders".into(),
        method: Method::GET,
        target: "/v1/items?key=secret".parse().unwrap(),
        client: "::ffff:192.0.2.1".parse().unwrap(),
        status: Some(StatusCode::OK),
        cause: None,
        total: Duration::from_micros(12_345),
        upstream: Some(Duration::from_micros(12_000)),
        bytes_in: 3,
        bytes_out: 5,
        auth: Some("keys".to_owned()),
        consumer: Some("web".to_owned()),
        trace_id: Some(*b"4bf92f3577b34da6a3ce929d0e0e4736"),
        aws_request_id: Some(HeaderValue::from_static("c6af9ac6-7b61-11e6-9a41-93e8deadbeef")),
    }
}

fn json(entry: &Entry) -> serde_json::Value {
    let line = entry.line();
    assert_eq!(line.iter().filter(|b| **b == b'\n').count(), 1);
    serde_json::from_slice(&line).unwrap()
}

#[test]
fn a_line_tells_everything_but_the_query() {
    let expected = serde_json::json!({
        "timestamp": "2023-11-14T22:13:20.123000Z",
        "log": "access",
        "namespace": "shop",
        "name": "orders",
        "method": "GET",
        "path": "/v1/items",
        "client": "192.0.2.1",
        "status": 200,
        "cause": "none",
        "function_error": false,
        "duration_ms": 12.345,
        "upstream_ms": 12.0,
        "bytes_in": 3,
        "bytes_out": 5,
        "auth": "keys",
        "consumer": "web",
        "trace_id": "4bf92f3577b34da6a3ce929d0e0e4736",
        "aws_request_id": "c6af9ac6-7b61-11e6-9a41-93e8deadbeef",
    });
    assert_eq!(json(&entry()), expected);
}

#[test]
fn what_there_is_not_is_not_told() {
    let mut entry = entry();
    (entry.status, entry.upstream, entry.auth, entry.consumer) = (None, None, None, None);
    (entry.trace_id, entry.aws_request_id) = (None, None);
    let line = json(&entry);
    for name in ["status", "upstream_ms", "auth", "consumer", "trace_id", "aws_request_id"] {
        assert!(line.get(name).is_none(), "{name}");
    }
}

#[test]
fn a_failure_of_the_function_is_flagged() {
    let mut entry = entry();
    entry.cause = Some(Cause::FunctionError);
    assert_eq!((&json(&entry)["cause"], &json(&entry)["function_error"]), (&"function_error".into(), &true.into()));
    entry.cause = Some(Cause::LambdaThrottled);
    assert_eq!(json(&entry)["function_error"], false);
}

#[test]
fn a_long_path_is_cut() {
    let mut entry = entry();
    entry.target = format!("/{}?secret", "é".repeat(20_000)).parse().unwrap();
    let line = json(&entry);
    let path = line["path"].as_str().unwrap();
    assert_eq!((path.len(), path.trim_start_matches('/').chars().all(|c| c == 'é')), (2047, true));
}
