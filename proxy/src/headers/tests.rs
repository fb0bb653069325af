//! What leaves towards the function, and what comes back to the caller.

use lambdaroute_proxy_config::v1alpha1::auth_method::Method;
use lambdaroute_proxy_config::v1alpha1::{
    ApiKeyAuth, Auth, AuthMethod, ForwardClaim, JwtAuth, RequestHeaders, Route, SetHeader,
};

use super::*;
use crate::access::Access;
use crate::auth::Consumer;
use crate::key_sets::KeySets;

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

fn client(behind_proxy: bool) -> Client {
    Client { address: "10.1.2.3".parse().unwrap(), behind_proxy, host: None, https: false }
}

/// What leaves of these headers, by a route that says this.
fn sent_by(
    route: &Route,
    client: &Client,
    identity: Option<&Identity>,
    from_caller: &[(&str, &str)],
) -> Vec<(String, String)> {
    let mut headers = map(from_caller);
    let host = headers.get("host").cloned();
    let access = Access::new(route, &KeySets::default()).unwrap();
    let outgoing = Outgoing {
        upstream_host: &HeaderValue::from_static("u.lambda-url.eu-west-1.on.aws"),
        client,
        address: Some(&HeaderValue::from_static("10.1.2.3")),
        host: host.as_ref(),
        rules: &access.headers,
        authentication: access.authentication.as_ref(),
        identity,
        signed: true,
    };
    to_upstream(&mut headers, &outgoing);
    lines(&headers)
}

