//! Which proxies a route lives on: rendezvous hashing, spread over zones, then nodes. Pure, and the same in every release,
//! so that a change of leader moves nothing.

use sha2::{Digest, Sha256};

/// A proxy that may get routes.
#[derive(Clone, Copy, Debug)]
pub struct Candidate<'a, I> {
    /// Who it is.
    pub id: &'a I,
    /// [`key`] of its identity.
    pub key: u64,
    /// Its zone; empty where unknown.
    pub zone: &'a str,
    /// Its node; empty where unknown.
    pub node: &'a str,
}

/// The hash of a route's or a proxy's identity. Computed once, as it is compared very often.
pub fn key(identity: &str) -> u64 {
    let digest = Sha256::digest(identity.as_bytes());
    digest.iter().take(8).fold(0, |key, byte| (key << 8) | u64::from(*byte))
}

/// How much a route prefers a proxy, by their [`key`]s: the more, the sooner it is chosen.
pub fn weight(route: u64, proxy: u64) -> u64 {
    mix(route ^ proxy)
}

/// The proxies for a route, at most `count`, in the order of choice. A zone gets its second one only when every zone has
/// one, and so for nodes within a zone. A proxy that isn't chosen can go without any change for this route.
pub fn choose<'a, I>(route: u64, count: usize, candidates: &[Candidate<'a, I>]) -> Vec<&'a I> {
    let mut left: Vec<(u64, Candidate<'a, I>)> =
        candidates.iter().map(|c| (weight(route, c.key), Candidate { ..*c })).collect();
    let mut chosen: Vec<Candidate<'a, I>> = Vec::new();
    while chosen.len() < count {
        let best = left
            .iter()
            .enumerate()
            .min_by_key(|(_, (score, c))| {
                let zone = chosen.iter().filter(|other| other.zone == c.zone).count();
                let node = chosen.iter().filter(|other| other.zone == c.zone && other.node == c.node).count();
                (zone, node, std::cmp::Reverse(*score), c.key)
            })
            .map(|(index, _)| index);
        let Some(best) = best else { break };
        chosen.push(left.swap_remove(best).1);
    }
    chosen.into_iter().map(|c| c.id).collect()
}

/// The finalizer of SplitMix64: every bit of the input moves every bit of the output.
fn mix(value: u64) -> u64 {
    let mut z = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests;
