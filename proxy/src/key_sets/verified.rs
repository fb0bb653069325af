//! Tokens whose signature has been verified, so that it isn't again for each request. Bounded; read and written without a
//! lock. It holds what is true for ever of these keys and these bytes; times and audiences are judged anew each time.
//!
//! Nobody can fill it but with tokens that the issuer has signed.

use std::sync::{Arc, OnceLock};

use arc_swap::ArcSwapOption;

use crate::auth::claims::Claims;

/// Places of a key set.
const PLACES: usize = 1024;
/// A longer token isn't kept: as many as there are places must fit in memory.
const LONGEST: usize = 4 * 1024;

#[derive(Debug)]
struct Entry {
    digest: [u8; 32],
    claims: Arc<Claims>,
}

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Verified(OnceLock<Box<[ArcSwapOption<Entry>]>>);

impl Verified {
    pub(crate) fn get(&self, digest: &[u8; 32]) -> Option<Arc<Claims>> {
        let places = self.0.get()?;
        ways(digest).into_iter().find_map(|place| {
            let entry = places.get(place)?.load();
            entry.as_ref().filter(|entry| entry.digest == *digest).map(|entry| entry.claims.clone())
        })
    }

    pub(crate) fn put(&self, digest: &[u8; 32], length: usize, claims: &Arc<Claims>) {
        if length > LONGEST {
            return;
        }
        let places = self.0.get_or_init(|| (0..PLACES).map(|_| ArcSwapOption::empty()).collect());
        let [first, second] = ways(digest);
        let is_free = |place: usize| places.get(place).is_some_and(|place| place.load().is_none());
        // Where both are taken, the second gives way.
        let place = if is_free(first) { first } else { second };
        if let Some(place) = places.get(place) {
            place.store(Some(Arc::new(Entry { digest: *digest, claims: claims.clone() })));
        }
    }
}

/// Two places for each token, so that two that want the same one don't push each other out in turn.
fn ways(digest: &[u8; 32]) -> [usize; 2] {
    let [a, b, c, d, ..] = *digest;
    [usize::from(u16::from_le_bytes([a, b])) % PLACES, usize::from(u16::from_le_bytes([c, d])) % PLACES]
}
