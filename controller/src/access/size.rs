//! How large the access fields may be: what proxies serve is remembered in an annotation.

use super::Access;

/// The most bytes of access fields, as JSON. All annotations of an object together have 256 KiB, and others need some.
/// Source: <https://github.com/kubernetes/apimachinery/blob/master/pkg/api/validation/objectmeta.go>
pub const MOST_BYTES: usize = 128 * 1024;

pub(super) fn judge(access: &Access) -> Result<(), String> {
    let bytes = serde_json::json!(access).to_string().len();
    if bytes <= MOST_BYTES {
        return Ok(());
    }
    Err(format!(
        "spec.auth and the other fields on access take {bytes} bytes, more than the {MOST_BYTES} that can be remembered: put \
         consumers into Secrets (spec.auth.methods[].apiKey.secretRefs)"
    ))
}
