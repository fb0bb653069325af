//! The features that a route may require of a proxy. A feature is named once and never changes its meaning.

use std::collections::BTreeSet;

/// Serves a function URL with AWS_IAM: signs requests with SigV4.
pub const FUNCTION_URL: &str = "function-url";

/// Serves a function URL with auth type NONE: forwards unsigned.
pub const UNSIGNED: &str = "unsigned";

/// Streams the answer of a function URL whose invoke mode is RESPONSE_STREAM.
pub const RESPONSE_STREAM: &str = "response-stream";

/// What this build's proxy understands.
pub const SUPPORTED: &[&str] = &[FUNCTION_URL, UNSIGNED, RESPONSE_STREAM];

/// The first required feature that isn't among `supported`.
pub fn missing<'a>(requires: &'a [String], supported: &BTreeSet<&str>) -> Option<&'a str> {
    requires.iter().map(String::as_str).find(|feature| !supported.contains(feature))
}
