//! How large a request's head may be. Pure. hyper has a limit of its own, which it answers without a word; this one is
//! before it.

use http::request::Parts;
use lambdaroute_proxy_config::cause::Cause;

use crate::problem::Refused;

/// Of one request.
#[derive(Clone, Copy, Debug)]
pub(crate) struct HeadLimit {
    /// The request line's target and the headers, each with the four bytes around it.
    pub(crate) bytes: usize,
    /// Headers.
    pub(crate) count: usize,
}

impl HeadLimit {
    /// Refuses a head that is larger.
    pub(crate) fn check(&self, parts: &Parts) -> Result<(), Refused> {
        if parts.headers.len() > self.count {
            return Err(too_large(format!("a request may have at most {} headers", self.count)));
        }
        let target = parts.uri.path().len() + parts.uri.query().map_or(0, str::len);
        let headers: usize = parts.headers.iter().map(|(name, value)| name.as_str().len() + value.len() + 4).sum();
        if target + headers > self.bytes {
            return Err(too_large(format!("a request's headers may have at most {} bytes", self.bytes)));
        }
        Ok(())
    }
}

fn too_large(detail: String) -> Refused {
    Refused::new(Cause::HeadersTooLarge, detail)
}

#[cfg(test)]
mod tests;
