//! The second that requests are signed in, as SigV4 writes it. Written once a second, not once a request.

use std::time::{SystemTime, UNIX_EPOCH};

use http::HeaderValue;

use super::SignError;

/// See the module.
#[derive(Default)]
pub(super) struct Second {
    written: Option<(u64, HeaderValue)>,
}

impl Second {
    /// `20261121T093000Z`
    pub(super) fn at(&mut self, time: SystemTime) -> Result<&HeaderValue, SignError> {
        let second = time.duration_since(UNIX_EPOCH).map_err(|_| SignError::Internal)?.as_secs();
        if self.written.as_ref().is_none_or(|(written, _)| *written != second) {
            let time = jiff::Timestamp::try_from(time).map_err(|_| SignError::Internal)?;
            let text = time.strftime("%Y%m%dT%H%M%SZ").to_string();
            let text = HeaderValue::try_from(text).map_err(|_| SignError::Internal)?;
            self.written = Some((second, text));
        }
        self.written.as_ref().map(|(_, text)| text).ok_or(SignError::Internal)
    }
}
