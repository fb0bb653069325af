//! A number of bytes as Kubernetes writes it. Pure.

/// `1048576`, `64Ki`, `256Mi` or `1Gi`; at least one.
pub(super) fn size(text: &str) -> Result<usize, String> {
    let (number, unit) = match text.find(|c: char| !c.is_ascii_digit()) {
        Some(at) => text.split_at(at),
        None => (text, ""),
    };
    let unit: usize = match unit {
        "" => 1,
        "Ki" => 1 << 10,
        "Mi" => 1 << 20,
        "Gi" => 1 << 30,
        _ => return Err(format!("{text:?} is not a size: write 1048576, 64Ki, 256Mi or 1Gi")),
    };
    let bytes = number.parse::<usize>().ok().and_then(|number| number.checked_mul(unit));
    bytes.filter(|bytes| *bytes > 0).ok_or_else(|| format!("{text:?} is not a size: write 1048576, 64Ki, 256Mi or 1Gi"))
}

/// A size that headers fit in: HTTP/1.1's buffer is never smaller.
pub(super) fn header_size(text: &str) -> Result<usize, String> {
    size(text).and_then(|bytes| if bytes < 8192 { Err("must be at least 8Ki".to_owned()) } else { Ok(bytes) })
}
