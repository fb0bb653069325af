//! The address of a caller as a header value. Written once for requests of one caller that follow each other, as those of
//! one connection do, not once a request.

use std::net::IpAddr;

use http::HeaderValue;

/// See the module.
#[derive(Default)]
pub(crate) struct AddressText {
    written: Option<(IpAddr, HeaderValue)>,
}

impl AddressText {
    /// The address's canonical text.
    pub(crate) fn of(&mut self, address: IpAddr) -> Option<&HeaderValue> {
        if self.written.as_ref().is_none_or(|(written, _)| *written != address) {
            // An address has no byte that a header can't have.
            self.written = HeaderValue::try_from(address.to_string()).ok().map(|text| (address, text));
        }
        self.written.as_ref().map(|(_, text)| text)
    }
}
