//! Whose bucket a request takes from: the values of a limit's keys, as one hash. The values themselves are kept nowhere.
//! Pure but for the hash's own key, which is the process's: nobody can choose values that meet.

use std::borrow::Cow;
use std::hash::{BuildHasher, Hash, Hasher};
use std::net::IpAddr;

use http::{HeaderMap, HeaderName};
use lambdaroute_proxy_config::v1alpha1::{LimitKey, limit_key};

/// What a limit tells callers apart by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Key {
    /// Who the caller was recognised as.
    Consumer,
    /// The trusted address; of IPv6 its /64, which is what one subscriber has.
    SourceIp,
    Header(HeaderName),
    /// Of the caller's token.
    Claim(String),
}

impl Key {
    /// None: not a key that this version knows, or a header's name that isn't one.
    pub(crate) fn new(key: &LimitKey) -> Option<Self> {
        Some(match key.key.as_ref()? {
            limit_key::Key::Consumer(_) => Key::Consumer,
            limit_key::Key::SourceIp(_) => Key::SourceIp,
            limit_key::Key::Header(name) => Key::Header(HeaderName::from_bytes(name.as_bytes()).ok()?),
            limit_key::Key::Claim(name) => Key::Claim(name.clone()),
        })
    }

    /// Whether its value is known before the caller is.
    pub(crate) fn needs_no_caller(&self) -> bool {
        matches!(self, Key::SourceIp | Key::Header(_))
    }
}

/// A caller that was recognised.
pub(crate) trait Recognised {
    /// What it was recognised by: names are unique among those of one method alone.
    fn method(&self) -> &[u8];
    /// Its name.
    fn name(&self) -> &str;
    /// A claim of its token, as text. None: no such claim, or no token.
    fn claim(&self, name: &str) -> Option<Cow<'_, str>>;
}

/// What is known of a request's origin.
#[derive(Clone, Copy)]
pub(crate) struct Subject<'a> {
    /// The trusted address of the caller.
    pub(crate) address: IpAddr,
    /// As the caller sent them.
    pub(crate) headers: &'a HeaderMap,
    /// Absent: the route recognises nobody, or it isn't known yet.
    pub(crate) caller: Option<&'a dyn Recognised>,
}

impl Subject<'_> {
    /// The hash of the values of these keys. A value that is missing is a value of its own: all who lack it share a bucket.
    pub(crate) fn hash(&self, keys: &[Key], process: &impl BuildHasher) -> u64 {
        let mut hasher = process.build_hasher();
        for key in keys {
            match key {
                Key::Consumer => self.caller.map(|caller| (caller.method(), caller.name())).hash(&mut hasher),
                Key::SourceIp => hash_address(self.address, &mut hasher),
                Key::Header(name) => self.hash_header(name, &mut hasher),
                Key::Claim(name) => self.caller.and_then(|caller| caller.claim(name)).hash(&mut hasher),
            }
        }
        hasher.finish()
    }

    /// All lines of it, in their order.
    fn hash_header(&self, name: &HeaderName, hasher: &mut impl Hasher) {
        for value in self.headers.get_all(name) {
            hasher.write_u8(1);
            value.as_bytes().hash(hasher);
        }
        hasher.write_u8(0);
    }
}

fn hash_address(address: IpAddr, hasher: &mut impl Hasher) {
    match address.to_canonical() {
        IpAddr::V4(address) => address.octets().hash(hasher),
        IpAddr::V6(address) => address.octets()[..8].hash(hasher),
    }
}

#[cfg(test)]
mod tests;
