//! How a caller is told what to bring: `WWW-Authenticate` (RFC 9110 section 11.6.1, RFC 6750 section 3) and a sentence. Pure.
//! Nothing in it depends on what was wrong.

use http::HeaderValue;

use super::method::Method;

/// To a caller who is known.
pub(crate) const FORBIDDEN: &str = "the token is valid, but this route doesn't admit whom it names";

/// See the module.
#[derive(Debug)]
pub(crate) struct Challenges {
    bearer: bool,
    api_key: bool,
}

impl Challenges {
    pub(crate) fn new(methods: &[Method]) -> Self {
        let by_key = |method: &Method| method.key_header().is_some();
        Challenges { bearer: !methods.iter().all(by_key), api_key: methods.iter().any(by_key) }
    }

    /// Nobody was recognised. `given`: there was a bearer token.
    pub(crate) fn unauthenticated(&self, given: bool) -> Vec<HeaderValue> {
        let bearer = if given {
            HeaderValue::from_static("Bearer realm=\"lambdaroute\", error=\"invalid_token\"")
        } else {
            HeaderValue::from_static("Bearer realm=\"lambdaroute\"")
        };
        // No scheme is registered for keys in a header of their own; 401 needs a challenge, and this is what others send.
        let api_key = HeaderValue::from_static("ApiKey realm=\"lambdaroute\"");
        let lines = [self.bearer.then_some(bearer), self.api_key.then_some(api_key)];
        lines.into_iter().flatten().collect()
    }

    /// The token is valid and not enough.
    pub(crate) fn insufficient(&self) -> Vec<HeaderValue> {
        vec![HeaderValue::from_static("Bearer realm=\"lambdaroute\", error=\"insufficient_scope\"")]
    }
}

/// What the methods want, as a sentence. Made for each refusal: kept with each route, it would take 100 bytes of all for what
/// few ever tell.
pub(crate) fn wants(methods: &[Method]) -> String {
    let mut ways: Vec<String> = Vec::new();
    for method in methods {
        let way = match method.key_header() {
            Some(header) => format!("an API key in {header}"),
            None => "a bearer token in authorization".to_owned(),
        };
        if !ways.contains(&way) {
            ways.push(way);
        }
    }
    format!("this route wants {}; there was none, or none that is valid here", ways.join(" or "))
}
