//! Who may call, and what must not be possible: real tokens and keys, a controller that says every word, the real binary.

use http::Request;
use http_body_util::Full;
use lambdaroute_proxy_config::feature;
use lambdaroute_proxy_config::v1alpha1::auth_method::Method;
use lambdaroute_proxy_config::v1alpha1::key_set::Keys;
use lambdaroute_proxy_config::v1alpha1::resource::Resource as Kind;
use lambdaroute_proxy_config::v1alpha1::*;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::controller::{Session, route, version};
use crate::eventually;
use crate::process::{CREDENTIALS, Proxy, World, arguments, free_port, variables};
use crate::requests::{Answer, echoed, get, local, raw, send};
use crate::token_issuer::{SigningKey, base64url, jwks};

const IDP: &str = "https://idp.example";
const CLUSTER: &str = "https://kubernetes.default.svc";
const KEY: &str = "planted-key-of-web";

pub(crate) fn now() -> u64 {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs()
}

pub(crate) fn key_set(id: &str, keys: Option<Keys>) -> Resource {
    let resource = Some(Kind::KeySet(KeySet { keys }));
    Resource { id: id.to_owned(), version: Some(version(1, 1)), resource }
}

pub(crate) fn consumers(list: &[(&str, &[&str])]) -> Keys {
    let consumer = |(name, keys): &(&str, &[&str])| Consumer {
        name: (*name).to_owned(),
        sha256: keys.iter().map(|key| Sha256::digest(key).to_vec()).collect(),
    };
    Keys::Consumers(Consumers { consumers: list.iter().map(consumer).collect() })
}

/// A route that is changed so, with the features that it then needs.
pub(crate) fn route_that(id: &str, port: u16, change: impl FnOnce(&mut Route)) -> Resource {
    let mut resource = route(id, port);
    let Some(Kind::Route(route)) = &mut resource.resource else { unreachable!() };
    change(route);
    route.requires = feature::of(route).into_iter().map(str::to_owned).collect();
    resource
}

fn method(name: &str, method: Method) -> AuthMethod {
    AuthMethod { name: name.to_owned(), method: Some(method) }
}

pub(crate) fn api_keys(key_sets: &[&str]) -> AuthMethod {
    let key_sets = key_sets.iter().map(|&id| id.to_owned()).collect();
    method("keys", Method::ApiKey(ApiKeyAuth { header: "x-api-key".to_owned(), key_sets }))
}

fn idp() -> AuthMethod {
    let forward_claims = vec![ForwardClaim { claim: "email".to_owned(), header: "x-user".to_owned() }];
    let required = RequiredClaim {
        claim: "scope".to_owned(),
        r#type: ClaimType::SpaceDelimited.into(),
        any_of: vec!["orders:write".to_owned()],
    };
    method(
        "idp",
        Method::Jwt(JwtAuth {
            issuer: IDP.to_owned(),
            audiences: vec!["orders".to_owned()],
            key_set: "idp".to_owned(),
            required_claims: vec![required],
            forward_claims,
        }),
    )
}

fn pods() -> AuthMethod {
    let allow = vec![AllowedServiceAccount { namespace: "web".to_owned(), name: "checkout".to_owned() }];
    let (issuer, audience, key_set) = (CLUSTER.to_owned(), "orders.shop".to_owned(), "cluster".to_owned());
    method("pods", Method::ServiceAccount(ServiceAccountAuth { issuer, audience, key_set, allow }))
}

fn claims() -> Value {
    json!({"iss": IDP, "aud": "orders", "sub": "ann", "exp": now() + 600, "scope": "orders:read orders:write", "email": "ann@example"})
}

fn with(mut claims: Value, claim: &str, value: impl Into<Value>) -> Value {
    claims[claim] = value.into();
    claims
}

fn pod_claims(name: &str) -> Value {
    json!({"iss": CLUSTER, "aud": ["orders.shop"], "exp": now() + 600, "sub": format!("system:serviceaccount:web:{name}")})
}

/// A proxy with one route of all three methods, and its issuers.
struct Guarded {
    world: World,
    session: Session,
    port: u16,
    idp: SigningKey,
    cluster: SigningKey,
}

impl Guarded {
    async fn start() -> Self {
        Self::start_with(|_| {}).await
    }

