//! The text of all metrics, for whoever scrapes it. It is large with many routes, and is in memory until it is taken: who takes it
//! slowly gets no memory of his own beyond a few.

use std::sync::{Arc, Weak};

use bytes::Bytes;

/// See the module.
#[derive(Default)]
pub(crate) struct Scrapes {
    /// Texts, the oldest first.
    told: Vec<Weak<String>>,
}

struct Held(Arc<String>);

impl AsRef<[u8]> for Held {
    fn as_ref(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

impl Scrapes {
    /// A new text; where as many as may be are still being taken, the newest of those again.
    pub(super) fn tell(&mut self, text: impl FnOnce() -> String) -> Bytes {
        self.told.retain(|text| text.strong_count() > 0);
        let newest = || self.told.last().and_then(Weak::upgrade);
        let text = match (self.told.len() >= super::SCRAPES).then(newest).flatten() {
            Some(newest) => newest,
            None => {
                let text = Arc::new(text());
                self.told.push(Arc::downgrade(&text));
                text
            }
        };
        Bytes::from_owner(Held(text))
    }
}

#[cfg(test)]
mod tests;
