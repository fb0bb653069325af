//! What is a block, and what isn't.

use super::*;

fn parsed(text: &str) -> String {
    parse_source_range(text).map_or_else(|error| error.to_string(), |block| block.to_string())
}

#[test]
fn blocks_of_both_families_are_read() {
    assert_eq!(parsed("10.0.0.0/8"), "10.0.0.0/8");
    assert_eq!(parsed("10.1.2.3/8"), "10.0.0.0/8");
    assert_eq!(parsed("2001:db8::/32"), "2001:db8::/32");
    assert_eq!(parsed("0.0.0.0/0"), "0.0.0.0/0");
    assert_eq!(parsed("::/0"), "::/0");
}

#[test]
fn a_block_of_mapped_addresses_is_one_of_ipv4() {
    assert_eq!(parsed("::ffff:10.9.0.0/112"), "10.9.0.0/16");
    assert_eq!(parsed("::ffff:0.0.0.0/96"), "0.0.0.0/0");
}

#[test]
fn what_is_no_block_is_refused_with_the_remedy() {
    for text in ["", "10.0.0.1", "10.0.0.0/33", "10.0.0.0/-1", "example.com/8", "10.0.0.0/8 ", "::/129"] {
        assert!(parse_source_range(text).is_err(), "{text}");
    }
    assert!(parsed("10/8").contains("write 10.0.0.0/8"));
}
