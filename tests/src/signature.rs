//! SigV4 as a server sees it: the signature is computed anew from the request as received and compared.
//! Written from AWS's description of the canonical request, on purpose without the code that the proxy signs with.
//! Only the HMAC chain is the `aws-sigv4` crate's.

use std::time::{Duration, SystemTime};

use aws_sigv4::sign::v4::{calculate_signature, generate_signing_key};
use http::HeaderMap;
use sha2::{Digest, Sha256};

use crate::credentials::{AwsCredentials, Identity, KnownKeys};

mod canonical;
#[cfg(test)]
mod tests;
mod time;

pub use canonical::canonical_request;
pub use time::{parse_amz_date, write_amz_date};

/// How far the signer's clock may be off. Source: IAM User Guide, "Troubleshoot signed requests".
pub const MAX_SKEW: Duration = Duration::from_secs(5 * 60);

/// A request as it came off the wire.
#[derive(Debug, Clone, Copy)]
pub struct Wire<'a> {
    /// `GET`, …
    pub method: &'a str,
    /// Exactly as sent, percent-encoding included.
    pub path: &'a str,
    /// Exactly as sent, without the question mark.
    pub query: &'a str,
    /// All of them.
    pub headers: &'a HeaderMap,
    /// The whole body.
    pub body: &'a [u8],
}

/// What an `Authorization` header of SigV4 says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Authorization {
    /// The access key id.
    pub access_key_id: String,
    /// `YYYYMMDD`.
    pub date: String,
    /// The region of the scope.
    pub region: String,
    /// The service of the scope.
    pub service: String,
    /// Names of the signed headers, in the order given.
    pub signed_headers: Vec<String>,
    /// 64 hexadecimal digits.
    pub signature: String,
}

/// Why a signature isn't accepted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// No SigV4 `Authorization` header at all.
    #[error("the request is not signed")]
    NotSigned,
    /// The header can't be read.
    #[error("the authorization header is malformed: {0}")]
    Malformed(&'static str),
    /// Nobody has that key, or its token is another.
    #[error("the security token included in the request is invalid")]
    UnknownKey,
    /// Scope of another service or region.
    #[error("credential should be scoped to {expected}, not {found}")]
    WrongScope {
        /// region/service that this server stands for.
        expected: String,
        /// region/service that was signed.
        found: String,
    },
    /// Too old or of the future.
    #[error("the signature's time is off by more than five minutes")]
    Skewed,
    /// A header that AWS requires to be signed isn't.
    #[error("the header {0} must be signed")]
    HeaderNotSigned(String),
    /// The payload hash header is not the body's hash.
    #[error("the payload hash is not the hash of the body")]
    PayloadHash,
    /// The signature is another.
    #[error("the request signature we calculated does not match the signature you provided")]
    Mismatch {
        /// The canonical request that was expected, for the test's log.
        canonical: String,
    },
}

impl Refusal {
    /// AWS's error code for it, as `x-amzn-errortype` carries it.
    pub fn code(&self) -> &'static str {
        match self {
            Self::NotSigned => "AccessDeniedException",
            Self::UnknownKey => "UnrecognizedClientException",
            Self::Malformed(_) => "IncompleteSignatureException",
            _ => "InvalidSignatureException",
        }
    }
}

/// Reads the `Authorization` header. `Ok(None)`: none, or one of another scheme.
pub fn authorization(headers: &HeaderMap) -> Result<Option<Authorization>, Refusal> {
    let Some(value) = headers.get(http::header::AUTHORIZATION) else { return Ok(None) };
    let value = value.to_str().map_err(|_| Refusal::Malformed("not text"))?;
    let Some(rest) = value.strip_prefix("AWS4-HMAC-SHA256 ") else { return Ok(None) };
    let part = |name: &str| {
        rest.split(',').map(str::trim).find_map(|part| part.strip_prefix(name)).and_then(|part| part.strip_prefix('='))
    };
    let credential = part("Credential").ok_or(Refusal::Malformed("no Credential"))?;
    let scope: Vec<&str> = credential.split('/').collect();
    let [access_key_id, date, region, service, "aws4_request"] = scope[..] else {
        return Err(Refusal::Malformed("the credential scope has not five parts"));
    };
    Ok(Some(Authorization {
        access_key_id: access_key_id.to_owned(),
        date: date.to_owned(),
        region: region.to_owned(),
        service: service.to_owned(),
        signed_headers: part("SignedHeaders")
            .ok_or(Refusal::Malformed("no SignedHeaders"))?
            .split(';')
            .map(str::to_owned)
            .collect(),
        signature: part("Signature").ok_or(Refusal::Malformed("no Signature"))?.to_owned(),
    }))
}

