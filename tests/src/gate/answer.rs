//! Answers that the gate gives in the server's stead.

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Response, StatusCode};

/// An answer in the server's stead.
#[derive(Debug, Clone)]
pub struct Answer {
    status: StatusCode,
    headers: Vec<(HeaderName, HeaderValue)>,
    body: Bytes,
}

impl Answer {
    /// A status with a body.
    pub fn new(status: StatusCode, body: impl Into<Bytes>) -> Self {
        Self { status, headers: Vec::new(), body: body.into() }
    }

    /// … and a header.
    pub fn header(mut self, name: &'static str, value: &str) -> Self {
        let value = HeaderValue::from_str(value).unwrap_or(HeaderValue::from_static(""));
        self.headers.push((HeaderName::from_static(name), value));
        self
    }

    /// An error of AWS's REST-JSON protocol: the code in `x-amzn-errortype`, the message in the body.
    pub fn aws_error(status: StatusCode, code: &str, message: &str) -> Self {
        let body = serde_json::json!({ "Type": "User", "Message": message, "message": message }).to_string();
        Self::new(status, body).header("content-type", "application/json").header("x-amzn-errortype", code)
    }

    /// What AWS says above 15 control-plane requests a second.
    pub fn throttled() -> Self {
        let body = r#"{"Reason":"CallerRateLimitExceeded","Type":"User","message":"Rate exceeded"}"#;
        Self::new(StatusCode::TOO_MANY_REQUESTS, body)
            .header("content-type", "application/json")
            .header("x-amzn-errortype", "TooManyRequestsException")
            .header("retry-after", "1")
    }

    /// What AWS says when it fails itself. Source: the service model, ServiceException.
    pub fn service_exception() -> Self {
        let body = r#"{"Type":"Service","Message":"An error occurred and the request cannot be processed."}"#;
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, body)
            .header("content-type", "application/json")
            .header("x-amzn-errortype", "ServiceException")
    }

    /// What AWS's front door says when nobody is behind it: 503 and no word of the service.
    pub fn unavailable() -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "").header("x-amzn-errortype", "ServiceUnavailableException")
    }

    /// An error of the Kubernetes API: `reason` is the API's word, such as `TooManyRequests`.
    pub fn kubernetes(status: StatusCode, reason: &str) -> Self {
        let message = "the gate says so";
        let body = serde_json::json!({
            "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "message": message,
            "reason": reason, "code": status.as_u16(),
        });
        Self::new(status, body.to_string()).header("content-type", "application/json")
    }

    /// What AWS says if IAM doesn't allow the action.
    pub fn access_denied(principal: &str, action: &str, resource: &str) -> Self {
        let message = format!(
            "User: {principal} is not authorized to perform: {action} on resource: {resource} because no \
             identity-based policy allows the {action} action"
        );
        Self::aws_error(StatusCode::FORBIDDEN, "AccessDeniedException", &message)
    }

    pub(super) fn response(&self) -> Response<Bytes> {
        let mut response = Response::new(self.body.clone());
        *response.status_mut() = self.status;
        response.headers_mut().extend(self.headers.iter().cloned());
        response
    }
}
