//! AWS's refusals on function URLs. Source: LocalStack's snapshots of real answers and live probes (2025, 2026).

use http::StatusCode;

use super::script::Canned;
use crate::signature::Refusal;

fn forbidden(code: &str, body: &str) -> Canned {
    Canned::new(StatusCode::FORBIDDEN, body.to_owned())
        .header("content-type", "application/json")
        .header("x-amzn-errortype", code)
}

pub(super) fn signature(refusal: &Refusal) -> Canned {
    match refusal {
        Refusal::NotSigned => forbidden(refusal.code(), r#"{"Message":"Forbidden"}"#),
        Refusal::UnknownKey => {
            forbidden(refusal.code(), r#"{"message":"The security token included in the request is invalid."}"#)
        }
        Refusal::Mismatch { .. } | Refusal::PayloadHash => forbidden(
            refusal.code(),
            "{\"message\":\"The request signature we calculated does not match the signature you provided. Check your \
             AWS Secret Access Key and signing method. Consult the service documentation for details.\"}",
        ),
        other => forbidden(other.code(), &serde_json::json!({ "message": other.to_string() }).to_string()),
    }
}

pub(super) fn not_authorized() -> Canned {
    forbidden(
        "AccessDeniedException",
        "{\"Message\":\"Forbidden. For troubleshooting Function URL authorization issues, see: \
         https://docs.aws.amazon.com/lambda/latest/dg/urls-auth.html\"}",
    )
}

pub(super) fn no_such_url() -> Canned {
    forbidden("AccessDeniedException", r#"{"Message":null}"#)
}
