//! CORS as the Fetch standard has it (<https://fetch.spec.whatwg.org/#http-cors-protocol>): who may read an answer is said
//! here, and the browser enforces it. Pure. Whatever the function says about it is replaced.
//!
//! `*` is sent as it stands, never turned into the caller's origin: with credentials a browser reads it as a name, so that
//! "any origin, with credentials" admits nobody, as the standard wants.

use http::header::{
    ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS,
    ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_METHOD,
    ORIGIN, VARY,
};
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use lambdaroute_proxy_config::v1alpha1;

const ANY: &str = "*";

/// A route's CORS, its header values made once.
#[derive(Debug)]
pub(crate) struct Cors {
    any_origin: bool,
    origins: Box<[HeaderValue]>,
    credentials: bool,
    methods: Option<HeaderValue>,
    headers: Option<HeaderValue>,
    expose: Option<HeaderValue>,
    max_age: Option<HeaderValue>,
}

/// Something in it can't be said in a header.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("cors.{field}: {value:?} can't be said in a header: {expected}")]
pub(crate) struct CorsError {
    field: &'static str,
    value: String,
    expected: &'static str,
}

/// Whether it is a preflight: an OPTIONS request of an origin that names the method that it is for. Any other OPTIONS is
/// an ordinary request.
pub(crate) fn is_preflight(method: &Method, headers: &HeaderMap) -> bool {
    method == Method::OPTIONS && headers.contains_key(ORIGIN) && headers.contains_key(ACCESS_CONTROL_REQUEST_METHOD)
}

/// The origin of a request. Absent: none, or more than one, which no browser sends.
pub(crate) fn origin(headers: &HeaderMap) -> Option<HeaderValue> {
    let mut lines = headers.get_all(ORIGIN).iter();
    let origin = lines.next().cloned();
    origin.filter(|_| lines.next().is_none())
}

impl Cors {
    /// # Errors
    /// An origin that is no header value, or a method or header that is no token (RFC 9110 section 5.6.2).
    pub(crate) fn new(cors: &v1alpha1::Cors) -> Result<Self, CorsError> {
        let mut origins = Vec::new();
        for origin in cors.allow_origins.iter().filter(|origin| *origin != ANY) {
            let expected = "write it as browsers send it, as in https://shop.example";
            let error = || CorsError { field: "allow_origins", value: origin.clone(), expected };
            origins.push(HeaderValue::from_str(origin).map_err(|_| error())?);
        }
        Ok(Cors {
            any_origin: cors.allow_origins.iter().any(|origin| origin == ANY),
            origins: origins.into(),
            credentials: cors.allow_credentials,
            methods: list("allow_methods", &cors.allow_methods)?,
            headers: list("allow_headers", &cors.allow_headers)?,
            expose: list("expose_headers", &cors.expose_headers)?,
            max_age: cors.max_age_s.map(HeaderValue::from),
        })
    }

    /// The headers of a preflight's answer. One of an origin that isn't allowed says nothing of what is.
    pub(crate) fn preflight(&self, origin: Option<&HeaderValue>) -> HeaderMap {
        let mut headers = HeaderMap::new();
        if self.allow(origin, &mut headers) {
            let lists = [
                (ACCESS_CONTROL_ALLOW_METHODS, &self.methods),
                (ACCESS_CONTROL_ALLOW_HEADERS, &self.headers),
                (ACCESS_CONTROL_MAX_AGE, &self.max_age),
            ];
            for (name, value) in lists {
                if let Some(value) = value {
                    headers.insert(name, value.clone());
                }
            }
        }
        headers
    }

    /// Makes the headers of any other answer say what this route says, the function's own or a refusal.
    pub(crate) fn answer(&self, origin: Option<&HeaderValue>, headers: &mut HeaderMap) {
        let theirs: Vec<HeaderName> =
            headers.keys().filter(|name| name.as_str().starts_with("access-control-")).cloned().collect();
        for name in theirs {
            headers.remove(name);
        }
        if self.allow(origin, headers)
            && let Some(expose) = &self.expose
        {
            headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, expose.clone());
        }
    }

    /// Says whether this origin may read, and to caches that it depends on the origin.
    fn allow(&self, origin: Option<&HeaderValue>, headers: &mut HeaderMap) -> bool {
        if !self.any_origin {
            vary_by_origin(headers);
        }
        // Compared byte by byte: an origin has one serialisation.
        let Some(origin) = origin else { return false };
        let value = if self.any_origin {
            HeaderValue::from_static(ANY)
        } else if self.origins.contains(origin) {
            origin.clone()
        } else {
            return false;
        };
        headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, value);
        if self.credentials && !self.any_origin {
            headers.insert(ACCESS_CONTROL_ALLOW_CREDENTIALS, HeaderValue::from_static("true"));
        }
        true
    }
}

fn vary_by_origin(headers: &mut HeaderMap) {
    let varies = headers.get_all(VARY).iter().any(|value| {
        value.as_bytes().split(|&byte| byte == b',').any(|name| {
            let name = name.trim_ascii();
            name == ANY.as_bytes() || name.eq_ignore_ascii_case(b"origin")
        })
    });
    if !varies {
        headers.append(VARY, HeaderValue::from_static("Origin"));
    }
}

fn list(field: &'static str, items: &[String]) -> Result<Option<HeaderValue>, CorsError> {
    let token = |item: &&String| HeaderName::from_bytes(item.as_bytes()).is_ok();
    let expected = "write a method or a header name, or * for any";
    if let Some(wrong) = items.iter().find(|item| !token(item)) {
        return Err(CorsError { field, value: wrong.clone(), expected });
    }
    if items.is_empty() {
        return Ok(None);
    }
    let joined = items.join(", ");
    HeaderValue::from_str(&joined).map(Some).map_err(|_| CorsError { field, value: joined, expected })
}

#[cfg(test)]
mod tests;
