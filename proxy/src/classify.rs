//! Whose an answer of a function URL is: the function's, or AWS's for it. Pure.
//!
//! AWS's own errors carry `x-amzn-errortype`, its 502 for a failed function alone doesn't. A function can forge the header:
//! so nothing of security hangs on it. Source: the table of answers that AWS gives, as collected from
//! <https://docs.aws.amazon.com/lambda/latest/dg/urls-auth.html>, LocalStack's recordings of AWS, and reports.

use http::{HeaderValue, StatusCode};
use lambdaroute_proxy_config::cause::Cause;

/// What to do with an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// The function's own: untouched.
    Function,
    /// AWS's for the function: kept, and counted under the cause.
    Kept(Cause),
    /// AWS's: replaced by a problem.
    Replaced(Cause),
}

/// How much of the body is needed to tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Peek {
    /// Nothing: it is the function's.
    Nothing,
    /// What has arrived first.
    FirstFrame,
    /// Up to [`PEEK_LIMIT`].
    Start,
}

/// AWS's own errors are shorter than this.
pub(crate) const PEEK_LIMIT: usize = 4096;
/// AWS's error names and request ids are shorter than this.
const LONGEST_WORD: usize = 64;

/// Whether the body is needed.
pub(crate) fn peek(status: StatusCode, error_type: Option<&str>) -> Peek {
    match error_type {
        Some(_) if status.is_client_error() || status.is_server_error() => Peek::Start,
        None if status == StatusCode::BAD_GATEWAY => Peek::FirstFrame,
        _ => Peek::Nothing,
    }
}

/// Whose the answer is. `start`: the body's start, as [`peek`] asked for it.
pub(crate) fn classify(status: StatusCode, error_type: Option<&str>, start: &[u8]) -> Verdict {
    let Some(error_type) = error_type else {
        return if status == StatusCode::BAD_GATEWAY && is_function_error(start) {
            Verdict::Kept(Cause::FunctionError)
        } else {
            Verdict::Function
        };
    };
    let name = name(error_type);
    match status.as_u16() {
        403 => Verdict::Replaced(refusal(name, start)),
        404 if name == "ResourceNotFoundException" => Verdict::Replaced(Cause::FunctionUrlGone),
        413 => Verdict::Replaced(Cause::LambdaRequestTooLarge),
        400 if name == "RequestTooLargeException" => Verdict::Replaced(Cause::LambdaRequestTooLarge),
        429 => Verdict::Replaced(Cause::LambdaThrottled),
        400 if is_throttle(name) => Verdict::Replaced(Cause::LambdaThrottled),
        400 | 401 if is_signature(name) => Verdict::Replaced(Cause::LambdaSignatureRefused),
        502 => Verdict::Kept(Cause::FunctionError),
        500..=599 => Verdict::Replaced(Cause::LambdaUnavailable),
        _ => Verdict::Function,
    }
}

/// `Name:http://…` and `namespace#Name` are forms of AWS's protocols.
fn name(error_type: &str) -> &str {
    error_type.split(':').next().unwrap_or_default().rsplit('#').next().unwrap_or_default().trim()
}

/// What the log may say of an answer of AWS's. Never its body: AWS repeats the request's query where it refuses a signature,
/// and a function that forges the error type could have its own text there. So words alone, and short ones.
pub(crate) fn told(status: StatusCode, error_type: &str, request_id: Option<&HeaderValue>) -> String {
    let word = |text: &str| -> String {
        text.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '-').take(LONGEST_WORD).collect()
    };
    let request_id = request_id.and_then(|id| id.to_str().ok()).unwrap_or_default();
    format!("AWS answered {} {}, request {}", status.as_u16(), word(name(error_type)), word(request_id))
}

/// What helps a request that AWS refused for its signature's time alone: it hasn't run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Renewal {
    /// Sign by AWS's clock ([`crate::clock_offset`]).
    Clock,
    /// Load credentials anew: their token's time is over.
    Credentials,
}

/// Whether to sign again and how, by AWS's error type and the start of its answer's body. `bodiless`: the answer has none
/// (its request was HEAD), so the type alone says what may help.
pub(crate) fn renewal(error_type: &str, start: &[u8], bodiless: bool) -> Option<Renewal> {
    const TOO_OLD: &[u8] = b"Signature expired";
    const TOO_NEW: &[u8] = b"Signature not yet current";
    const TOKEN: &[u8] = b"security token included in the request is expired";
    match name(error_type) {
        "RequestTimeTooSkewed" | "RequestExpired" | "RequestInTheFuture" => Some(Renewal::Clock),
        "InvalidSignatureException" | "SignatureDoesNotMatch" | "InvalidSignature"
            if bodiless || contains(start, TOO_OLD) || contains(start, TOO_NEW) =>
        {
            Some(Renewal::Clock)
        }
        "ExpiredTokenException" | "ExpiredToken" => Some(Renewal::Credentials),
        "UnrecognizedClientException" | "InvalidClientTokenId" | "AccessDeniedException"
            if bodiless || contains(start, TOKEN) =>
        {
            Some(Renewal::Credentials)
        }
        _ => None,
    }
}

fn refusal(name: &str, start: &[u8]) -> Cause {
    if is_signature(name) {
        return Cause::LambdaSignatureRefused;
    }
    match message(start) {
        // AWS's answer for a URL that doesn't exist: it isn't a 404.
        Some(serde_json::Value::Null) => Cause::FunctionUrlGone,
        Some(serde_json::Value::String(text)) if text.contains("signature") || text.contains("security token") => {
            Cause::LambdaSignatureRefused
        }
        _ => Cause::LambdaAccessDenied,
    }
}

fn is_signature(name: &str) -> bool {
    matches!(
        name,
        "InvalidSignatureException"
            | "SignatureDoesNotMatch"
            | "UnrecognizedClientException"
            | "InvalidClientTokenId"
            | "IncompleteSignatureException"
            | "IncompleteSignature"
            | "MissingAuthenticationTokenException"
            | "MissingAuthenticationToken"
            | "ExpiredTokenException"
            | "ExpiredToken"
            | "RequestExpired"
            | "InvalidSignature"
    )
}

fn is_throttle(name: &str) -> bool {
    matches!(name, "ThrottlingException" | "TooManyRequestsException" | "Throttling")
}

/// `Message` or `message`: the spelling varies.
fn message(start: &[u8]) -> Option<serde_json::Value> {
    let serde_json::Value::Object(mut body) = serde_json::from_slice(start).ok()? else { return None };
    body.remove("Message").or_else(|| body.remove("message"))
}

/// AWS's 502 after an exception, a timeout or a malformed answer of the function.
fn is_function_error(start: &[u8]) -> bool {
    const TEXT: &str = "Internal Server Error";
    let text = start.trim_ascii();
    text == TEXT.as_bytes()
        || message(text).is_some_and(|message| message == TEXT)
        // The invocation's own record of the error, as emulators pass it on.
        || (text.starts_with(b"{") && [&b"\"errorMessage\""[..], b"\"errorType\""].iter().all(|key| contains(text, key)))
}

fn contains(text: &[u8], part: &[u8]) -> bool {
    text.windows(part.len()).any(|window| window == part)
}

#[cfg(test)]
mod tests;