    async fn start_with(change: impl FnOnce(&mut Route)) -> Self {
        let (idp_key, cluster, port) = (SigningKey::rsa(), SigningKey::p256(), free_port());
        // All is told that can be: no token and no key may be among it.
        let mut world = World::start_with(&["--log-level=trace", "--access-log=on"], &CREDENTIALS).await;
        let route = route_that("orders", port, |route| {
            route.auth = Some(Auth { methods: vec![api_keys(&["consumers"]), idp(), pods()] });
            route.forward_authorization_as = "x-forwarded-authorization".to_owned();
            change(route);
        });
        let resources = [
            key_set("consumers", Some(consumers(&[("web", &[KEY, "planted-key-two-of-web"])]))),
            key_set("idp", Some(Keys::Jwks(jwks(&[idp_key.jwk("k1")])))),
            key_set("cluster", Some(Keys::Jwks(jwks(&[cluster.jwk("c1")])))),
            route,
        ];
        let session = world.serve(&resources).await;
        Guarded { world, session, port, idp: idp_key, cluster }
    }

    fn token(&self, claims: &Value) -> String {
        self.idp.token("RS256", "k1", claims)
    }

    fn pod_token(&self, claims: &Value) -> String {
        self.cluster.token_with(&json!({"alg": "ES256", "kid": "c1"}), claims)
    }

    async fn call(&self, headers: &[(&str, &str)]) -> Answer {
        call(self.port, headers).await
    }

    async fn bearer(&self, token: &str) -> Answer {
        self.call(&[("authorization", &format!("Bearer {token}"))]).await
    }
}

pub(crate) async fn call(port: u16, headers: &[(&str, &str)]) -> Answer {
    let mut request = Request::get(format!("http://{}/", local(port)));
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    send(request.body(Full::default()).unwrap()).await
}

fn cause(answer: &Answer) -> String {
    let body = answer.json();
    let word = body["type"].as_str().unwrap_or_default().rsplit('/').next().unwrap().to_owned();
    format!("{} {word}", answer.status)
}

fn challenges(answer: &Answer) -> Vec<&str> {
    answer.headers.get_all("www-authenticate").iter().map(|line| line.to_str().unwrap()).collect()
}

#[tokio::test]
async fn each_method_identifies_its_callers_and_the_function_learns_who_called() {
    let guarded = Guarded::start().await;
    let echo = guarded.call(&[("x-api-key", KEY)]).await.json();
    assert_eq!(
        (echoed(&echo, "x-lambdaroute-auth"), echoed(&echo, "x-lambdaroute-consumer")),
        (Some("keys"), Some("web"))
    );
    assert_eq!(echoed(&echo, "x-user"), None);
    let echo = guarded.call(&[("x-api-key", "planted-key-two-of-web")]).await.json();
    assert_eq!(echoed(&echo, "x-lambdaroute-consumer"), Some("web"), "a second key, so that one can be rotated");
    // Twice: once verified, once remembered.
    for _ in 0..2 {
        let token = guarded.token(&claims());
        let echo = guarded.bearer(&token).await.json();
        assert_eq!(echoed(&echo, "x-lambdaroute-auth"), Some("idp"));
        assert_eq!(echoed(&echo, "x-lambdaroute-consumer"), Some("ann"));
        assert_eq!(echoed(&echo, "x-user"), Some("ann@example"));
        assert_eq!(echoed(&echo, "x-forwarded-authorization"), Some(format!("Bearer {token}").as_str()));
        assert!(echoed(&echo, "authorization").unwrap().starts_with("AWS4-HMAC-SHA256 "));
    }
    let echo = guarded.bearer(&guarded.pod_token(&pod_claims("checkout"))).await.json();
    assert_eq!(
        (echoed(&echo, "x-lambdaroute-auth"), echoed(&echo, "x-lambdaroute-consumer")),
        (Some("pods"), Some("web/checkout"))
    );
}

#[tokio::test]
async fn an_issuer_may_sign_with_any_good_algorithm() {
    let mut guarded = Guarded::start().await;
    let keys = [("ES256", SigningKey::p256()), ("ES384", SigningKey::p384()), ("EdDSA", SigningKey::ed25519())];
    let set: Vec<Value> = keys.iter().map(|(algorithm, key)| key.jwk(algorithm)).collect();
    guarded.session.change(version(1, 2), &[key_set("idp", Some(Keys::Jwks(jwks(&set))))], &[]);
    assert_eq!(guarded.session.outcomes(1).await, ["served idp"]);
    for (algorithm, key) in &keys {
        assert_eq!(guarded.bearer(&key.token(algorithm, algorithm, &claims())).await.status, 200, "{algorithm}");
    }
}

