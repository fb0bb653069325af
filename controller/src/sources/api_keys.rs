//! API keys in a Secret: each data key is a consumer, each line of its value one of the consumer's keys. Pure. The keys
//! themselves go no further than this: what comes out has their digests, and no message ever shows one.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use k8s_openapi::ByteString;
use lambdaroute_proxy_config::v1alpha1::{Consumer, Consumers};
use sha2::{Digest, Sha256};

/// The fewest characters of a key. 16 characters of a random key are at least 64 bits, which nobody tries out.
pub const SHORTEST: usize = 16;

/// What a Secret's keys come to.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ApiKeys {
    /// By name, each with the digests of its keys, sorted. Consumers without a key are left out.
    pub consumers: Consumers,
    /// What wasn't taken, by consumer.
    pub refused: Vec<Refused>,
}

/// A consumer's key that isn't taken. The others still work.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Refused {
    /// The data key.
    pub consumer: String,
    /// Why.
    pub why: Why,
}

/// Why a key isn't taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Why {
    /// Fewer than [`SHORTEST`] characters.
    TooShort,
    /// A character that no HTTP header carries unchanged.
    Unprintable,
    /// Another consumer of this Secret has the same key: it names nobody.
    Shared,
    /// There is no key at all.
    Empty,
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { consumer, why } = self;
        match why {
            Why::TooShort => write!(f, "a key of the consumer {consumer} has fewer than {SHORTEST} characters"),
            Why::Unprintable => write!(f, "a key of the consumer {consumer} has characters other than printable ASCII"),
            Why::Shared => write!(f, "a key of the consumer {consumer} is another consumer's too"),
            Why::Empty => write!(f, "the consumer {consumer} has no key"),
        }
    }
}

/// Reads a Secret's data.
pub fn read(data: &BTreeMap<String, ByteString>) -> ApiKeys {
    let mut refused = BTreeSet::new();
    let mut holders: BTreeMap<[u8; 32], BTreeSet<&str>> = BTreeMap::new();
    for (consumer, value) in data {
        let mut empty = true;
        for key in value.0.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii).filter(|key| !key.is_empty()) {
            empty = false;
            match check(key) {
                Ok(()) => {
                    holders.entry(Sha256::digest(key).into()).or_default().insert(consumer);
                }
                Err(why) => {
                    refused.insert(Refused { consumer: consumer.clone(), why });
                }
            }
        }
        if empty {
            refused.insert(Refused { consumer: consumer.clone(), why: Why::Empty });
        }
    }
    let mut digests: BTreeMap<&str, Vec<Vec<u8>>> = BTreeMap::new();
    for (digest, consumers) in &holders {
        for consumer in consumers {
            if consumers.len() == 1 {
                digests.entry(consumer).or_default().push(digest.to_vec());
            } else {
                refused.insert(Refused { consumer: (*consumer).to_owned(), why: Why::Shared });
            }
        }
    }
    let consumers = digests.into_iter().map(|(name, sha256)| Consumer { name: name.to_owned(), sha256 }).collect();
    ApiKeys { consumers: Consumers { consumers }, refused: refused.into_iter().collect() }
}

/// A header carries visible ASCII and spaces between them unchanged (RFC 9110 section 5.5); spaces around it are cut off.
fn check(key: &[u8]) -> Result<(), Why> {
    if !key.iter().all(|byte| matches!(byte, b' '..=b'~')) {
        return Err(Why::Unprintable);
    }
    if key.len() < SHORTEST { Err(Why::TooShort) } else { Ok(()) }
}

#[cfg(test)]
mod tests;