/// Checks a request against what `service` in `region` would accept at the time `now`, and says who signed it.
pub fn verify(
    wire: Wire<'_>,
    keys: &KnownKeys,
    service: &str,
    region: &str,
    now: SystemTime,
) -> Result<Identity, Refusal> {
    let given = authorization(wire.headers)?.ok_or(Refusal::NotSigned)?;
    let identity = keys.get(&given.access_key_id).ok_or(Refusal::UnknownKey)?;
    let token = header(wire.headers, "x-amz-security-token");
    if token != identity.credentials.session_token.as_deref() {
        return Err(Refusal::UnknownKey);
    }
    if (given.region.as_str(), given.service.as_str()) != (region, service) {
        let (expected, found) = (format!("{region}/{service}"), format!("{}/{}", given.region, given.service));
        return Err(Refusal::WrongScope { expected, found });
    }
    let date = header(wire.headers, "x-amz-date").ok_or(Refusal::Malformed("no x-amz-date"))?;
    let signed_at = parse_amz_date(date).ok_or(Refusal::Malformed("x-amz-date is no date"))?;
    if !date.starts_with(&given.date) {
        return Err(Refusal::Malformed("the scope's date is not the date of x-amz-date"));
    }
    let skew = now.duration_since(signed_at).or_else(|_| signed_at.duration_since(now)).unwrap_or(Duration::MAX);
    if skew > MAX_SKEW {
        return Err(Refusal::Skewed);
    }
    required_headers_are_signed(wire.headers, &given.signed_headers)?;
    let hash = hex::encode(Sha256::digest(wire.body));
    if header(wire.headers, "x-amz-content-sha256").is_some_and(|claimed| claimed != hash) {
        return Err(Refusal::PayloadHash);
    }
    let canonical = canonical_request(wire, &given.signed_headers, &hash);
    let expected = signature(&canonical, date, &given.region, &given.service, signed_at, &identity.credentials);
    if expected == given.signature { Ok(identity) } else { Err(Refusal::Mismatch { canonical }) }
}

/// Signs a request of the harness itself, as `verify` checks it. Headers that are there are signed with it; the
/// request's path must be free of dot segments.
pub fn sign(
    request: &mut http::Request<bytes::Bytes>,
    credentials: &AwsCredentials,
    service: &str,
    region: &str,
    now: SystemTime,
) -> anyhow::Result<()> {
    let date = write_amz_date(now);
    let headers = request.headers_mut();
    for name in ["authorization", "x-amz-content-sha256", "x-amz-security-token"] {
        headers.remove(name);
    }
    headers.insert("x-amz-date", date.parse()?);
    if let Some(token) = &credentials.session_token {
        headers.insert("x-amz-security-token", token.parse()?);
    }
    let mut signed: Vec<String> =
        request.headers().keys().map(|name| name.as_str().to_owned()).filter(|name| must_be_signed(name)).collect();
    signed.sort();
    let hash = hex::encode(Sha256::digest(request.body()));
    let wire = Wire {
        method: request.method().as_str(),
        path: request.uri().path(),
        query: request.uri().query().unwrap_or_default(),
        headers: request.headers(),
        body: request.body(),
    };
    let canonical = canonical_request(wire, &signed, &hash);
    let signature = signature(&canonical, &date, region, service, now, credentials);
    let value = format!(
        "AWS4-HMAC-SHA256 Credential={}/{}/{region}/{service}/aws4_request, SignedHeaders={}, Signature={signature}",
        credentials.access_key_id,
        &date[..8],
        signed.join(";"),
    );
    request.headers_mut().insert(http::header::AUTHORIZATION, value.parse()?);
    Ok(())
}

fn signature(
    canonical: &str,
    date: &str,
    region: &str,
    service: &str,
    signed_at: SystemTime,
    credentials: &AwsCredentials,
) -> String {
    let scope = format!("{}/{region}/{service}/aws4_request", &date[..8]);
    let text = format!("AWS4-HMAC-SHA256\n{date}\n{scope}\n{}", hex::encode(Sha256::digest(canonical)));
    let key = generate_signing_key(&credentials.secret_access_key, signed_at, region, service);
    calculate_signature(key, text.as_bytes())
}

/// AWS requires host, content-type if present, and every x-amz-* header to be signed. Source: IAM User Guide,
/// "Create a signed AWS API request".
fn must_be_signed(name: &str) -> bool {
    name == "host" || name == "content-type" || name.starts_with("x-amz-")
}

fn required_headers_are_signed(headers: &HeaderMap, signed: &[String]) -> Result<(), Refusal> {
    if !signed.is_sorted() {
        return Err(Refusal::Malformed("SignedHeaders are not sorted"));
    }
    let missing = headers
        .keys()
        .map(http::HeaderName::as_str)
        .chain(["host"])
        .find(|name| must_be_signed(name) && !signed.iter().any(|other| other == name));
    if let Some(name) = missing {
        return Err(Refusal::HeaderNotSigned(name.to_owned()));
    }
    match signed.iter().find(|name| !headers.contains_key(name.as_str())) {
        Some(_) => Err(Refusal::Malformed("a signed header is not in the request")),
        None => Ok(()),
    }
}

fn header<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}
