//! The access fields as the route table has them. Defaults are filled in, texts are read, and what can't be read is told with
//! its field and the remedy.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use lambdaroute_crds::{Cors, RequestHeaders, SetHeader, SourceRanges, Timeouts, byte_size, time_span};
use lambdaroute_proxy_config::v1alpha1::{self, KeySet};
use lambdaroute_proxy_config::{Invalid, check_header_name, parse_source_range, validate_route};

use super::{Access, References, auth, limits};
use crate::programming::KeySetId;

/// Lambda's own limit of a request's body.
const MOST_BODY: u64 = 6 << 20;

/// Which route it is: what defaults are made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The LambdaRoute's uid.
    pub uid: String,
    /// Its namespace.
    pub namespace: String,
    /// Its Service's name.
    pub service: String,
}

/// Why access fields can't be given to proxies.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unfit {
    /// The manifest is wrong: the field and the remedy.
    #[error("{0}")]
    Wrong(String),
    /// Something that it refers to isn't there.
    #[error("{0}")]
    Missing(String),
}

impl Unfit {
    pub(super) fn wrong(message: impl Into<String>) -> Self {
        Self::Wrong(message.into())
    }
}

/// What the table gets: a route that holds the access fields and nothing else, and the key sets that are the route's own.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TableForm {
    /// To be completed by where the route leads.
    pub route: v1alpha1::Route,
    /// Inline consumers.
    pub key_sets: BTreeMap<KeySetId, KeySet>,
}

impl Access {
    /// As the route table has it.
    ///
    /// # Errors
    /// [`Unfit`]: nothing of it may be served then.
    pub fn table_form(&self, place: &Place, references: &References) -> Result<TableForm, Unfit> {
        let Self {
            auth,
            rate_limits,
            concurrency,
            cors,
            source_ranges,
            request_headers,
            forward_authorization_as,
            timeouts,
            max_request_body,
        } = self;
        let mut key_sets = BTreeMap::new();
        let route = v1alpha1::Route {
            auth: auth.as_ref().map(|it| auth::table_form(it, place, references, &mut key_sets)).transpose()?,
            rate_limits: rate_limits.iter().flatten().map(limits::rate).collect::<Result<_, _>>()?,
            concurrency: concurrency.as_ref().map(limits::concurrency).transpose()?,
            cors: cors.as_ref().map(cors_form).transpose()?,
            source_ranges: source_ranges.as_ref().map(ranges).transpose()?,
            request_headers: request_headers.as_ref().map(|it| headers(it, references)).transpose()?,
            forward_authorization_as: match forward_authorization_as {
                Some(name) => header_name("spec.forwardAuthorizationAs", name)?,
                None => String::new(),
            },
            timeouts: timeouts.as_ref().map(timeouts_form).transpose()?,
            max_request_body: max_request_body.as_deref().map(body).transpose()?.unwrap_or_default(),
            ..v1alpha1::Route::default()
        };
        Ok(TableForm { route, key_sets })
    }
}

/// Judges what the table would get by the table's own rules, as if it led somewhere. They know what one field alone doesn't
/// show, such as two methods of one name.
pub(super) fn validate(access: v1alpha1::Route) -> Result<(), String> {
    let upstream = v1alpha1::FunctionUrl {
        host: "assumed.lambda-url.eu-west-1.on.aws".to_owned(),
        region: "eu-west-1".to_owned(),
        auth_type: v1alpha1::AuthType::AwsIam.into(),
        invoke_mode: v1alpha1::InvokeMode::Buffered.into(),
        function_arn: String::new(),
    };
    let route = v1alpha1::Route {
        namespace: "assumed".to_owned(),
        name: "assumed".to_owned(),
        port: 1,
        upstream: Some(v1alpha1::route::Upstream::FunctionUrl(upstream)),
        ..access
    };
    validate_route(&route, &BTreeSet::new()).map_err(|invalid| match invalid {
        // In the manifest's spelling, where two fields must be told.
        Invalid::Clash { field, other, name } => format!(
            "{} and {} name one header, {name:?} (names of headers have no case, and _ is read as -), which has one value \
             alone: choose another name in one of them",
            in_manifest(field),
            in_manifest(other)
        ),
        invalid => format!("spec: {invalid}"),
    })
}

/// A field of the route table as the manifest spells it.
fn in_manifest(field: &str) -> &str {
    match field {
        "request_headers.set" => "spec.requestHeaders.set",
        "auth.methods.jwt.forward_claims" => "spec.auth.methods[].jwt.forwardClaims",
        "forward_authorization_as" => "spec.forwardAuthorizationAs",
        other => other,
    }
}

/// A header that a manifest may name, in lower case.
pub(super) fn header_name(field: &str, name: &str) -> Result<String, Unfit> {
    check_header_name(name).map_err(|error| Unfit::Wrong(format!("{field}: {error}")))?;
    Ok(name.to_ascii_lowercase())
}

/// A duration between two others, in milliseconds.
pub(super) fn millis(field: &str, text: &str, least: Duration, most: Duration) -> Result<u64, Unfit> {
    let span = time_span::parse(text).filter(|span| (least..=most).contains(span));
    span.and_then(|span| u64::try_from(span.as_millis()).ok()).ok_or_else(|| {
        Unfit::Wrong(format!(
            "{field} must be a duration from {least:?} to {most:?}, such as 30s or 1m30s: {text:?} isn't"
        ))
    })
}

