//! The order in which a caller is judged.

use lambdaroute_proxy_config::v1alpha1::auth_method::Method as Kind;
use lambdaroute_proxy_config::v1alpha1::{self, ApiKeyAuth, Auth, AuthMethod, RequestHeaders, SetHeader};

use http::HeaderValue;

use super::*;

fn whole() -> Route {
    let keys = Kind::ApiKey(ApiKeyAuth { header: "x-api-key".into(), key_sets: vec![] });
    Route {
        source_ranges: Some(v1alpha1::SourceRanges { allow: vec!["10.0.0.0/8".into()], deny: vec![] }),
        cors: Some(v1alpha1::Cors { allow_origins: vec!["https://shop.example".into()], ..Default::default() }),
        auth: Some(Auth { methods: vec![AuthMethod { name: "keys".into(), method: Some(keys) }] }),
        ..Route::default()
    }
}

fn admit(route: &Route, client: &str, method: Method) -> String {
    let access = Access::new(route, &KeySets::default()).unwrap();
    let mut headers = HeaderMap::new();
    headers.insert("origin", HeaderValue::from_static("https://shop.example"));
    headers.insert("access-control-request-method", HeaderValue::from_static("PUT"));
    match access.admit(client.parse().unwrap(), &method, &headers, 0, |_| ()) {
        Ok(Admission::Preflight(answer)) => format!("preflight of {} headers", answer.len()),
        Ok(Admission::Caller(identity)) => format!("on: {}", identity.is_some()),
        Err(refused) => refused.cause.as_str().to_owned(),
    }
}

#[test]
fn an_address_is_judged_before_a_preflight_and_a_preflight_before_anybody_is_asked_who_calls() {
    assert_eq!(admit(&whole(), "192.0.2.1", Method::OPTIONS), "forbidden");
    assert_eq!(admit(&whole(), "10.0.0.1", Method::OPTIONS), "preflight of 2 headers");
    assert_eq!(admit(&whole(), "10.0.0.1", Method::PUT), "unauthenticated");
}

#[test]
fn what_a_route_does_not_say_restricts_nobody() {
    assert_eq!(admit(&Route::default(), "192.0.2.1", Method::OPTIONS), "on: false");
}

#[test]
fn a_route_that_cannot_be_kept_to_is_not_served() {
    let wrong_range = Some(v1alpha1::SourceRanges { allow: vec![], deny: vec!["all".into()] });
    let wrong_origin = v1alpha1::Cors { allow_origins: vec!["\n".into()], ..Default::default() };
    let wrong_value = SetHeader { name: "x-a".into(), value: b"secret\r\nx".to_vec() };
    for route in [
        Route { source_ranges: wrong_range, ..Route::default() },
        Route { cors: Some(wrong_origin), ..Route::default() },
        Route { auth: Some(Auth::default()), ..Route::default() },
        Route { request_headers: Some(RequestHeaders { set: vec![wrong_value], remove: vec![] }), ..Route::default() },
        Route { forward_authorization_as: "a b".into(), ..Route::default() },
    ] {
        let error = Access::new(&route, &KeySets::default()).unwrap_err();
        assert!(!error.to_string().contains("secret"), "{error}");
    }
}
