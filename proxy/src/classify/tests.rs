//! Whose an answer is: the function's or AWS's.

use super::*;

fn verdict(status: u16, error_type: Option<&str>, body: &str) -> Verdict {
    classify(StatusCode::from_u16(status).unwrap(), error_type, body.as_bytes())
}

#[test]
fn an_answer_of_the_function_passes_whatever_its_status() {
    for status in [200, 204, 301, 400, 401, 403, 404, 413, 429, 500, 502, 503, 504] {
        assert_eq!(verdict(status, None, r#"{"message":"mine"}"#), Verdict::Function, "{status}");
    }
    assert_eq!(verdict(403, None, r#"{"Message":"Forbidden"}"#), Verdict::Function);
}

#[test]
fn each_refusal_of_aws_has_its_cause() {
    let troubleshooting = r#"{"Message":"Forbidden. For troubleshooting Function URL authorization issues, see: https://docs.aws.amazon.com/lambda/latest/dg/urls-auth.html"}"#;
    let signature = r#"{"message":"The request signature we calculated does not match the signature you provided."}"#;
    let token = r#"{"message":"The security token included in the request is invalid."}"#;
    for (status, error_type, body, cause) in [
        (403, "AccessDeniedException", troubleshooting, Cause::LambdaAccessDenied),
        (403, "AccessDeniedException", r#"{"Message":"Forbidden"}"#, Cause::LambdaAccessDenied),
        (403, "AccessDeniedException", "not json", Cause::LambdaAccessDenied),
        (403, "AccessDeniedException", r#"{"Message":null}"#, Cause::FunctionUrlGone),
        (404, "ResourceNotFoundException", r#"{"message":"Not Found"}"#, Cause::FunctionUrlGone),
        (403, "InvalidSignatureException", signature, Cause::LambdaSignatureRefused),
        (403, "SignatureDoesNotMatch", "", Cause::LambdaSignatureRefused),
        (403, "UnrecognizedClientException", token, Cause::LambdaSignatureRefused),
        (403, "ExpiredTokenException", "", Cause::LambdaSignatureRefused),
        (403, "AccessDeniedException", signature, Cause::LambdaSignatureRefused),
        (
            429,
            "TooManyRequestsException",
            r#"{"Reason":"ReservedFunctionConcurrentInvocationLimitExceeded"}"#,
            Cause::LambdaThrottled,
        ),
        (400, "ThrottlingException", r#"{"message":"Rate Exceeded."}"#, Cause::LambdaThrottled),
        (413, "RequestTooLargeException", "", Cause::LambdaRequestTooLarge),
        (400, "RequestTooLargeException:http://internal.amazon.com/", "", Cause::LambdaRequestTooLarge),
        (500, "ServiceException", "", Cause::LambdaUnavailable),
        (503, "ServiceUnavailableException", "", Cause::LambdaUnavailable),
        (504, "com.amazonaws#GatewayTimeout", "", Cause::LambdaUnavailable),
    ] {
        assert_eq!(verdict(status, Some(error_type), body), Verdict::Replaced(cause), "{status} {error_type} {body}");
    }
}

#[test]
fn a_failed_function_keeps_what_aws_answered_for_it() {
    for body in [
        "Internal Server Error",
        r#"{"message":"Internal Server Error"}"#,
        r#"{"errorMessage": "boom", "errorType": "ValueError", "stackTrace": ["#,
    ] {
        assert_eq!(verdict(502, None, body), Verdict::Kept(Cause::FunctionError), "{body}");
    }
    assert_eq!(verdict(502, Some("InternalServerErrorException"), ""), Verdict::Kept(Cause::FunctionError));
}

#[test]
fn only_what_may_be_aws_is_looked_into() {
    let ask = |status, error_type| peek(StatusCode::from_u16(status).unwrap(), error_type);
    assert_eq!(ask(200, None), Peek::Nothing);
    assert_eq!(ask(200, Some("x")), Peek::Nothing);
    assert_eq!(ask(403, None), Peek::Nothing);
    assert_eq!(ask(502, None), Peek::FirstFrame);
    assert_eq!(ask(403, Some("AccessDeniedException")), Peek::Start);
}

#[test]
fn only_a_refusal_for_its_time_has_a_request_signed_again() {
    let old = br#"{"message":"Signature expired: 20261121T091000Z is now earlier than 20261121T092500Z"}"#;
    let early = br#"{"message":"Signature not yet current: 20261121T094000Z is still later than 20261121T093500Z"}"#;
    let mismatch = br#"{"message":"The request signature we calculated does not match the signature you provided."}"#;
    let expired = br#"{"message":"The security token included in the request is expired"}"#;
    let invalid = br#"{"message":"The security token included in the request is invalid."}"#;
    for (error_type, start, expected) in [
        ("InvalidSignatureException", &old[..], Some(Renewal::Clock)),
        ("InvalidSignatureException:http://internal.amazon.com/", early, Some(Renewal::Clock)),
        ("com.amazon.coral.service#RequestExpired", b"", Some(Renewal::Clock)),
        ("InvalidSignatureException", mismatch, None),
        ("AccessDeniedException", old, None),
        ("ExpiredTokenException", b"", Some(Renewal::Credentials)),
        ("UnrecognizedClientException", expired, Some(Renewal::Credentials)),
        ("UnrecognizedClientException", invalid, None),
        ("InvalidSignatureException", expired, None),
    ] {
        assert_eq!(renewal(error_type, start, false), expected, "{error_type} {}", String::from_utf8_lossy(start));
    }
}

#[test]
fn the_log_gets_the_name_of_an_error_of_aws_and_nothing_that_a_request_or_a_function_has_written() {
    let id = HeaderValue::from_static("4fd1a9f1-27e2-4b57-a0ad-5f1f2f6e3a52");
    let told = |error_type: &str, id| told(StatusCode::FORBIDDEN, error_type, id);
    assert_eq!(
        told("com.amazon#AccessDeniedException:http://internal/", Some(&id)),
        "AWS answered 403 AccessDeniedException, request 4fd1a9f1-27e2-4b57-a0ad-5f1f2f6e3a52"
    );
    assert_eq!(told("Denied password=hunter2", None), "AWS answered 403 Denied, request ");
    assert!(told(&"y".repeat(500), Some(&id)).len() < 160);
}
