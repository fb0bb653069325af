//! What was last seen of a function target in AWS, and how a successful write changes it: a write's answer counts as an
//! observation, nothing is read again. Values only.

use lambdaroute_crds::{AuthType, InvokeMode};

use crate::policy::{Policy, Statement};

/// The settings of a function URL that a manifest decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct UrlSettings {
    /// Who gets in.
    pub auth_type: AuthType,
    /// How it answers.
    pub invoke_mode: InvokeMode,
}

impl UrlSettings {
    /// What differs, in a person's words; empty if nothing does. `self` is what AWS has.
    pub fn differences(&self, wanted: &UrlSettings) -> Vec<String> {
        let UrlSettings { auth_type, invoke_mode } = self;
        let mut differences = Vec::new();
        if *auth_type != wanted.auth_type {
            differences.push(format!("authType is {}, not {}", auth_type.as_str(), wanted.auth_type.as_str()));
        }
        if *invoke_mode != wanted.invoke_mode {
            differences.push(format!("invokeMode is {}, not {}", invoke_mode.as_str(), wanted.invoke_mode.as_str()));
        }
        differences
    }
}

impl std::fmt::Display for UrlSettings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}, {}", self.auth_type.as_str(), self.invoke_mode.as_str())
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

impl Observation {
    /// Nothing there but the function.
    pub fn bare() -> Self {
        Self { function: FunctionState::Exists, url: None, policy: Policy::default() }
    }

    /// Counts a write as observed.
    pub fn fold(&mut self, written: Written) {
        match written {
            Written::StatementAdded(statement) => {
                self.policy.statements.push(statement);
                self.policy.revision_id = None;
            }
            Written::StatementRemoved(sid) => {
                self.policy.statements.retain(|statement| statement.sid.as_deref() != Some(sid.as_str()));
                self.policy.revision_id = None;
            }
            Written::Url(config) => self.url = Some(config),
            Written::UrlDeleted => self.url = None,
            Written::Nothing => {}
        }
    }
}
