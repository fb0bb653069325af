//! Who is let on by address.

use super::*;

fn ranges(allow: &[&str], deny: &[&str]) -> SourceRanges {
    let blocks = |blocks: &[&str]| blocks.iter().map(|&block| block.to_owned()).collect();
    SourceRanges::new(&v1alpha1::SourceRanges { allow: blocks(allow), deny: blocks(deny) }).unwrap()
}

fn admits(ranges: &SourceRanges, address: &str) -> bool {
    ranges.admit(address.parse().unwrap())
}

#[test]
fn a_deny_goes_before_an_allow() {
    let ranges = ranges(&["10.0.0.0/8", "2001:db8::/32"], &["10.9.0.0/16", "2001:db8:9::/48"]);
    for (address, admitted) in [
        ("10.1.2.3", true),
        ("10.9.2.3", false),
        ("192.0.2.1", false),
        ("2001:db8::1", true),
        ("2001:db8:9::1", false),
        ("2001:db9::1", false),
    ] {
        assert_eq!(admits(&ranges, address), admitted, "{address}");
    }
}

#[test]
fn without_an_allow_all_may_call_who_are_not_denied() {
    let ranges = ranges(&[], &["10.9.0.0/16"]);
    assert!(admits(&ranges, "192.0.2.1") && admits(&ranges, "::1"));
    assert!(!admits(&ranges, "10.9.0.1"));
}

#[test]
fn an_ipv4_caller_on_an_ipv6_socket_is_an_ipv4_caller() {
    let ranges = ranges(&[], &["10.9.0.0/16"]);
    assert!(!admits(&ranges, "::ffff:10.9.0.1"));
    assert!(
        !admits(&self::ranges(&[], &["::ffff:10.9.0.0/112"]), "10.9.0.1"),
        "nor does the spelling of a block matter"
    );
}

#[test]
fn all_of_a_family_is_not_all_of_the_other() {
    assert!(!admits(&ranges(&["0.0.0.0/0"], &[]), "2001:db8::1"));
    assert!(!admits(&ranges(&["::/0"], &[]), "192.0.2.1"));
}

#[test]
fn a_block_that_cannot_be_read_is_never_left_out() {
    let wrong = v1alpha1::SourceRanges { allow: vec!["10.0.0.0/8".into()], deny: vec!["10.9/16".into()] };
    assert!(SourceRanges::new(&wrong).is_err());
}
