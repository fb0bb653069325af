//! JSON Web Tokens: what is accepted, and everything that must not be.

use std::sync::LazyLock;

use lambdaroute_proxy_config::v1alpha1::{ClaimType, ForwardClaim, JwtAuth, RequiredClaim};
use serde_json::{Value, json};

use super::token_issuer::{SigningKey, base64url, jwks};
use super::*;

static RSA: LazyLock<SigningKey> = LazyLock::new(SigningKey::rsa);
static P256: LazyLock<SigningKey> = LazyLock::new(SigningKey::p256);
static P384: LazyLock<SigningKey> = LazyLock::new(SigningKey::p384);
static ED25519: LazyLock<SigningKey> = LazyLock::new(SigningKey::ed25519);

fn all_keys() -> String {
    jwks(&[RSA.jwk("rsa"), P256.jwk("p256"), P384.jwk("p384"), ED25519.jwk("ed25519")])
}

fn idp() -> JwtAuth {
    JwtAuth {
        issuer: "https://idp.example".to_owned(),
        audiences: vec!["orders".to_owned(), "stock".to_owned()],
        key_set: "idp".to_owned(),
        ..JwtAuth::default()
    }
}

fn claims() -> Value {
    json!({"iss": "https://idp.example", "aud": "orders", "sub": "ann", "exp": NOW + 300, "iat": NOW})
}

/// The usual claims, but for one. Null: without it.
fn claims_with(claim: &str, value: impl Into<Value>) -> Value {
    let (mut claims, value) = (claims(), value.into());
    match &value {
        Value::Null => drop(claims.as_object_mut().unwrap().remove(claim)),
        _ => claims[claim] = value,
    }
    claims
}

fn route_with(jwt: JwtAuth, jwks: String) -> Authentication {
    let key_sets = KeySets::default();
    program(&key_sets, "idp", Keys::Jwks(jwks));
    authentication(&[("idp", Kind::Jwt(jwt))], &key_sets)
}

fn route() -> Authentication {
    route_with(idp(), all_keys())
}

/// Who a token with these claims is, to the usual route.
fn claimed(claims: &Value) -> String {
    who(&route(), &bearer(&P256.token("ES256", "p256", claims)))
}

#[test]
fn tokens_of_all_good_algorithms_are_verified() {
    for (key, kid, algorithms) in [
        (&*RSA, "rsa", &["RS256", "RS384", "RS512", "PS256", "PS384", "PS512"][..]),
        (&P256, "p256", &["ES256"]),
        (&P384, "p384", &["ES384"]),
        (&ED25519, "ed25519", &["EdDSA", "Ed25519"]),
    ] {
        for algorithm in algorithms {
            let token = key.token(algorithm, kid, &claims());
            assert_eq!(who(&route(), &bearer(&token)), "idp: ann", "{algorithm}");
        }
    }
}

#[test]
fn an_unsigned_token_is_none() {
    for algorithm in ["none", "None", "NONE", "nOnE", ""] {
        let header = base64url(json!({"alg": algorithm, "kid": "p256"}).to_string());
        for signature in ["", "AA"] {
            let token = format!("{header}.{}.{signature}", base64url(claims().to_string()));
            assert_eq!(who(&route(), &bearer(&token)), "unauthenticated", "{token}");
        }
    }
}

#[test]
fn a_public_key_is_no_secret_of_hmac() {
    let jwk = RSA.jwk("rsa");
    for algorithm in ["HS256", "HS384", "HS512"] {
        for secret in [jwk["n"].as_str().unwrap().to_owned(), jwk.to_string(), all_keys()] {
            let header = json!({"alg": algorithm, "kid": "rsa"}).to_string();
            let signed = format!("{}.{}", base64url(header), base64url(claims().to_string()));
            let key = aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA256, secret.as_bytes());
            let tag = aws_lc_rs::hmac::sign(&key, signed.as_bytes());
            let token = format!("{signed}.{}", base64url(tag));
            assert_eq!(who(&route(), &bearer(&token)), "unauthenticated", "{algorithm}");
        }
    }
}

