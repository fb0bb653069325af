//! What a verified token says, and whether that is enough (RFC 7519 section 4.1). Pure.

use std::borrow::Cow;

use http::HeaderValue;
use lambdaroute_proxy_config::v1alpha1::{ClaimType, RequiredClaim};
use serde_json::{Map, Value};

use super::header_text::{header_list, header_text};

/// What clocks may differ by, in seconds.
pub(crate) const LEEWAY: f64 = 60.0;

/// The claims of a token whose signature holds.
#[derive(Debug)]
pub(crate) struct Claims(Map<String, Value>);

impl Claims {
    /// Absent: the payload isn't a JSON object.
    pub(crate) fn parse(payload: &[u8]) -> Option<Self> {
        serde_json::from_slice(payload).ok().map(Claims)
    }

    /// Whether exactly this issuer has issued it, for one of these audiences, and it is valid at this time (seconds since the
    /// epoch). A token without `exp` never is.
    pub(crate) fn hold(&self, issuer: &str, audiences: &[Box<str>], now: u64) -> bool {
        self.string("iss") == Some(issuer) && self.is_for(audiences) && self.is_valid_at(now)
    }

    /// The subject, unless it is empty.
    pub(crate) fn subject(&self) -> Option<&str> {
        self.string("sub").filter(|subject| !subject.is_empty())
    }

    fn is_for(&self, audiences: &[Box<str>]) -> bool {
        let listed = |audience: &str| audiences.iter().any(|of| **of == *audience);
        match self.0.get("aud") {
            Some(Value::String(audience)) => listed(audience),
            Some(Value::Array(several)) => several.iter().filter_map(Value::as_str).any(listed),
            _ => false,
        }
    }

    fn is_valid_at(&self, now: u64) -> bool {
        #[allow(clippy::cast_precision_loss, reason = "exact for the next 285 million years")]
        let now = now as f64;
        let expires = matches!(self.0.get("exp").map(Value::as_f64), Some(Some(expiry)) if now < expiry + LEEWAY);
        let since = |claim: &str| match self.0.get(claim) {
            None => true,
            Some(time) => time.as_f64().is_some_and(|time| time <= now + LEEWAY),
        };
        expires && since("nbf") && since("iat")
    }

    /// Whether a claim is as it must be.
    pub(crate) fn satisfy(&self, required: &Required) -> bool {
        let Required { claim, kind, any_of } = required;
        let wanted = |text: &str| any_of.iter().any(|of| **of == *text);
        match (kind, self.0.get(&**claim)) {
            (ClaimType::String, Some(Value::String(text))) => wanted(text),
            (ClaimType::String, Some(Value::Number(number))) => wanted(&decimal(number)),
            (ClaimType::StringList, Some(Value::Array(items))) => items.iter().filter_map(Value::as_str).any(wanted),
            (ClaimType::SpaceDelimited, Some(Value::String(words))) => words.split(' ').any(wanted),
            (ClaimType::Boolean, Some(Value::Bool(value))) => wanted(if *value { "true" } else { "false" }),
            _ => false,
        }
    }

    /// A claim as text; a string as it is, a number in its shortest form, the rest as JSON.
    pub(crate) fn text(&self, claim: &str) -> Option<Cow<'_, str>> {
        match self.0.get(claim)? {
            Value::Null => None,
            Value::String(text) => Some(text.as_str().into()),
            Value::Number(number) => Some(decimal(number).into()),
            other => Some(other.to_string().into()),
        }
    }

    /// A claim as a header's value: a list of strings as a list, anything else as its text.
    ///
    /// # Errors
    /// It is longer than any function should have to read.
    pub(crate) fn header(&self, claim: &str) -> Result<Option<HeaderValue>, TooLong> {
        let value = match self.0.get(claim) {
            Some(Value::Array(items)) if items.iter().all(Value::is_string) => {
                header_list(items.iter().filter_map(Value::as_str))
            }
            _ => match self.text(claim) {
                Some(text) => header_text(&text),
                None => return Ok(None),
            },
        };
        value.map(Some).ok_or(TooLong)
    }

    fn string(&self, claim: &str) -> Option<&str> {
        self.0.get(claim).and_then(Value::as_str)
    }
}

/// A claim that is longer than a header of ours may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TooLong;

/// A claim that a token must have.
#[derive(Debug)]
pub(crate) struct Required {
    claim: Box<str>,
    kind: ClaimType,
    any_of: Box<[Box<str>]>,
}

impl Required {
    /// An unknown type admits nobody.
    pub(crate) fn new(required: &RequiredClaim) -> Self {
        let any_of = required.any_of.iter().map(|of| of.as_str().into()).collect();
        Required { claim: required.claim.as_str().into(), kind: required.r#type(), any_of }
    }
}

/// A number in its shortest decimal form: `7`, not `7.0` or `7e0`.
fn decimal(number: &serde_json::Number) -> String {
    match number.as_f64() {
        Some(float) if number.is_f64() => format!("{float}"),
        _ => number.to_string(),
    }
}
