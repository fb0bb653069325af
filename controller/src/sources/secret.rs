//! What of a Secret is kept: digests of its API keys, and the values that routes set headers to. Pure. Nothing here shows a
//! value: not in messages, not when printed.

use std::collections::BTreeMap;

use k8s_openapi::ByteString;

use super::api_keys::{self, ApiKeys};
use super::needs::Uses;
use crate::access::SecretValue;

/// The most bytes of a header's value.
pub const LONGEST_VALUE: usize = 4096;

/// Why a value can't be a header's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UnusableValue {
    /// The Secret has no such data key.
    #[error("it has no such key")]
    Missing,
    /// Nothing but spaces.
    #[error("the value is empty")]
    Empty,
    /// More than [`LONGEST_VALUE`].
    #[error("the value has more than {LONGEST_VALUE} bytes")]
    TooLong,
    /// Control characters, line breaks within, or no ASCII.
    #[error("the value has line breaks or characters other than printable ASCII")]
    Unprintable,
}

/// What is known of a Secret that a route refers to.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Known {
    /// It isn't looked at yet.
    #[default]
    Unknown,
    /// The controller may not read it.
    NotPermitted,
    /// There is none of this name.
    Missing,
    /// It is there; this is used of it.
    Present(Content),
}

/// What is used of a Secret.
#[derive(Clone, Debug, PartialEq)]
pub struct Content {
    /// Its API keys, where they are used.
    pub api_keys: Option<ApiKeys>,
    /// Its values that are used, by data key.
    pub values: BTreeMap<String, Result<SecretValue, UnusableValue>>,
}

/// Takes from a Secret's data what is used, and nothing else.
pub fn take(data: &BTreeMap<String, ByteString>, uses: &Uses) -> Content {
    let Uses { api_keys, values } = uses;
    Content {
        api_keys: api_keys.then(|| api_keys::read(data)),
        values: values.iter().map(|key| (key.clone(), value(data.get(key)))).collect(),
    }
}

/// A header carries printable ASCII, spaces and tabs within (RFC 9110 section 5.5). A line's end at the end is a file's, not
/// the value's.
fn value(data: Option<&ByteString>) -> Result<SecretValue, UnusableValue> {
    let value = data.ok_or(UnusableValue::Missing)?.0.trim_ascii();
    if value.is_empty() {
        return Err(UnusableValue::Empty);
    }
    if value.len() > LONGEST_VALUE {
        return Err(UnusableValue::TooLong);
    }
    if value.iter().all(|byte| matches!(byte, b' '..=b'~' | b'\t')) {
        Ok(SecretValue(value.to_vec()))
    } else {
        Err(UnusableValue::Unprintable)
    }
}

#[cfg(test)]
mod tests;