fn cors_form(cors: &Cors) -> Result<v1alpha1::Cors, Unfit> {
    let Cors { allow_origins, allow_methods, allow_headers, expose_headers, allow_credentials, max_age } = cors;
    if allow_origins.is_empty() {
        return Err(Unfit::wrong("spec.cors.allowOrigins is empty: name an origin, or remove spec.cors"));
    }
    let any = |list: &Vec<String>| list.iter().any(|item| item == "*");
    let allow_credentials = allow_credentials.unwrap_or_default();
    if allow_credentials && [allow_origins, allow_methods, allow_headers, expose_headers].into_iter().any(any) {
        return Err(Unfit::wrong(
            "spec.cors: with allowCredentials browsers take * for nothing (Fetch standard): name the origins, methods and \
             headers",
        ));
    }
    let day = Duration::from_secs(24 * 60 * 60);
    let max_age = max_age.as_deref().map(|text| {
        let millis = millis("spec.cors.maxAge", text, Duration::ZERO, day)?;
        let seconds = u32::try_from(millis / 1000).ok().filter(|_| millis % 1000 == 0);
        // Browsers are told seconds (Fetch standard): half a second would be none.
        seconds.ok_or_else(|| {
            Unfit::Wrong(format!("spec.cors.maxAge must be a duration of whole seconds, such as 30s: {text:?} isn't"))
        })
    });
    Ok(v1alpha1::Cors {
        allow_origins: allow_origins.clone(),
        allow_methods: allow_methods.clone(),
        allow_headers: allow_headers.clone(),
        expose_headers: expose_headers.clone(),
        allow_credentials,
        max_age_s: max_age.transpose()?,
    })
}

fn ranges(ranges: &SourceRanges) -> Result<v1alpha1::SourceRanges, Unfit> {
    let SourceRanges { allow, deny } = ranges;
    if allow.is_none() && deny.is_none() {
        return Err(Unfit::wrong("spec.sourceRanges is empty: give allow or deny, or remove it"));
    }
    let blocks = |field: &str, blocks: &Option<Vec<String>>| {
        let Some(blocks) = blocks else { return Ok(vec![]) };
        if blocks.is_empty() {
            return Err(Unfit::Wrong(format!("{field} is empty: give a CIDR block, or remove it")));
        }
        for block in blocks {
            parse_source_range(block).map_err(|error| Unfit::Wrong(format!("{field}: {error}")))?;
        }
        Ok(blocks.clone())
    };
    Ok(v1alpha1::SourceRanges {
        allow: blocks("spec.sourceRanges.allow", allow)?,
        deny: blocks("spec.sourceRanges.deny", deny)?,
    })
}

fn headers(headers: &RequestHeaders, references: &References) -> Result<v1alpha1::RequestHeaders, Unfit> {
    let RequestHeaders { set, remove } = headers;
    let set = set.iter().map(|header| {
        let SetHeader { name, value, value_from } = header;
        let value = match (value, value_from) {
            (Some(value), None) => value.clone().into_bytes(),
            (None, Some(from)) => {
                let reference = &from.secret_key_ref;
                let value = references.values.get(reference).ok_or_else(|| {
                    Unfit::Missing(format!("the key {} of the Secret {} isn't there", reference.key, reference.name))
                })?;
                value.0.clone()
            }
            _ => {
                return Err(Unfit::Wrong(format!(
                    "give exactly one of value and valueFrom of {name} in spec.requestHeaders.set"
                )));
            }
        };
        if value.iter().any(|byte| !matches!(byte, b' '..=b'~' | b'\t')) {
            return Err(Unfit::Wrong(format!(
                "the value of {name} in spec.requestHeaders.set must be printable ASCII"
            )));
        }
        Ok(v1alpha1::SetHeader { name: header_name("spec.requestHeaders.set[].name", name)?, value })
    });
    let remove = remove.iter().map(|name| header_name("spec.requestHeaders.remove", name));
    Ok(v1alpha1::RequestHeaders { set: set.collect::<Result<_, _>>()?, remove: remove.collect::<Result<_, _>>()? })
}

fn timeouts_form(timeouts: &Timeouts) -> Result<v1alpha1::Timeouts, Unfit> {
    let Timeouts { first_byte, stream_idle } = timeouts;
    let (least, most) = (Duration::from_millis(100), Duration::from_secs(905));
    let read = |field: &str, text: &Option<String>| {
        text.as_deref().map(|text| millis(field, text, least, most)).transpose().map(Option::unwrap_or_default)
    };
    Ok(v1alpha1::Timeouts {
        first_byte_ms: read("spec.timeouts.firstByte", first_byte)?,
        stream_idle_ms: read("spec.timeouts.streamIdle", stream_idle)?,
    })
}

fn body(text: &str) -> Result<u64, Unfit> {
    byte_size::parse(text).filter(|bytes| (1..=MOST_BODY).contains(bytes)).ok_or_else(|| {
        Unfit::wrong("spec.maxRequestBody must be a size of at least one byte and at most 6Mi, such as 512Ki or 1Mi")
    })
}