#[tokio::test]
async fn nobody_else_gets_in_and_nobody_learns_why() {
    let guarded = Guarded::start().await;
    let (other, token) = (SigningKey::rsa(), guarded.token(&claims()));
    let parts: Vec<&str> = token.split('.').collect();
    let hmac = {
        let signed = format!("{}.{}", base64url(r#"{"alg":"HS256","kid":"k1"}"#), parts[1]);
        let public = guarded.idp.jwk("k1")["n"].as_str().unwrap().to_owned();
        let key = aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA256, public.as_bytes());
        format!("{signed}.{}", base64url(aws_lc_rs::hmac::sign(&key, signed.as_bytes())))
    };
    let pod_elsewhere = with(pod_claims("checkout"), "aud", CLUSTER);
    let mut told = std::collections::BTreeSet::new();
    for (what, token) in [
        ("unsigned", format!("{}.{}.", base64url(r#"{"alg":"none"}"#), parts[1])),
        ("unsigned, with a signature", format!("{}.{}.{}", base64url(r#"{"alg":"none"}"#), parts[1], parts[2])),
        ("HMAC with the public key", hmac),
        ("another key's", other.token("RS256", "k1", &claims())),
        ("another algorithm's", guarded.idp.token_with(&json!({"alg": "ES256", "kid": "k1"}), &claims())),
        (
            "a changed one",
            format!("{}.{}.{}", parts[0], base64url(with(claims(), "sub", "root").to_string()), parts[2]),
        ),
        ("another issuer's", guarded.token(&with(claims(), "iss", "https://evil.example"))),
        ("for another audience", guarded.token(&with(claims(), "aud", "other"))),
        ("expired", guarded.token(&with(claims(), "exp", now() - 61))),
        ("without an end", guarded.token(&with(claims(), "exp", Value::Null))),
        ("not valid yet", guarded.token(&with(claims(), "nbf", now() + 120))),
        ("of an unknown key", guarded.idp.token("RS256", "k9", &claims())),
        ("a Pod's for the API server", guarded.pod_token(&pod_elsewhere)),
        ("of one issuer by the key of another", guarded.pod_token(&claims())),
        ("nothing", "x".to_owned()),
    ] {
        let answer = guarded.bearer(&token).await;
        assert_eq!(cause(&answer), "401 unauthenticated", "{what}");
        let expected = ["Bearer realm=\"lambdaroute\", error=\"invalid_token\"", "ApiKey realm=\"lambdaroute\""];
        assert_eq!(challenges(&answer), expected, "{what}");
        told.insert(answer.text());
    }
    for key in ["", "planted-key-of-we", "planted-key-of-webb", &hex::encode(Sha256::digest(KEY))] {
        let answer = guarded.call(&[("x-api-key", key)]).await;
        assert_eq!(cause(&answer), "401 unauthenticated", "{key}");
        assert_eq!(challenges(&answer), ["Bearer realm=\"lambdaroute\"", "ApiKey realm=\"lambdaroute\""]);
        told.insert(answer.text());
    }
    assert_eq!(told.len(), 1, "{told:?}");
    let allowed = guarded.bearer(&guarded.pod_token(&pod_claims("other"))).await;
    assert_eq!(cause(&allowed), "403 forbidden", "known, and not admitted");
    assert_eq!(challenges(&allowed), ["Bearer realm=\"lambdaroute\", error=\"insufficient_scope\""]);
    let scope = guarded.bearer(&guarded.token(&with(claims(), "scope", "orders:read"))).await;
    assert_eq!(cause(&scope), "403 forbidden");
    for secret in [KEY, parts[1], parts[2], "ann@example"] {
        assert!(!guarded.world.proxy.logged(secret), "{secret}");
        assert!(!guarded.world.proxy.get_admin("/metrics").await.1.contains(secret), "{secret}");
    }
}

#[tokio::test]
async fn a_caller_cannot_say_who_it_is() {
    let guarded = Guarded::start().await;
    let echo = guarded
        .call(&[
            ("x-api-key", KEY),
            ("x_api_key", "theirs"),
            ("x-lambdaroute-consumer", "theirs"),
            ("x_lambdaroute_consumer", "theirs"),
            ("x-lambdaroute_auth", "theirs"),
            ("x-user", "theirs"),
            ("x_user", "theirs"),
            ("x-forwarded-authorization", "theirs"),
            ("connection", "x-api-key, x-lambdaroute-consumer, x-lambdaroute-auth"),
        ])
        .await
        .json();
    assert_eq!(
        (echoed(&echo, "x-lambdaroute-auth"), echoed(&echo, "x-lambdaroute-consumer")),
        (Some("keys"), Some("web"))
    );
    for theirs in ["theirs", KEY, "x-api-key", "x_api_key"] {
        assert!(!echo.to_string().contains(theirs), "{theirs}: {echo}");
    }
    let port = free_port();
    let mut open = World::start().await;
    let _session = open.serve(&[route("open", port)]).await;
    let echo = call(port, &[("x-lambdaroute-consumer", "theirs"), ("x_lambdaroute_auth", "theirs")]).await.json();
    assert!(!echo.to_string().contains("theirs"), "also where nobody asks who calls: {echo}");
}

#[tokio::test]
async fn a_service_accounts_token_and_a_matched_key_never_leave() {
    let guarded = Guarded::start().await;
    let admitted = guarded.pod_token(&pod_claims("checkout"));
    let refused_claims = with(with(pod_claims("other"), "aud", CLUSTER), "exp", 1);
    let refused = guarded.pod_token(&refused_claims);
    for headers in [
        vec![("authorization", format!("Bearer {admitted}"))],
        vec![("x-api-key", KEY.to_owned()), ("authorization", format!("Bearer {refused}"))],
        vec![("x-api-key", KEY.to_owned()), ("authorization", format!("Token {admitted}"))],
        vec![("x-api-key", KEY.to_owned()), ("authorization", format!("ApiKey {KEY}"))],
    ] {
        let headers: Vec<(&str, &str)> = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let answer = guarded.call(&headers).await;
        let echo = answer.json();
        assert_eq!(answer.status, 200, "{echo}");
        for part in [admitted.split('.').nth(1).unwrap(), refused.split('.').nth(1).unwrap(), KEY] {
            assert!(!echo.to_string().contains(part), "{echo}");
        }
        assert_eq!(echoed(&echo, "x-forwarded-authorization"), None);
    }
    for secret in [KEY, admitted.split('.').nth(1).unwrap(), refused.split('.').nth(1).unwrap()] {
        assert!(!guarded.world.proxy.logged(secret), "{secret}");
    }
    let echo = guarded.call(&[("x-api-key", KEY), ("authorization", "Basic dXNlcjpwYXNz")]).await.json();
    assert_eq!(echoed(&echo, "x-forwarded-authorization"), Some("Basic dXNlcjpwYXNz"), "anything else goes on");
}

#[tokio::test]
async fn a_revoked_key_is_gone_before_that_is_acknowledged() {
    let mut guarded = Guarded::start().await;
    let token = guarded.token(&claims());
    assert_eq!(guarded.bearer(&token).await.status, 200);
    assert_eq!(guarded.call(&[("x-api-key", KEY)]).await.status, 200);
    let rest = key_set("consumers", Some(consumers(&[("web", &["planted-key-two-of-web"])])));
    let idp = key_set("idp", Some(Keys::Jwks(jwks(&[SigningKey::rsa().jwk("k2")]))));
    guarded.session.change(version(1, 2), &[rest, idp], &[]);
    assert_eq!(guarded.session.outcomes(2).await, ["served consumers", "served idp"]);
    assert_eq!(guarded.call(&[("x-api-key", KEY)]).await.status, 401);
    assert_eq!(guarded.call(&[("x-api-key", "planted-key-two-of-web")]).await.status, 200);
    assert_eq!(guarded.bearer(&token).await.status, 401, "not even a token that was verified before");
    let gone = ["consumers", "cluster"].map(|id| ResourceRef {
        r#type: ResourceType::KeySet.into(),
        id: id.to_owned(),
        version: Some(version(1, 3)),
    });
    guarded.session.change(version(1, 3), &[], &gone);
    assert_eq!(guarded.session.outcomes(2).await, ["removed consumers", "removed cluster"]);
    assert_eq!(guarded.call(&[("x-api-key", "planted-key-two-of-web")]).await.status, 401);
    assert_eq!(guarded.bearer(&guarded.pod_token(&pod_claims("checkout"))).await.status, 401);
}

#[tokio::test]
async fn a_key_set_of_the_future_is_refused_and_its_old_version_is_not_used() {
    let mut guarded = Guarded::start().await;
    guarded.session.change(version(1, 2), &[key_set("consumers", None)], &[]);
    assert_eq!(guarded.session.outcomes(1).await, ["refused consumers REFUSAL_REASON_INVALID"]);
    assert_eq!(guarded.call(&[("x-api-key", KEY)]).await.status, 401);
}

#[tokio::test]
async fn a_key_set_with_the_id_of_a_route_takes_nothing_away_from_it() {
    let mut guarded = Guarded::start().await;
    guarded.session.change(version(1, 2), &[key_set("orders", None)], &[]);
    assert_eq!(guarded.session.outcomes(1).await, ["refused orders REFUSAL_REASON_INVALID"]);
    let reference = ResourceRef { r#type: ResourceType::KeySet.into(), id: "orders".to_owned(), version: None };
    guarded.session.change(version(1, 3), &[], &[reference]);
    assert_eq!(guarded.session.outcomes(1).await, ["removed orders"]);
    assert_eq!(guarded.call(&[("x-api-key", KEY)]).await.status, 200);
}

#[tokio::test]
async fn an_unknown_key_of_the_right_issuer_is_told_to_the_controller_once() {
    let mut guarded = Guarded::start().await;
    for _ in 0..3 {
        assert_eq!(guarded.bearer(&guarded.idp.token("RS256", "k2", &claims())).await.status, 401);
    }
    let stale = |session: &Session| -> Vec<String> {
        session.reports.iter().flat_map(|report| report.stale_key_sets.clone()).collect()
    };
    guarded.session.until("the report", |session| stale(session) == ["idp"]).await;
    assert_eq!(guarded.bearer(&guarded.pod_token(&with(claims(), "iss", "https://evil.example"))).await.status, 401);
    let next = key_set("idp", Some(Keys::Jwks(jwks(&[guarded.idp.jwk("k2")]))));
    guarded.session.change(version(1, 2), &[next], &[]);
    assert_eq!(guarded.session.outcomes(1).await, ["served idp"]);
    assert_eq!(guarded.bearer(&guarded.idp.token("RS256", "k2", &claims())).await.status, 200);
    assert_eq!(stale(&guarded.session), ["idp"], "and not again");
}

#[tokio::test]
async fn keys_and_routes_come_back_together_after_a_restart() {
    let guarded = Guarded::start().await;
    let Guarded { mut world, session, port, .. } = guarded;
    let kept = std::fs::read(world.directory.path().join("route-table.pb")).unwrap();
    assert!(!kept.windows(KEY.len()).any(|part| part == KEY.as_bytes()), "keys are kept as digests alone");
    drop((session, world.controller));
    world.proxy.signal(rustix::process::Signal::KILL);
    world.proxy.exit().await;
    let arguments = arguments(world.directory.path(), &world.authority, &[local(free_port())], &world.upstream);
    let restarted = Proxy::start(&arguments, &variables(&world.upstream.url(), &CREDENTIALS)).await;
    let admin = restarted.admin;
    eventually("readiness", || async move { get(admin, "/readyz").await.status == 200 }).await;
    assert_eq!(call(port, &[("x-api-key", KEY)]).await.status, 200);
    assert_eq!(call(port, &[]).await.status, 401);
}

#[tokio::test]
async fn a_refused_caller_is_never_asked_for_its_body() {
    let guarded = Guarded::start().await;
    let head = "POST / HTTP/1.1\r\nhost: o\r\nexpect: 100-continue\r\ncontent-length: 4\r\nconnection: close\r\n\r\n";
    let answer = raw(guarded.port, head.as_bytes()).await;
    assert!(answer.starts_with("HTTP/1.1 401 "), "{answer}");
}

#[tokio::test]
async fn headers_are_set_and_removed_as_the_route_says() {
    let port = free_port();
    let mut world = World::start().await;
    let route = route_that("orders", port, |route| {
        let set = vec![
            SetHeader { name: "x-gateway-key".to_owned(), value: b"planted-gateway-key".to_vec() },
            SetHeader { name: "x-bytes".to_owned(), value: vec![b'a', 0xff] },
        ];
        route.request_headers = Some(RequestHeaders { set, remove: vec!["cookie".to_owned()] });
    });
    let mut session = world.serve(&[route]).await;
    let theirs = [
        ("x-gateway-key", "theirs"),
        ("x_gateway_key", "theirs"),
        ("cookie", "theirs"),
        ("connection", "x-gateway-key"),
    ];
    let echo = call(port, &theirs).await.json();
    assert_eq!(echoed(&echo, "x-gateway-key"), Some("planted-gateway-key"));
    assert_eq!(echoed(&echo, "x-bytes"), Some("a\u{fffd}"));
    assert!(!echo.to_string().contains("theirs"), "{echo}");
    assert!(!world.proxy.logged("planted-gateway-key"));
    let spoofing = route_that("spoofing", free_port(), |route| {
        let set = vec![SetHeader { name: "x-lambdaroute-consumer".to_owned(), value: b"root".to_vec() }];
        route.request_headers = Some(RequestHeaders { set, remove: vec![] });
    });
    session.change(version(1, 2), &[spoofing], &[]);
    assert_eq!(session.outcomes(1).await, ["refused spoofing REFUSAL_REASON_INVALID"]);
}
