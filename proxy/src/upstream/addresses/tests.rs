//! The families take turns.

use super::*;

#[test]
fn families_take_turns_and_ipv6_begins() {
    let addresses = |texts: &[&str]| texts.iter().map(|text| text.parse().unwrap()).collect::<Vec<IpAddr>>();
    assert_eq!(
        in_turn(addresses(&["10.0.0.1", "10.0.0.2", "10.0.0.3", "fd00::1", "fd00::2"])),
        addresses(&["fd00::1", "10.0.0.1", "fd00::2", "10.0.0.2", "10.0.0.3"])
    );
    assert_eq!(in_turn(addresses(&["10.0.0.2", "10.0.0.1"])), addresses(&["10.0.0.2", "10.0.0.1"]));
    assert!(in_turn([]).is_empty());
}
