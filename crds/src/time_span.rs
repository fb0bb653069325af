//! Durations in a manifest, as Gateway API writes them (GEP-2257: `30s`, `1m30s`).
//! Source: <https://gateway-api.sigs.k8s.io/geps/gep-2257/>

use std::time::Duration;

use kube::core::Rule;

/// The longest text that is one: four parts of five digits and two letters.
pub(crate) const MAX_LENGTH: u32 = 28;

/// A field that is a duration from `least` to `most`.
pub(crate) fn rule(field: &str, least: &str, most: &str) -> Rule {
    Rule::new(format!(
        "self.matches('^([0-9]{{1,5}}(h|m|s|ms)){{1,4}}$') && duration(self) >= duration('{least}') && duration(self) <= \
         duration('{most}')"
    ))
    .message(format!("{field} must be a duration from {least} to {most}, such as 30s or 1m30s").as_str())
}

/// A field that is a duration of whole seconds from `least` to `most`.
pub(crate) fn rule_of_seconds(field: &str, least: &str, most: &str) -> Rule {
    Rule::new(format!(
        "self.matches('^([0-9]{{1,5}}(h|m|s)){{1,4}}$') && duration(self) >= duration('{least}') && duration(self) <= \
         duration('{most}')"
    ))
    .message(
        format!("{field} must be a duration of whole seconds from {least} to {most}, such as 30s or 1m30s").as_str(),
    )
}

/// Reads a duration. None: it isn't one.
pub fn parse(text: &str) -> Option<Duration> {
    let (mut rest, mut total, mut parts) = (text, Duration::ZERO, 0);
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit())?;
        let number: u64 = (1..=5).contains(&digits).then(|| rest[..digits].parse().ok()).flatten()?;
        rest = &rest[digits..];
        let unit = rest.find(|c: char| c.is_ascii_digit()).unwrap_or(rest.len());
        let millis = match &rest[..unit] {
            "ms" => 1,
            "s" => 1_000,
            "m" => 60_000,
            "h" => 3_600_000,
            _ => return None,
        };
        total += Duration::from_millis(number * millis);
        rest = &rest[unit..];
        parts += 1;
    }
    (1..=4).contains(&parts).then_some(total)
}

#[cfg(test)]
mod tests;
