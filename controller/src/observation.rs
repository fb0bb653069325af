//! What was last seen of a function target in AWS, and how a successful write changes it: a write's answer counts as an
//! observation, nothing is read again. Values only.

use std::collections::BTreeSet;

use lambdaroute_crds::{AuthType, FunctionUrlCors, InvokeMode, time_span};
use serde::{Deserialize, Serialize};

use crate::policy::{Policy, Statement};

/// AWS's own CORS in the form in which AWS compares it: no order, no duplicates, names of headers and origins in lower case. The
/// default is none at all.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct UrlCors {
    /// In lower case.
    pub allow_origins: BTreeSet<String>,
    /// In capitals.
    pub allow_methods: BTreeSet<String>,
    /// In lower case.
    pub allow_headers: BTreeSet<String>,
    /// In lower case.
    pub expose_headers: BTreeSet<String>,
    /// Whether browsers send credentials.
    pub allow_credentials: bool,
    /// Seconds.
    pub max_age: u32,
}

impl UrlCors {
    /// The canonical form of lists, whoever wrote them.
    pub fn new(
        allow_origins: &[String],
        allow_methods: &[String],
        allow_headers: &[String],
        expose_headers: &[String],
    ) -> Self {
        let lower = |texts: &[String]| texts.iter().map(|text| text.to_ascii_lowercase()).collect();
        Self {
            allow_origins: lower(allow_origins),
            allow_methods: allow_methods.iter().map(|method| method.to_ascii_uppercase()).collect(),
            allow_headers: lower(allow_headers),
            expose_headers: lower(expose_headers),
            ..Self::default()
        }
    }

    /// As a manifest says. A duration that isn't one, which the CRD refuses, counts as none.
    pub fn of(cors: &FunctionUrlCors) -> Self {
        let FunctionUrlCors { allow_origins, allow_methods, allow_headers, expose_headers, allow_credentials, max_age } =
            cors;
        let max_age = max_age.as_deref().and_then(time_span::parse).unwrap_or_default();
        Self {
            allow_credentials: allow_credentials.unwrap_or_default(),
            max_age: u32::try_from(max_age.as_secs()).unwrap_or(u32::MAX),
            ..Self::new(allow_origins, allow_methods, allow_headers, expose_headers)
        }
    }

    /// The fields that differ.
    fn differences(&self, wanted: &UrlCors) -> Vec<String> {
        let list = |texts: &BTreeSet<String>| {
            if texts.is_empty() { "none".to_owned() } else { texts.iter().cloned().collect::<Vec<_>>().join(", ") }
        };
        let UrlCors { allow_origins, allow_methods, allow_headers, expose_headers, allow_credentials, max_age } = self;
        [
            ("allowOrigins", list(allow_origins), list(&wanted.allow_origins)),
            ("allowMethods", list(allow_methods), list(&wanted.allow_methods)),
            ("allowHeaders", list(allow_headers), list(&wanted.allow_headers)),
            ("exposeHeaders", list(expose_headers), list(&wanted.expose_headers)),
            ("allowCredentials", allow_credentials.to_string(), wanted.allow_credentials.to_string()),
            ("maxAge", format!("{max_age}s"), format!("{}s", wanted.max_age)),
        ]
        .into_iter()
        .filter(|(_, found, wanted)| found != wanted)
        .map(|(field, found, wanted)| format!("cors.{field} is {found}, not {wanted}"))
        .collect()
    }
}

/// The settings of a function URL that a manifest decides.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct UrlSettings {
    /// Who gets in.
    pub auth_type: AuthType,
    /// How it answers.
    pub invoke_mode: InvokeMode,
    /// What browsers may.
    pub cors: UrlCors,
}

impl UrlSettings {
    /// What AWS and LambdaRoute take where nobody says anything.
    pub fn usual() -> Self {
        Self { auth_type: AuthType::AwsIam, invoke_mode: InvokeMode::Buffered, cors: UrlCors::default() }
    }

    /// What differs, in a person's words; empty if nothing does. `self` is what AWS has.
    pub fn differences(&self, wanted: &UrlSettings) -> Vec<String> {
        let UrlSettings { auth_type, invoke_mode, cors } = self;
        let mut differences = Vec::new();
        if *auth_type != wanted.auth_type {
            differences.push(format!("authType is {}, not {}", auth_type.as_str(), wanted.auth_type.as_str()));
        }
        if *invoke_mode != wanted.invoke_mode {
            differences.push(format!("invokeMode is {}, not {}", invoke_mode.as_str(), wanted.invoke_mode.as_str()));
        }
        differences.extend(cors.differences(&wanted.cors));
        differences
    }
}

impl std::fmt::Display for UrlSettings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}, {}", self.auth_type.as_str(), self.invoke_mode.as_str())?;
        if self.cors != UrlCors::default() { write!(f, ", with CORS") } else { Ok(()) }
    }
}

/// A function URL config.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UrlConfig {
    /// The URL.
    pub url: String,
    /// CreationTime, exactly as AWS spelled it.
    pub creation_time: String,
    /// What a manifest decides.
    pub settings: UrlSettings,
}

impl UrlConfig {
    /// The URL's host in lower case: what is signed.
    pub fn host(&self) -> Option<String> {
        host_of(&self.url)
    }
}

/// The host of a function URL.
pub fn host_of(url: &str) -> Option<String> {
    url::Url::parse(url).ok()?.host_str().map(str::to_ascii_lowercase)
}

/// Whether there is something to put a URL on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FunctionState {
    /// The function, and the alias where one is named.
    Exists,
    /// No such function.
    NotFound,
    /// The function has no such alias.
    QualifierNotFound,
}

/// All of a target at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Observation {
    /// The function.
    pub function: FunctionState,
    /// Its URL config.
    pub url: Option<UrlConfig>,
    /// Its policy; statements on other qualifiers are not in it.
    pub policy: Policy,
}

/// What a successful write changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Written {
    /// AddPermission, with the statement as AWS answered it.
    StatementAdded(Statement),
    /// RemovePermission; also when it was gone already.
    StatementRemoved(String),
    /// CreateFunctionUrlConfig or UpdateFunctionUrlConfig.
    Url(UrlConfig),
    /// DeleteFunctionUrlConfig; also when it was gone already.
    UrlDeleted,
    /// A write in Kubernetes: nothing of AWS.
    Nothing,
}

/// A step that was carried out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Applied {
    /// What it changed.
    pub written: Written,
    /// AWS's id of the request, where it gave one: for Events, never for a status.
    pub request_id: Option<String>,
}

impl Observation {
    /// Nothing there but the function.
    pub fn bare() -> Self {
        Self { function: FunctionState::Exists, url: None, policy: Policy::default() }
    }

    /// Counts a write as observed.
    pub fn fold(&mut self, written: Written) {
        match written {
            Written::StatementAdded(statement) => self.policy.add(statement),
            Written::StatementRemoved(sid) => self.policy.remove(&sid),
            Written::Url(config) => self.url = Some(config),
            Written::UrlDeleted => self.url = None,
            Written::Nothing => {}
        }
    }
}
