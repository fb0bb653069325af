//! How many connections there may be where nobody says it.

use super::*;

#[test]
fn unfinished_heads_never_take_more_than_half_of_the_memory() {
    let limits = |bytes| ConnectionLimits {
        header_read_timeout: Duration::from_secs(60),
        send_timeout: Duration::from_secs(60),
        head: HeadLimit { bytes, count: 100 },
        max_streams: 128,
        max_requests: 10_000,
    };
    let (small, large) = (limits(32 * 1024), limits(256 * 1024));
    for (memory, connections) in [(256 << 20, 2048), (1 << 30, 8192), (8 << 30, 10_000), (0, 1)] {
        assert_eq!(small.most_connections(memory), connections, "{memory} bytes");
    }
    assert_eq!(large.most_connections(1 << 30), 1024, "larger heads, fewer connections");
}
