//! A refusal's body and headers.

use super::*;

#[test]
fn every_cause_has_one_form_in_body_and_header() {
    for &cause in Cause::ALL {
        let response = problem(&Refused::new(cause, "what happened"), Format::Problem);
        let word = cause.as_str();
        assert_eq!(response.status().as_u16(), cause.status());
        assert_eq!(response.headers()["content-type"], "application/problem+json");
        let proxy_status = response.headers()["proxy-status"].to_str().unwrap();
        assert!(proxy_status.starts_with("lambdaroute; error="), "{proxy_status}");
        assert!(proxy_status.ends_with(&format!("; details=\"{word}\"")), "{proxy_status}");
        let body: serde_json::Value = serde_json::from_slice(response.body()).unwrap();
        assert_eq!(body["type"], format!("https://lambdaroute.dev/problems/{word}"));
        assert_eq!((&body["title"], &body["status"]), (&cause.title().into(), &cause.status().into()));
        assert_eq!(body["detail"], "what happened");
    }
}

#[test]
fn what_is_for_the_operator_is_not_in_the_answer() {
    let refused = Refused::new(Cause::LambdaAccessDenied, "ask your platform team").because("lambda:InvokeFunctionUrl");
    let response = problem(&refused, Format::Problem);
    assert!(!String::from_utf8_lossy(response.body()).contains("InvokeFunctionUrl"));
}

#[test]
fn a_throttled_request_says_when_to_come_again() {
    let mut refused = Refused::new(Cause::LambdaThrottled, "");
    assert_eq!(problem(&refused, Format::Problem).headers()["retry-after"], "1");
    refused.retry_after = Some(HeaderValue::from_static("7"));
    assert_eq!(problem(&refused, Format::Problem).headers()["retry-after"], "7");
}

#[test]
fn a_page_has_the_same_status_and_headers_and_nothing_active() {
    let mut refused = Refused::new(Cause::RateLimited, "come again");
    refused.retry_after = Some(HeaderValue::from_static("7"));
    let response = problem(&refused, Format::Page);
    assert_eq!(response.status(), 429);
    for (name, value) in [
        ("content-type", "text/html; charset=utf-8"),
        ("cache-control", "no-store"),
        ("content-security-policy", "default-src 'none'"),
        ("retry-after", "7"),
        ("proxy-status", "lambdaroute; error=http_request_denied; details=\"rate_limited\""),
    ] {
        assert_eq!(response.headers()[name], value);
    }
}

#[test]
fn a_challenge_is_a_line_of_its_own() {
    let mut refused = Refused::new(Cause::Unauthenticated, "");
    refused.challenges = vec![HeaderValue::from_static("Bearer realm=\"a\""), HeaderValue::from_static("ApiKey")];
    let lines: Vec<_> =
        problem(&refused, Format::Problem).headers().get_all("www-authenticate").iter().cloned().collect();
    assert_eq!(lines, refused.challenges);
}
