//! Who may see what a proxy runs.

use super::*;

#[test]
fn the_configuration_is_for_loopback_alone() {
    for (peer, may) in [
        ("127.0.0.1", true),
        ("127.9.9.9", true),
        ("::1", true),
        ("::ffff:127.0.0.1", true),
        ("10.0.0.1", false),
        ("::ffff:10.0.0.1", false),
        ("fd00::1", false),
        ("0.0.0.0", false),
    ] {
        assert_eq!(may_see_config(peer.parse().unwrap()), may, "{peer}");
    }
}
