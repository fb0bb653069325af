//! The CORS protocol with cases of the Fetch standard's text.

use super::*;

fn shop() -> v1alpha1::Cors {
    v1alpha1::Cors {
        allow_origins: vec!["https://shop.example".into(), "https://bar.invalid".into()],
        allow_methods: vec!["GET".into(), "CHICKEN".into()],
        allow_headers: vec!["Content-Type".into(), "x-pet".into()],
        expose_headers: vec!["x-total".into()],
        allow_credentials: true,
        max_age_s: Some(2520),
    }
}

fn any() -> v1alpha1::Cors {
    v1alpha1::Cors { allow_origins: vec!["*".into()], allow_credentials: false, ..shop() }
}

fn lines(headers: &HeaderMap) -> Vec<String> {
    let mut lines: Vec<_> =
        headers.iter().map(|(name, value)| format!("{name}: {}", value.to_str().unwrap())).collect();
    lines.sort();
    lines
}

fn preflight(cors: &v1alpha1::Cors, origin: &str) -> Vec<String> {
    lines(&Cors::new(cors).unwrap().preflight(Some(&HeaderValue::from_str(origin).unwrap())))
}

fn answer(cors: &v1alpha1::Cors, origin: Option<&str>, theirs: &[(&'static str, &'static str)]) -> Vec<String> {
    let mut headers = HeaderMap::new();
    for (name, value) in theirs {
        headers.append(*name, HeaderValue::from_static(value));
    }
    let origin = origin.map(|origin| HeaderValue::from_str(origin).unwrap());
    Cors::new(cors).unwrap().answer(origin.as_ref(), &mut headers);
    lines(&headers)
}

fn request(lines: &[(&'static str, &'static str)]) -> HeaderMap {
    lines.iter().map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value))).collect()
}

#[test]
fn a_preflight_is_an_options_request_of_an_origin_for_a_method() {
    let whole = request(&[("origin", "https://bar.invalid"), ("access-control-request-method", "CHICKEN")]);
    assert!(is_preflight(&Method::OPTIONS, &whole));
    assert!(!is_preflight(&Method::GET, &whole));
    assert!(!is_preflight(&Method::OPTIONS, &request(&[("origin", "https://bar.invalid")])));
    assert!(!is_preflight(&Method::OPTIONS, &request(&[("access-control-request-method", "CHICKEN")])));
}

#[test]
fn a_preflight_is_told_origin_credentials_methods_headers_and_age() {
    let expected = [
        "access-control-allow-credentials: true",
        "access-control-allow-headers: Content-Type, x-pet",
        "access-control-allow-methods: GET, CHICKEN",
        "access-control-allow-origin: https://bar.invalid",
        "access-control-max-age: 2520",
        "vary: Origin",
    ];
    assert_eq!(preflight(&shop(), "https://bar.invalid"), expected);
}

#[test]
fn an_origin_is_compared_byte_by_byte() {
    for other in [
        "https://shop.example:443",
        "https://shop.example/",
        "http://shop.example",
        "HTTPS://shop.example",
        "https://Shop.example",
        "https://shop.example.evil.example",
        "https://evil.example?https://shop.example",
        "null",
        "*",
        "",
    ] {
        assert_eq!(preflight(&shop(), other), ["vary: Origin"], "{other}");
        assert_eq!(answer(&shop(), Some(other), &[]), ["vary: Origin"], "{other}");
    }
}

#[test]
fn the_null_origin_is_allowed_only_where_it_is_named_or_any_is() {
    let named = v1alpha1::Cors { allow_origins: vec!["null".into()], ..shop() };
    assert!(preflight(&named, "null").contains(&"access-control-allow-origin: null".to_owned()));
    assert!(preflight(&any(), "null").contains(&"access-control-allow-origin: *".to_owned()));
}

#[test]
fn any_origin_is_said_as_such_and_needs_no_vary() {
    let expected = ["access-control-allow-origin: *", "access-control-expose-headers: x-total"];
    assert_eq!(answer(&any(), Some("https://a.example"), &[]), expected);
    assert_eq!(answer(&any(), None, &[]), <[&str; 0]>::default());
}

#[test]
fn any_origin_with_credentials_admits_nobody_with_credentials() {
    let cors = v1alpha1::Cors { allow_credentials: true, ..any() };
    let lines = preflight(&cors, "https://evil.example");
    assert!(lines.contains(&"access-control-allow-origin: *".to_owned()));
    assert!(!lines.iter().any(|line| line.contains("credentials") || line.contains("evil")), "{lines:?}");
}

#[test]
fn wildcards_of_methods_and_headers_are_sent_as_they_stand() {
    let wild = vec!["*".to_owned()];
    let cors =
        v1alpha1::Cors { allow_methods: wild.clone(), allow_headers: wild.clone(), expose_headers: wild, ..shop() };
    let lines = preflight(&cors, "https://shop.example");
    assert!(lines.contains(&"access-control-allow-methods: *".to_owned()));
    assert!(lines.contains(&"access-control-allow-headers: *".to_owned()));
    let lines = answer(&cors, Some("https://shop.example"), &[]);
    assert!(lines.contains(&"access-control-expose-headers: *".to_owned()));
}

#[test]
fn what_the_function_says_is_replaced_and_never_doubled() {
    let theirs = [
        ("access-control-allow-origin", "*"),
        ("access-control-allow-origin", "https://shop.example"),
        ("access-control-allow-credentials", "true"),
        ("access-control-allow-private-network", "true"),
        ("vary", "accept-encoding"),
    ];
    let expected = [
        "access-control-allow-credentials: true",
        "access-control-allow-origin: https://shop.example",
        "access-control-expose-headers: x-total",
        "vary: Origin",
        "vary: accept-encoding",
    ];
    assert_eq!(answer(&shop(), Some("https://shop.example"), &theirs), expected);
    assert_eq!(answer(&shop(), Some("https://evil.example"), &theirs), ["vary: Origin", "vary: accept-encoding"]);
}

#[test]
fn an_answer_varies_by_origin_also_where_there_was_none() {
    assert_eq!(answer(&shop(), None, &[]), ["vary: Origin"]);
    assert_eq!(answer(&shop(), None, &[("vary", "accept, ORIGIN")]), ["vary: accept, ORIGIN"]);
    assert_eq!(answer(&shop(), None, &[("vary", "*")]), ["vary: *"]);
}

#[test]
fn a_request_of_two_origins_is_one_of_none() {
    let mut headers = request(&[("origin", "https://shop.example")]);
    assert!(origin(&headers).is_some());
    headers.append(ORIGIN, HeaderValue::from_static("https://evil.example"));
    assert_eq!(origin(&headers), None);
}

#[test]
fn what_no_header_can_say_is_refused() {
    for cors in [
        v1alpha1::Cors { allow_origins: vec!["https://a\r\nx: 1".into()], ..shop() },
        v1alpha1::Cors { allow_methods: vec!["GET, PUT".into()], ..shop() },
        v1alpha1::Cors { allow_headers: vec![String::new()], ..shop() },
        v1alpha1::Cors { expose_headers: vec!["a b".into()], ..shop() },
    ] {
        assert!(Cors::new(&cors).is_err(), "{cors:?}");
    }
}

#[test]
fn without_a_list_only_what_is_always_safe_is_allowed() {
    let cors = v1alpha1::Cors { allow_origins: vec!["*".into()], ..v1alpha1::Cors::default() };
    assert_eq!(preflight(&cors, "https://a.example"), ["access-control-allow-origin: *"]);
}
