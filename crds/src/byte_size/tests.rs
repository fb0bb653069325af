//! Sizes as Kubernetes writes them.

use super::parse;

#[test]
fn sizes_are_read_as_kubernetes_writes_them() {
    for (text, bytes) in [("1", 1), ("6Mi", 6_291_456), ("512Ki", 524_288), ("6M", 6_000_000), ("10k", 10_000)] {
        assert_eq!(parse(text), Some(bytes), "{text}");
    }
}

#[test]
fn what_is_no_size_of_whole_bytes_is_none() {
    for text in ["", "Mi", "1.5Mi", "-1", "1Gi", "1m", "1 Mi", "99999999999999999999", "18446744073709551615Mi"] {
        assert_eq!(parse(text), None, "{text}");
    }
}
