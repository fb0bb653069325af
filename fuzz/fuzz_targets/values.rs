//! Any text as a block of addresses and as a duration: what is taken says the same when it is written and read again.
#![no_main]

use lambdaroute_proxy::internals::parse_duration;
use lambdaroute_proxy_config::parse_source_range;
use libfuzzer_sys::fuzz_target;

#[allow(dead_code)]
#[path = "../../controller/src/duration.rs"]
mod controller_duration;

fuzz_target!(|text: &str| {
    if let Ok(block) = parse_source_range(text) {
        assert_eq!(parse_source_range(&block.to_string()).unwrap(), block);
        assert!(block.contains(&block.addr()) && block.contains(&block.network()));
    }
    let _ = parse_duration(text);
    let _ = controller_duration::parse(text);
});
