//! An answer on its way to its caller.

use bytes::Bytes;
use http::{HeaderMap, Response, StatusCode};
use lambdaroute_proxy_config::cause::Cause;

use crate::response_body::ResponseBody;

/// An answer, and why it isn't the function's own.
pub(crate) struct Answer {
    pub(crate) response: Response<ResponseBody>,
    pub(crate) cause: Option<Cause>,
    /// It says already what CORS has to say.
    pub(crate) is_preflight: bool,
}

/// The answer to a preflight: the function isn't asked.
pub(crate) fn preflight(headers: HeaderMap) -> Answer {
    let mut response = Response::new(ResponseBody::bytes(Bytes::new()));
    *response.status_mut() = StatusCode::NO_CONTENT;
    *response.headers_mut() = headers;
    Answer { response, cause: None, is_preflight: true }
}