fn sent(from_caller: &[(&str, &str)], keep_authorization: bool) -> Vec<(String, String)> {
    let mut headers = map(from_caller);
    let host = headers.get("host").cloned();
    let outgoing = Outgoing {
        upstream_host: &HeaderValue::from_static("u.lambda-url.eu-west-1.on.aws"),
        client: &client(false),
        address: Some(&HeaderValue::from_static("10.1.2.3")),
        host: host.as_ref(),
        rules: &HeaderRules::default(),
        authentication: None,
        identity: None,
        signed: !keep_authorization,
    };
    to_upstream(&mut headers, &outgoing);
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
        ("x_amzn_trace_id", "twin"),
        ("transfer_encoding", "chunked"),
        ("proxy_authorization", "twin"),
        ("keep_alive", "twin"),
        ("x-lambdaroute-consumer", "root"),
        ("x-lambdaroute-auth", "root"),
        ("x_lambdaroute_auth", "root"),
        ("x-forwarded-port", "1"),
        ("x-forwarded-user", "root"),
        ("x-amzn-oidc-data", "root"),
        ("x_amzn_oidc_data", "root"),
        ("x-amzn-remapped-date", "x"),
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

/// A route that says everything about headers.
fn route() -> Route {
    let api_key = ApiKeyAuth { header: "X-Api-Key".into(), key_sets: vec![] };
    let forward_claims = vec![ForwardClaim { claim: "sub".into(), header: "x-user".into() }];
    let jwt = JwtAuth { forward_claims, ..JwtAuth::default() };
    let methods = [("keys", Method::ApiKey(api_key)), ("idp", Method::Jwt(jwt))];
    let methods = methods.map(|(name, method)| AuthMethod { name: name.into(), method: Some(method) });
    let set = vec![SetHeader { name: "x-stage".into(), value: b"prod".to_vec() }];
    Route {
        auth: Some(Auth { methods: methods.into() }),
        request_headers: Some(RequestHeaders { set, remove: vec!["Cookie".into(), "x-internal".into()] }),
        forward_authorization_as: "x-forwarded-authorization".into(),
        ..Route::default()
    }
}

fn identity(may_pass_authorization: bool) -> Identity {
    Identity {
        method: HeaderValue::from_static("idp"),
        consumer: Consumer::Token("ann".into(), HeaderValue::from_static("ann")),
        forwarded: vec![(HeaderName::from_static("x-user"), HeaderValue::from_static("ann"))],
        claims: None,
        may_pass_authorization,
    }
}

/// What leaves besides what always does.
fn besides(lines: Vec<(String, String)>) -> Vec<String> {
    let ours = ["host", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto"];
    lines.into_iter().filter(|(name, _)| !ours.contains(&name.as_str())).map(|(n, v)| format!("{n}: {v}")).collect()
}

#[test]
fn keys_claims_and_what_a_route_removes_never_leave_in_any_spelling() {
    let from_caller = [
        ("x-api-key", "a-key-of-somebody"),
        ("x_api_key", "twin"),
        ("X-API_KEY", "twin"),
        ("x-user", "root"),
        ("x_user", "root"),
        ("x-stage", "theirs"),
        ("x_stage", "theirs"),
        ("cookie", "a=1"),
        ("x-internal", "1"),
        ("x_internal", "1"),
        ("x-forwarded-authorization", "theirs"),
        ("x_forwarded_authorization", "theirs"),
        ("x-other", "1"),
    ];
    let sent = besides(sent_by(&route(), &client(true), None, &from_caller));
    assert_eq!(sent, ["x-other: 1", "x-stage: prod"]);
}

#[test]
fn the_function_learns_who_called_from_the_proxy_alone() {
    let from_caller = [
        ("connection", "x-lambdaroute-consumer, x-user, x-stage"),
        ("x-lambdaroute-consumer", "root"),
        ("x-user", "root"),
        ("x-lambdaroute-anything", "root"),
    ];
    let sent = besides(sent_by(&route(), &client(false), Some(&identity(true)), &from_caller));
    assert_eq!(sent, ["x-lambdaroute-auth: idp", "x-lambdaroute-consumer: ann", "x-stage: prod", "x-user: ann"]);
}

#[test]
fn authorization_goes_on_under_the_name_that_the_route_gives_unless_it_must_stay() {
    let as_name = |identity: Option<&Identity>, from_caller: &[(&str, &str)]| {
        besides(sent_by(&route(), &client(false), identity, from_caller))
            .into_iter()
            .find(|line| line.contains("uthorization"))
    };
    let basic = [("authorization", "Basic dXNlcjpwYXNz")];
    assert_eq!(as_name(None, &basic).unwrap(), "x-forwarded-authorization: Basic dXNlcjpwYXNz");
    assert!(as_name(Some(&identity(true)), &basic).is_some());
    assert_eq!(as_name(Some(&identity(false)), &basic), None);
    assert_eq!(as_name(None, &[("authorization", "Basic a"), ("authorization", "Basic b")]), None, "two are none");
    assert_eq!(as_name(None, &[("authorization", "Basic a"), ("connection", "authorization")]), None);
    let payload = r#"{"sub":"system:serviceaccount:web:checkout"}"#;
    let token = format!("Bearer e30.{}.AA", base64::Engine::encode(&base64::prelude::BASE64_URL_SAFE_NO_PAD, payload));
    assert_eq!(as_name(Some(&identity(true)), &[("authorization", &token)]), None);
    let public = sent(&[("authorization", &token)], true);
    assert!(!public.iter().any(|(name, _)| name == "authorization"), "nor where nobody signs");
}

#[test]
fn what_a_trusted_proxy_says_is_kept() {
    let believed = Client { host: Some(HeaderValue::from_static("shop.example")), https: true, ..client(true) };
    let from_caller = [
        ("host", "orders.shop"),
        ("x-forwarded-for", "6.6.6.6"),
        ("x-forwarded-port", "443"),
        ("x-amzn-oidc-data", "signed"),
        ("forwarded", "for=6.6.6.6"),
    ];
    let expected = [
        ("host", "u.lambda-url.eu-west-1.on.aws"),
        ("x-amzn-oidc-data", "signed"),
        ("x-forwarded-for", "10.1.2.3"),
        ("x-forwarded-host", "shop.example"),
        ("x-forwarded-port", "443"),
        ("x-forwarded-proto", "https"),
    ];
    assert_eq!(sent_by(&Route::default(), &believed, None, &from_caller), pairs(&expected));
}