#[test]
fn a_symmetric_key_in_a_key_set_verifies_nothing() {
    let secret = base64url("a-secret-that-is-public");
    let jwks = jwks(&[json!({"kty": "oct", "kid": "oct", "alg": "HS256", "k": secret})]);
    let signed = format!("{}.{}", base64url(r#"{"alg":"HS256","kid":"oct"}"#), base64url(claims().to_string()));
    let key = aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA256, b"a-secret-that-is-public");
    let token = format!("{signed}.{}", base64url(aws_lc_rs::hmac::sign(&key, signed.as_bytes())));
    assert_eq!(who(&route_with(idp(), jwks), &bearer(&token)), "unauthenticated");
}

#[test]
fn the_algorithm_is_the_keys_and_never_the_tokens_choice() {
    let pinned = |algorithm: &str| {
        let mut jwk = RSA.jwk("rsa");
        jwk["alg"] = algorithm.into();
        route_with(idp(), jwks(&[jwk]))
    };
    let of = |algorithm: &str| bearer(&RSA.token(algorithm, "rsa", &claims()));
    assert_eq!(who(&pinned("PS256"), &of("PS256")), "idp: ann");
    assert_eq!(who(&pinned("PS256"), &of("RS256")), "unauthenticated");
    assert_eq!(who(&pinned("RS512"), &of("RS256")), "unauthenticated");
    assert_eq!(who(&pinned("HS256"), &of("RS256")), "unauthenticated", "nor is a key of another kind used at all");
    let other_name = P256.token_with(&json!({"alg": "RS256", "kid": "p256"}), &claims());
    assert_eq!(who(&route(), &bearer(&other_name)), "unauthenticated");
    let other_key = P256.token_with(&json!({"alg": "ES256", "kid": "rsa"}), &claims());
    assert_eq!(who(&route(), &bearer(&other_key)), "unauthenticated");
}

#[test]
fn a_key_for_something_else_or_with_its_private_part_verifies_nothing() {
    for (member, value) in [
        ("use", json!("enc")),
        ("key_ops", json!(["encrypt"])),
        ("key_ops", json!([])),
        ("d", json!("AAAA")),
        ("crv", json!("P-521")),
        ("x", json!("AAAA")),
        ("kty", json!("oct")),
    ] {
        let mut jwk = P256.jwk("p256");
        jwk[member] = value.clone();
        let token = P256.token("ES256", "p256", &claims());
        assert_eq!(who(&route_with(idp(), jwks(&[jwk])), &bearer(&token)), "unauthenticated", "{member}: {value}");
    }
}

#[test]
fn one_bad_key_spoils_no_others() {
    let bad = [json!(7), json!({}), json!({"kty": "RSA", "kid": "r", "n": "AQAB", "e": "AQAB"}), json!({"kty": "new"})];
    let keys: Vec<Value> = bad.into_iter().chain([P256.jwk("p256")]).collect();
    let token = P256.token("ES256", "p256", &claims());
    assert_eq!(who(&route_with(idp(), jwks(&keys)), &bearer(&token)), "idp: ann");
}

#[test]
fn issuer_and_audience_must_be_exactly_the_routes() {
    assert_eq!(claimed(&claims_with("aud", json!(["other", "stock"]))), "idp: ann");
    for iss in
        [json!("https://evil.example"), json!("https://idp.example/"), json!(null), json!(["https://idp.example"])]
    {
        assert_eq!(claimed(&claims_with("iss", iss.clone())), "unauthenticated", "{iss}");
    }
    for aud in [json!("other"), json!("orders "), json!([]), json!(null), json!({"orders": 1}), json!([["orders"]])] {
        assert_eq!(claimed(&claims_with("aud", aud.clone())), "unauthenticated", "{aud}");
    }
}

#[test]
fn times_hold_with_a_minute_of_leeway() {
    for (claim, value, valid) in [
        ("exp", json!(NOW - 59), true),
        ("exp", json!(NOW - 60), false),
        ("exp", json!(NOW as f64 + 0.5), true),
        ("exp", json!(null), false),
        ("exp", json!("1900000000"), false),
        ("exp", json!(-1), false),
        ("nbf", json!(NOW + 60), true),
        ("nbf", json!(NOW + 61), false),
        ("nbf", json!("0"), false),
        ("iat", json!(NOW + 60), true),
        ("iat", json!(NOW + 61), false),
        ("iat", json!([]), false),
        ("iat", json!(null), true),
    ] {
        let expected = if valid { "idp: ann" } else { "unauthenticated" };
        assert_eq!(claimed(&claims_with(claim, value.clone())), expected, "{claim}: {value}");
    }
}

#[test]
fn a_token_without_a_subject_names_nobody() {
    for sub in [json!(null), json!(""), json!(7)] {
        assert_eq!(claimed(&claims_with("sub", sub.clone())), "unauthenticated", "{sub}");
    }
}

#[test]
fn a_header_that_asks_for_more_is_refused() {
    for header in [
        json!({"alg": "ES256", "kid": "p256", "crit": ["b64"], "b64": false}),
        json!({"alg": "ES256", "kid": "p256", "crit": []}),
        json!({"alg": "ES256", "kid": "p256", "typ": "logout+jwt"}),
        json!({"alg": "ES256", "kid": "p256", "typ": "dpop+jwt"}),
        json!({"alg": ["ES256"], "kid": "p256"}),
        json!({"kid": "p256"}),
    ] {
        let token = P256.token_with(&header, &claims());
        assert_eq!(who(&route(), &bearer(&token)), "unauthenticated", "{header}");
    }
    for typ in ["at+jwt", "application/at+jwt", "jwt"] {
        let token = P256.token_with(&json!({"alg": "ES256", "kid": "p256", "typ": typ}), &claims());
        assert_eq!(who(&route(), &bearer(&token)), "idp: ann", "{typ}");
    }
    let twice = r#"{"alg":"ES256","alg":"none","kid":"p256"}"#;
    let signed = format!("{}.{}", base64url(twice), base64url(claims().to_string()));
    let token = format!("{signed}.{}", base64url(P256.sign("ES256", signed.as_bytes())));
    assert_eq!(who(&route(), &bearer(&token)), "unauthenticated", "a member that is there twice");
}

#[test]
fn a_key_in_the_token_itself_is_not_looked_at() {
    let other = SigningKey::p256();
    let header = json!({"alg": "ES256", "kid": "p256", "jwk": other.jwk("p256"), "jku": "https://evil.example"});
    assert_eq!(who(&route(), &bearer(&other.token_with(&header, &claims()))), "unauthenticated");
}

#[test]
fn a_token_that_was_changed_is_none_even_after_it_was_verified() {
    let route = route();
    let token = P256.token("ES256", "p256", &claims());
    assert_eq!(who(&route, &bearer(&token)), "idp: ann");
    let parts: Vec<&str> = token.split('.').collect();
    let changed = base64url(claims_with("sub", "root").to_string());
    let other_signature = SigningKey::p256().sign("ES256", token.rsplit_once('.').unwrap().0.as_bytes());
    for forged in [
        format!("{}.{changed}.{}", parts[0], parts[2]),
        format!("{}.{}.{}", parts[0], parts[1], base64url(other_signature)),
        format!("{}.{}.", parts[0], parts[1]),
        format!("{}.{}", parts[0], parts[1]),
        format!("{token}."),
        format!("{token}="),
        format!("{token}.{}", parts[2]),
        format!(".{}.{}", parts[1], parts[2]),
        token.replace('.', ".."),
    ] {
        assert_eq!(who(&route, &bearer(&forged)), "unauthenticated", "{forged}");
    }
    assert_eq!(who(&route, &bearer(&token)), "idp: ann");
}

#[test]
fn a_token_that_was_verified_still_expires() {
    let route = route();
    let request = bearer(&P256.token("ES256", "p256", &claims()));
    assert_eq!(who_at(&route, &request, NOW), "idp: ann");
    assert_eq!(who_at(&route, &request, NOW + 359), "idp: ann");
    assert_eq!(who_at(&route, &request, NOW + 360), "unauthenticated");
}

#[test]
fn a_key_that_is_gone_verifies_nothing_not_even_what_it_had_verified() {
    let key_sets = KeySets::default();
    program(&key_sets, "idp", Keys::Jwks(all_keys()));
    let route = authentication(&[("idp", Kind::Jwt(idp()))], &key_sets);
    let request = bearer(&P256.token("ES256", "p256", &claims()));
    assert_eq!(who(&route, &request), "idp: ann");
    program(&key_sets, "idp", Keys::Jwks(jwks(&[RSA.jwk("rsa")])));
    assert_eq!(who(&route, &request), "unauthenticated");
    program(&key_sets, "idp", Keys::Jwks(all_keys()));
    assert_eq!(who(&route, &request), "idp: ann");
    key_sets.program(vec![Step::Remove(reference("idp"))]);
    assert_eq!(who(&route, &request), "unauthenticated");
}

#[test]
fn methods_that_share_a_key_set_judge_a_token_each_for_itself() {
    let key_sets = KeySets::default();
    program(&key_sets, "idp", Keys::Jwks(all_keys()));
    let first = JwtAuth { audiences: vec!["elsewhere".to_owned()], ..idp() };
    let route = authentication(&[("first", Kind::Jwt(first)), ("second", Kind::Jwt(idp()))], &key_sets);
    let request = bearer(&P256.token("ES256", "p256", &claims()));
    for time in ["first", "second"] {
        assert_eq!(who(&route, &request), "second: ann", "the {time} time");
    }
}

#[test]
fn an_unknown_key_of_the_right_issuer_makes_the_key_set_stale() {
    let stale = |kid: &str, claims: &Value| {
        let outcome = route().identify(&bearer(&P256.token("ES256", kid, claims)), NOW);
        assert!(outcome.caller.is_err());
        outcome.stale_key_sets.len()
    };
    assert_eq!(stale("next", &claims()), 1);
    assert_eq!(stale("next", &claims_with("iss", "https://evil.example")), 0);
    assert_eq!(stale("rsa", &claims()), 0);
}

#[test]
fn a_token_that_names_no_key_is_tried_against_few() {
    let token = P256.token_with(&json!({"alg": "ES256"}), &claims());
    assert_eq!(who(&route(), &bearer(&token)), "idp: ann");
    let mut keys: Vec<Value> = (0..4).map(|n| SigningKey::p256().jwk(&n.to_string())).collect();
    keys.push(P256.jwk("p256"));
    assert_eq!(who(&route_with(idp(), jwks(&keys)), &bearer(&token)), "unauthenticated");
}

#[test]
fn a_token_is_looked_for_in_one_place() {
    let token = P256.token("ES256", "p256", &claims());
    for value in [
        token.clone(),
        format!("Basic {token}"),
        format!("Bearer{token}"),
        "Bearer ".to_owned(),
        format!("Bearer {token} x"),
        format!("Bearer {token},"),
    ] {
        assert_eq!(who(&route(), &headers(&[("authorization", &value)])), "unauthenticated", "{value}");
    }
    assert_eq!(who(&route(), &headers(&[("authorization", &format!("bEaReR   {token} "))])), "idp: ann");
    let value = format!("Bearer {token}");
    let twice = headers(&[("authorization", &value), ("authorization", &value)]);
    assert_eq!(who(&route(), &twice), "unauthenticated");
}

#[test]
fn a_token_that_is_too_long_is_none() {
    let token = P256.token("ES256", "p256", &claims_with("pad", "x".repeat(16 * 1024)));
    assert_eq!(who(&route(), &bearer(&token)), "unauthenticated");
    let token = P256.token("ES256", "p256", &claims_with("pad", "x".repeat(8 * 1024)));
    assert_eq!(who(&route(), &bearer(&token)), "idp: ann");
}

fn required(claim: &str, kind: ClaimType, any_of: &[&str]) -> RequiredClaim {
    let any_of = any_of.iter().map(|&of| of.to_owned()).collect();
    RequiredClaim { claim: claim.to_owned(), r#type: kind.into(), any_of }
}

#[test]
fn all_required_claims_must_hold_each_with_any_of_its_values() {
    use ClaimType::{Boolean, SpaceDelimited, String, StringList};
    for (kind, any_of, value, admitted) in [
        (String, &["eu", "us"][..], json!("us"), true),
        (String, &["eu"], json!("EU"), false),
        (String, &["eu"], json!(["eu"]), false),
        (String, &["7"], json!(7), true),
        (String, &["7"], json!(7.0), true),
        (String, &["7.5"], json!(7.5), true),
        (String, &["7.0"], json!(7), false),
        (String, &["true"], json!(true), false),
        (StringList, &["admin"], json!(["user", "admin"]), true),
        (StringList, &["admin"], json!(["administrator"]), false),
        (StringList, &["admin"], json!("admin"), false),
        (StringList, &["admin"], json!([["admin"]]), false),
        (SpaceDelimited, &["orders:write"], json!("orders:read orders:write"), true),
        (SpaceDelimited, &["orders:write"], json!("orders:writer"), false),
        (SpaceDelimited, &["orders:write"], json!(["orders:write"]), false),
        (Boolean, &["true"], json!(true), true),
        (Boolean, &["true"], json!(false), false),
        (Boolean, &["true"], json!("true"), false),
        (String, &["eu"], json!(null), false),
    ] {
        let jwt = JwtAuth { required_claims: vec![required("c", kind, any_of)], ..idp() };
        let token = P256.token("ES256", "p256", &claims_with("c", value.clone()));
        let expected = if admitted { "idp: ann" } else { "forbidden" };
        assert_eq!(who(&route_with(jwt, all_keys()), &bearer(&token)), expected, "{kind:?} {any_of:?} {value}");
    }
    let both = vec![required("sub", String, &["ann"]), required("aud", String, &["elsewhere"])];
    let jwt = JwtAuth { required_claims: both, ..idp() };
    let token = P256.token("ES256", "p256", &claims());
    assert_eq!(who(&route_with(jwt, all_keys()), &bearer(&token)), "forbidden", "all of them");
}

#[test]
fn a_claim_type_of_the_future_admits_nobody() {
    let future = RequiredClaim { r#type: 99, ..required("sub", ClaimType::String, &["ann"]) };
    let jwt = JwtAuth { required_claims: vec![future], ..idp() };
    assert_eq!(who(&route_with(jwt, all_keys()), &bearer(&P256.token("ES256", "p256", &claims()))), "forbidden");
}

#[test]
fn claims_are_forwarded_so_that_no_value_can_be_read_as_another() {
    let forward = ["text", "number", "float", "flag", "list", "object", "nothing", "absent"];
    let forward_claims = forward.map(|claim| ForwardClaim { claim: claim.to_owned(), header: format!("x-{claim}") });
    let route = route_with(JwtAuth { forward_claims: forward_claims.into(), ..idp() }, all_keys());
    let mut claims = claims();
    claims["text"] = "né\r\nx-lambdaroute-consumer: root 100% ".into();
    claims["number"] = 42.into();
    claims["float"] = json!(1.0);
    claims["flag"] = true.into();
    claims["list"] = json!(["a", "b,c", "d e"]);
    claims["object"] = json!({"a": [1]});
    claims["nothing"] = Value::Null;
    let identity = route.identify(&bearer(&P256.token("ES256", "p256", &claims)), NOW).caller.unwrap();
    let lines: Vec<_> =
        identity.forwarded.iter().map(|(name, value)| format!("{name}: {}", value.to_str().unwrap())).collect();
    assert_eq!(
        lines,
        [
            "x-text: n%C3%A9%0D%0Ax-lambdaroute-consumer: root 100%25%20",
            "x-number: 42",
            "x-float: 1",
            "x-flag: true",
            "x-list: a,b%2Cc,d e",
            "x-object: {\"a\":[1]}",
        ]
    );
    assert_eq!(identity.claim("number").as_deref(), Some("42"));
    assert_eq!(identity.claim("nothing"), None);
}

#[test]
fn a_challenge_tells_a_bad_token_from_none_and_a_valid_one_that_is_not_enough() {
    let jwt = JwtAuth { required_claims: vec![required("sub", ClaimType::String, &["root"])], ..idp() };
    let route = route_with(jwt, all_keys());
    let challenges = |headers: &HeaderMap| route.identify(headers, NOW).caller.unwrap_err().challenges;
    assert_eq!(challenges(&HeaderMap::new()), ["Bearer realm=\"lambdaroute\""]);
    assert_eq!(challenges(&bearer("x")), ["Bearer realm=\"lambdaroute\", error=\"invalid_token\""]);
    let insufficient = ["Bearer realm=\"lambdaroute\", error=\"insufficient_scope\""];
    assert_eq!(challenges(&bearer(&P256.token("ES256", "p256", &claims()))), insufficient);
}

#[test]
fn what_was_wrong_with_a_token_is_told_to_nobody() {
    let told: std::collections::BTreeSet<String> = [
        P256.token("ES256", "p256", &claims_with("exp", NOW - 1000)),
        P256.token("ES256", "next", &claims()),
        P256.token("ES256", "p256", &claims_with("aud", "other")),
        SigningKey::p256().token("ES256", "p256", &claims()),
        "x".to_owned(),
    ]
    .iter()
    .map(|token| format!("{:?}", route().identify(&bearer(token), NOW).caller.unwrap_err()))
    .collect();
    assert_eq!(told.len(), 1, "{told:?}");
}
