//! What leaves towards the function, and what comes back to the caller.

use super::*;

fn map(lines: &[(&str, &str)]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in lines {
        headers.append(HeaderName::from_bytes(name.as_bytes()).unwrap(), HeaderValue::from_str(value).unwrap());
    }
    headers
}

fn lines(headers: &HeaderMap) -> Vec<(String, String)> {
    let mut lines: Vec<_> =
        headers.iter().map(|(n, v)| (n.to_string(), String::from_utf8_lossy(v.as_bytes()).into_owned())).collect();
    lines.sort();
    lines
}

fn sent(from_caller: &[(&str, &str)], keep_authorization: bool) -> Vec<(String, String)> {
    let mut headers = map(from_caller);
    let host = headers.get("host").cloned();
    let caller = Caller { address: "::ffff:10.1.2.3".parse().unwrap(), host: host.as_ref() };
    to_upstream(&mut headers, &HeaderValue::from_static("u.lambda-url.eu-west-1.on.aws"), &caller, keep_authorization);
    lines(&headers)
}

fn pairs(lines: &[(&str, &str)]) -> Vec<(String, String)> {
    lines.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect()
}

const OURS: [(&str, &str); 4] = [
    ("host", "u.lambda-url.eu-west-1.on.aws"),
    ("x-forwarded-for", "10.1.2.3"),
    ("x-forwarded-host", "orders.shop"),
    ("x-forwarded-proto", "http"),
];

#[test]
fn nothing_of_a_caller_reaches_host_signature_or_identity() {
    let from_caller = [
        ("host", "orders.shop"),
        ("authorization", "AWS4-HMAC-SHA256 Credential=theirs"),
        ("x-amz-security-token", "theirs"),
        ("x-amz-date", "20000101T000000Z"),
        ("x-amz-content-sha256", "UNSIGNED-PAYLOAD"),
        ("x_amz_date", "twin"),
        ("x-amz_meta", "twin"),
        ("x-lambdaroute-consumer", "root"),
        ("x_lambdaroute_consumer", "root"),
        ("x-forwarded-for", "1.1.1.1"),
        ("x_forwarded_for", "1.1.1.1"),
        ("forwarded", "for=1.1.1.1"),
        ("x-forwarded-proto", "https"),
        ("expect", "100-continue"),
        ("content-length", "7"),
    ];
    assert_eq!(sent(&from_caller, false), pairs(&OURS));
}

#[test]
fn hop_by_hop_headers_and_those_that_connection_names_stay_here() {
    let from_caller = [
        ("host", "orders.shop"),
        ("connection", "close, X-Mine ,host, authorization, x-amz-date, x-forwarded-for"),
        ("connection", "x-other"),
        ("x-mine", "1"),
        ("x-other", "1"),
        ("x-kept", "1"),
        ("keep-alive", "timeout=5"),
        ("te", "trailers"),
        ("trailer", "x"),
        ("transfer-encoding", "chunked"),
        ("upgrade", "h2c"),
        ("http2-settings", "x"),
        ("proxy-authorization", "x"),
        ("proxy-connection", "x"),
    ];
    let mut expected = OURS.to_vec();
    expected.push(("x-kept", "1"));
    assert_eq!(sent(&from_caller, false), pairs(&expected));
}

#[test]
fn the_callers_authorization_passes_where_nobody_signs() {
    let lines = sent(&[("host", "orders.shop"), ("authorization", "Bearer x"), ("x-amz-date", "x")], true);
    assert!(lines.contains(&("authorization".into(), "Bearer x".into())));
    assert!(!lines.iter().any(|(name, _)| name.starts_with("x-amz-")));
}

#[test]
fn other_headers_pass_as_they_are() {
    let mine = [
        ("accept", "a"),
        ("accept", "b"),
        ("x-amzn-trace-id", "Root=1"),
        ("x-user", "é"),
        ("content-type", "text/plain"),
    ];
    let mut expected = pairs(&OURS[..]);
    expected.extend(pairs(&mine));
    expected.sort();
    let mut from_caller = vec![("host", "orders.shop")];
    from_caller.extend(mine);
    assert_eq!(sent(&from_caller, false), expected);
}

#[test]
fn split_cookies_become_one_line() {
    let lines = sent(&[("cookie", "a=1"), ("cookie", "b=2")], false);
    assert!(lines.contains(&("cookie".into(), "a=1; b=2".into())), "{lines:?}");
}

#[test]
fn only_real_upgrades_are_wanted() {
    assert!(!wants_upgrade(&map(&[("connection", "Upgrade, HTTP2-Settings"), ("upgrade", "h2c")])));
    assert!(wants_upgrade(&map(&[("upgrade", "websocket")])));
    assert!(wants_upgrade(&map(&[("upgrade", "h2c, websocket")])));
    assert!(!wants_upgrade(&map(&[])));
}

#[test]
fn answers_lose_what_is_of_the_hop_and_get_back_what_aws_renamed() {
    let mut headers = map(&[
        ("connection", "keep-alive, x-hop"),
        ("x-hop", "1"),
        ("keep-alive", "timeout=5"),
        ("transfer-encoding", "chunked"),
        ("content-length", "5"),
        ("x-amzn-remapped-connection", "x"),
        ("x-amzn-remapped-content-length", "5"),
        ("x-amzn-remapped-server", "x"),
        ("x-amzn-remapped-date", "x"),
        ("x-amzn-remapped-www-authenticate", "Basic realm=\"a\""),
        ("set-cookie", "a=1"),
        ("set-cookie", "b=2"),
        ("x-amzn-requestid", "id"),
    ]);
    to_caller(&mut headers);
    let expected = [
        ("content-length", "5"),
        ("set-cookie", "a=1"),
        ("set-cookie", "b=2"),
        ("www-authenticate", "Basic realm=\"a\""),
        ("x-amzn-requestid", "id"),
    ];
    assert_eq!(lines(&headers), pairs(&expected));
}
