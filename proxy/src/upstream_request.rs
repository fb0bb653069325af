//! The request as it leaves: what is sent is what is signed. No clock: the time is a value.

use std::cell::RefCell;
use std::time::SystemTime;

use http::header::{CONTENT_LENGTH, HOST};
use http::request::Parts;
use http::{HeaderValue, Method, Request, Uri, Version};
use lambdaroute_proxy_config::cause::Cause;

use crate::access::Caller;
use crate::aws::CredentialStore;
use crate::body::Received;
use crate::canonical::{Target, TooLong};
use crate::headers::{Outgoing, to_upstream};
use crate::problem::Refused;
use crate::request_body::RequestBody;
use crate::served_route::ServedRoute;
use crate::sign::{SignError, Signable, Signer};

thread_local! {
    /// What writing and signing a request keeps for the next request of this thread.
    static SIGNING: RefCell<(Target, Signer)> = RefCell::default();
}

/// Makes a caller's request the one to send, signed with the credentials that are valid now where the route wants that.
pub(crate) fn upstream_request(
    route: &ServedRoute,
    caller: &Caller,
    parts: Parts,
    body: &Received,
    credentials: &CredentialStore,
    now: SystemTime,
) -> Result<Request<RequestBody>, Refused> {
    let origin = Origin { route, caller, body, credentials, now };
    SIGNING.with_borrow_mut(|(target, signer)| origin.request(parts, target, signer))
}

/// All that a request is made of, besides what its caller wrote.
struct Origin<'a> {
    route: &'a ServedRoute,
    caller: &'a Caller,
    body: &'a Received,
    credentials: &'a CredentialStore,
    now: SystemTime,
}

impl Origin<'_> {
    fn request(
        &self,
        mut parts: Parts,
        target: &mut Target,
        signer: &mut Signer,
    ) -> Result<Request<RequestBody>, Refused> {
        let Origin { route, caller, body, credentials, now } = *self;
        target.read(parts.uri.path(), parts.uri.query());
        let to_send = target.to_send(parts.uri.path_and_query()).map_err(too_long)?;
        let authority = parts.uri.authority().and_then(|authority| HeaderValue::from_str(authority.as_str()).ok());
        let host = parts.headers.get(HOST).cloned().or(authority);
        let outgoing = Outgoing {
            upstream_host: &route.host,
            client: &caller.client,
            host: host.as_ref(),
            rules: &route.access.headers,
            authentication: route.access.authentication.as_ref(),
            identity: caller.identity.as_ref(),
            signed: route.signed,
        };
        to_upstream(&mut parts.headers, &outgoing);
        let has_payload = body.held.is_some() || !matches!(parts.method, Method::GET | Method::HEAD | Method::OPTIONS);
        if has_payload {
            parts.headers.insert(CONTENT_LENGTH, HeaderValue::from(body.length()));
        }
        if route.signed {
            let credentials = credentials.valid_at(now).ok_or_else(no_credentials)?;
            let signable = Signable { method: &parts.method, target, payload: &body.hash, payload_header: has_payload };
            signer.sign(&mut parts.headers, &signable, &credentials, &route.region, now).map_err(unsignable)?;
        }
        parts.uri = Uri::from(to_send);
        parts.version = Version::HTTP_11;
        parts.extensions = http::Extensions::new();
        Ok(Request::from_parts(parts, RequestBody::new(body.held.clone())))
    }
}

/// The proxy can't sign anything now.
pub(crate) fn no_credentials() -> Refused {
    Refused::new(Cause::NoCredentials, "the proxy has no valid AWS credentials at this moment")
}

fn too_long(error: TooLong) -> Refused {
    Refused::new(Cause::BadRequest, error.to_string())
}

fn unsignable(error: SignError) -> Refused {
    match error {
        SignError::ContentType | SignError::Method => Refused::new(Cause::BadRequest, error.to_string()),
        SignError::Internal => Refused::new(Cause::Internal, error.to_string()),
    }
}
