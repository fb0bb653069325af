//! Words of AWS or of a proxy that stand in status, without what is another with every try: request ids and times. Pure.

/// What stands in the place of what changes.
const LEFT_OUT: &str = "\u{2026}";

/// The text without UUIDs, RFC 3339 times and Unix times; names, codes and account ids stay.
pub fn steady(text: &str) -> String {
    let part = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == ':';
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find(part) {
        let (before, tail) = rest.split_at(start);
        let end = tail.find(|c| !part(c)).unwrap_or(tail.len());
        let (word, after) = tail.split_at(end);
        let core = word.trim_matches(':');
        out.push_str(before);
        if changes(core) {
            out.push_str(&word.replace(core, LEFT_OUT));
        } else {
            out.push_str(word);
        }
        rest = after;
    }
    out.push_str(rest);
    out
}

fn changes(word: &str) -> bool {
    let all = |text: &str, of: fn(&u8) -> bool| !text.is_empty() && text.as_bytes().iter().all(of);
    let uuid = || {
        let lengths: Vec<usize> = word.split('-').map(str::len).collect();
        lengths == [8, 4, 4, 4, 12] && word.split('-').all(|part| all(part, u8::is_ascii_hexdigit))
    };
    // Of seconds or milliseconds; an account's id has 12 digits.
    let unix = || [10, 13].contains(&word.len()) && all(word, u8::is_ascii_digit);
    let date = || {
        let bytes = word.as_bytes();
        bytes.get(4) == Some(&b'-') && bytes.get(7) == Some(&b'-') && bytes.get(10) == Some(&b'T')
    };
    uuid() || unix() || date()
}

#[cfg(test)]
mod tests {
    use super::steady;

    #[test]
    fn what_changes_with_every_try_is_left_out_and_nothing_else() {
        for (text, steadied) in [
            (
                "AccessDenied: not for arn:aws:iam::111122223333:role/proxies (request id: 0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0)",
                "AccessDenied: not for arn:aws:iam::111122223333:role/proxies (request id: \u{2026})",
            ),
            (
                "Token expired: current date/time 1795253400 must be before the expiration date/time 1795253399",
                "Token expired: current date/time \u{2026} must be before the expiration date/time \u{2026}",
            ),
            ("expired at 2026-11-28T07:46:06Z: renew it", "expired at \u{2026}: renew it"),
            ("connect to 10.0.0.1:443: refused (os error 111)", "connect to 10.0.0.1:443: refused (os error 111)"),
            ("", ""),
        ] {
            assert_eq!(steady(text), steadied);
        }
    }
}
