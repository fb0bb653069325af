//! AWS's errors, in its words. Sources: LocalStack's snapshots of real answers (November 2025) and the developer guide.

use bytes::Bytes;
use http::{HeaderValue, Response, StatusCode};
use serde_json::{Value, json};

use crate::signature::Refusal;

fn shaped(status: StatusCode, code: &str, body: &Value) -> Response<Bytes> {
    let mut response = Response::new(Bytes::from(body.to_string()));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert("content-type", HeaderValue::from_static("application/json"));
    headers.insert("x-amzn-errortype", HeaderValue::from_str(code).unwrap_or(HeaderValue::from_static("")));
    headers.insert("x-amzn-requestid", HeaderValue::from_static("00000000-0000-4000-8000-000000000000"));
    response
}

/// An error of the control plane.
pub(super) fn api(status: StatusCode, code: &str, message: &str) -> Response<Bytes> {
    shaped(status, code, &json!({ "Type": "User", "Message": message, "message": message }))
}

pub(super) fn not_found(message: &str) -> Response<Bytes> {
    api(StatusCode::NOT_FOUND, "ResourceNotFoundException", message)
}

pub(super) fn invalid(message: &str) -> Response<Bytes> {
    api(StatusCode::BAD_REQUEST, "InvalidParameterValueException", message)
}

/// A value that the service model's pattern doesn't allow. The code is in no model.
pub(super) fn constraint(value: &str, member: &str, pattern: &str) -> Response<Bytes> {
    let message = format!(
        "1 validation error detected: Value '{value}' at '{member}' failed to satisfy constraint: Member must satisfy \
         regular expression pattern: {pattern}"
    );
    api(StatusCode::BAD_REQUEST, "ValidationException", &message)
}

/// A value that is longer or larger than the service model allows.
pub(super) fn limit(value: &str, member: &str, rule: &str) -> Response<Bytes> {
    let message =
        format!("1 validation error detected: Value '{value}' at '{member}' failed to satisfy constraint: {rule}");
    api(StatusCode::BAD_REQUEST, "ValidationException", &message)
}

/// A signature that isn't accepted, by either plane.
pub(super) fn signature(refusal: &Refusal) -> Response<Bytes> {
    match refusal {
        Refusal::NotSigned => forbidden(),
        Refusal::Mismatch { .. } | Refusal::PayloadHash => {
            let message = "The request signature we calculated does not match the signature you provided. Check your \
                           AWS Secret Access Key and signing method. Consult the service documentation for details.";
            shaped(StatusCode::FORBIDDEN, refusal.code(), &json!({ "message": message }))
        }
        other => shaped(StatusCode::FORBIDDEN, other.code(), &json!({ "message": other.to_string() })),
    }
}

/// A call of a function URL that isn't signed.
pub(super) fn forbidden() -> Response<Bytes> {
    shaped(StatusCode::FORBIDDEN, "AccessDeniedException", &json!({ "Message": "Forbidden" }))
}

/// A call of a function URL by somebody whom no policy lets in.
pub(super) fn not_authorized() -> Response<Bytes> {
    let message = "Forbidden. For troubleshooting Function URL authorization issues, see: \
                   https://docs.aws.amazon.com/lambda/latest/dg/urls-auth.html";
    shaped(StatusCode::FORBIDDEN, "AccessDeniedException", &json!({ "Message": message }))
}

/// A call of a function URL that doesn't exist: 403, not 404.
pub(super) fn no_such_url() -> Response<Bytes> {
    shaped(StatusCode::FORBIDDEN, "AccessDeniedException", &json!({ "Message": null }))
}
