//! The request as it leaves: what is sent is what is signed. No clock: the time is a value.

use std::cell::RefCell;
use std::time::SystemTime;

use http::header::{CONTENT_LENGTH, HOST};
use http::request::Parts;
use http::{HeaderValue, Method, Request, Uri, Version};
use lambdaroute_proxy_config::cause::Cause;

use crate::access::Caller;
use crate::address_text::AddressText;
use crate::aws::SigningCredentials;
use crate::body::Received;
use crate::canonical::{Target, TooLong};
use crate::headers::{Outgoing, to_upstream};
use crate::problem::Refused;
use crate::request_body::RequestBody;
use crate::served_route::ServedRoute;
use crate::sign::{SignError, Signable, Signer};

/// What a request is written with.
#[derive(Default)]
struct Writing {
    target: Target,
    address: AddressText,
    signer: Signer,
}

thread_local! {
    /// What writing and signing a request keeps for the next request of this thread.
    static WRITING: RefCell<Writing> = RefCell::default();
}

/// What is signed with, and AWS's time.
pub(crate) type Signing<'a> = (&'a SigningCredentials, SystemTime);

/// Makes a caller's request the one to send. `signing` absent: it is sent without a signature.
///
/// # Errors
/// It can't be forwarded, or not be signed: then it isn't sent.
pub(crate) fn upstream_request(
    route: &ServedRoute,
    caller: &Caller,
    parts: Parts,
    body: &Received,
    signing: Option<Signing<'_>>,
) -> Result<Request<RequestBody>, Refused> {
    let making = Making { route, caller, body, signing };
    WRITING.with_borrow_mut(|writing| making.request(parts, writing))
}

/// All that a request is made of, besides what its caller wrote.
struct Making<'a> {
    route: &'a ServedRoute,
    caller: &'a Caller,
    body: &'a Received,
    signing: Option<Signing<'a>>,
}

impl Making<'_> {
    fn request(&self, mut parts: Parts, writing: &mut Writing) -> Result<Request<RequestBody>, Refused> {
        let Writing { target, address, signer } = writing;
        let Making { route, caller, body, signing } = *self;
        target.read(parts.uri.path(), parts.uri.query());
        let to_send = target.to_send(parts.uri.path_and_query()).map_err(too_long)?;
        let authority = parts.uri.authority().and_then(|authority| HeaderValue::from_str(authority.as_str()).ok());
        let host = parts.headers.get(HOST).cloned().or(authority);
        let outgoing = Outgoing {
            upstream_host: &route.host,
            client: &caller.client,
            address: address.of(caller.client.address),
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
        if let Some((credentials, time)) = signing {
            let signable = Signable { method: &parts.method, target, payload: &body.hash, payload_header: has_payload };
            signer.sign(&mut parts.headers, &signable, credentials, &route.region, time).map_err(unsignable)?;
        }
        parts.uri = Uri::from(to_send);
        parts.version = Version::HTTP_11;
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
