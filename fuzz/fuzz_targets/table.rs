//! Any messages of a controller: the table takes or refuses them, and whatever it takes can be made ready to serve or is
//! refused. Each message is preceded by its length in two bytes.
#![no_main]

use lambdaroute_proxy::internals::Tables;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let mut tables = Tables::default();
    let mut rest = input;
    while let [high, low, after @ ..] = rest {
        let length = usize::from(u16::from_be_bytes([*high, *low])).min(after.len());
        let (message, after) = after.split_at(length);
        tables.take(message);
        rest = after;
    }
});
