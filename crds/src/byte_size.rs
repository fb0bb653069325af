//! Sizes in a manifest: Kubernetes quantities of whole bytes (`512Ki`, `6Mi`).
//! Source: <https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/quantity/>

use kube::core::Rule;

/// The longest text that is one.
pub(crate) const MAX_LENGTH: u32 = 16;

/// A field that is a size from one byte to `most`.
pub(crate) fn rule(field: &str, most: &str) -> Rule {
    Rule::new(format!(
        "self.matches('^[0-9]{{1,13}}(k|M|Ki|Mi)?$') && quantity(self).isGreaterThan(quantity('0')) && \
         !quantity(self).isGreaterThan(quantity('{most}'))"
    ))
    .message(format!("{field} must be a size of at least one byte and at most {most}, such as 512Ki or 1Mi").as_str())
}

/// Reads a size in bytes. None: it isn't one.
pub fn parse(text: &str) -> Option<u64> {
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let number: u64 = text[..digits].parse().ok()?;
    number.checked_mul(match &text[digits..] {
        "" => 1,
        "k" => 1_000,
        "M" => 1_000_000,
        "Ki" => 1 << 10,
        "Mi" => 1 << 20,
        _ => return None,
    })
}

#[cfg(test)]
mod tests;
