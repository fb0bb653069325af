//! JSON Web Key Sets (RFC 7517) as issuers publish them, brought to what proxies may have: public keys to verify signatures
//! with, and of each the members that this needs. Pure. Symmetric keys and private members go no further.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value};

/// Why a document has no keys. The texts reach status: they never show the document's own words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JwksError {
    /// Not JSON, or no `keys`.
    #[error("the answer is not a JSON Web Key Set: it must be a JSON object with the list keys")]
    NotASet,
    /// More keys than anybody has.
    #[error("the key set has more than {MAX_KEYS} keys")]
    TooMany,
}

/// The most keys of a set: each unknown one makes a proxy try them all.
pub const MAX_KEYS: usize = 100;

/// The fewest bytes of an RSA modulus, 2048 bits (RFC 7518 section 3.3).
const RSA_BYTES: usize = 256;

/// What a key is known by, in the order in which it is written.
const COMMON: [&str; 4] = ["kty", "kid", "alg", "use"];

/// The public keys of a document, in its order, as a JSON text that is equal whenever they are. It may hold none.
///
/// # Errors
/// The document is no key set.
pub fn public(document: &[u8]) -> Result<String, JwksError> {
    let document: Value = serde_json::from_slice(document).map_err(|_| JwksError::NotASet)?;
    let keys = document.get("keys").and_then(Value::as_array).ok_or(JwksError::NotASet)?;
    if keys.len() > MAX_KEYS {
        return Err(JwksError::TooMany);
    }
    let keys: Vec<Value> = keys.iter().filter_map(public_key).collect();
    Ok(serde_json::json!({"keys": keys}).to_string())
}

/// How many keys a text of [`public`] has.
pub fn count(public: &str) -> usize {
    let document: Value = serde_json::from_str(public).unwrap_or_default();
    document.get("keys").and_then(Value::as_array).map_or(0, Vec::len)
}

/// The key without anything that verifying doesn't need. None: it can't verify, or is too weak.
fn public_key(key: &Value) -> Option<Value> {
    let text = |name: &str| key.get(name).and_then(Value::as_str);
    let members: &[&str] = match text("kty")? {
        "RSA" => &["n", "e"],
        "EC" => &["crv", "x", "y"],
        "OKP" => &["crv", "x"],
        _ => return None,
    };
    if key.get("use").is_some() && text("use") != Some("sig") {
        return None;
    }
    let verifies = |operations: &Vec<Value>| operations.iter().any(|operation| operation == "verify");
    if key.get("key_ops").is_some_and(|operations| !operations.as_array().is_some_and(verifies)) {
        return None;
    }
    if text("kty") == Some("RSA") && !URL_SAFE_NO_PAD.decode(text("n")?).is_ok_and(|n| significant(&n) >= RSA_BYTES) {
        return None;
    }
    let mut kept = Map::new();
    for name in members {
        kept.insert((*name).to_owned(), text(name)?.into());
    }
    for name in COMMON {
        if let Some(value) = text(name) {
            kept.insert(name.to_owned(), value.into());
        }
    }
    Some(kept.into())
}

fn significant(number: &[u8]) -> usize {
    number.iter().skip_while(|byte| **byte == 0).count()
}

#[cfg(test)]
mod tests;
