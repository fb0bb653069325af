//! AWS credentials as the tests hand them around. They are made for one run of the emulator and open nothing else.

use std::collections::HashMap;
use std::sync::{Arc, RwLock};

/// An access key, with a session token if a role was assumed.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct AwsCredentials {
    /// `AWS_ACCESS_KEY_ID`.
    pub access_key_id: String,
    /// `AWS_SECRET_ACCESS_KEY`.
    pub secret_access_key: String,
    /// `AWS_SESSION_TOKEN`.
    pub session_token: Option<String>,
}

impl AwsCredentials {
    /// A long-lived key.
    pub fn key(access_key_id: impl Into<String>, secret_access_key: impl Into<String>) -> Self {
        Self { access_key_id: access_key_id.into(), secret_access_key: secret_access_key.into(), session_token: None }
    }

    /// The variables that the AWS default chain reads first.
    pub fn environment(&self) -> Vec<(String, String)> {
        let mut variables = vec![
            ("AWS_ACCESS_KEY_ID".to_owned(), self.access_key_id.clone()),
            ("AWS_SECRET_ACCESS_KEY".to_owned(), self.secret_access_key.clone()),
        ];
        variables.extend(self.session_token.iter().map(|token| ("AWS_SESSION_TOKEN".to_owned(), token.clone())));
        variables
    }

    /// The same for the AWS SDK.
    pub fn provider(&self) -> aws_credential_types::Credentials {
        aws_credential_types::Credentials::new(
            self.access_key_id.clone(),
            self.secret_access_key.clone(),
            self.session_token.clone(),
            None,
            "tests",
        )
    }
}

/// Who stands behind an access key, as far as AWS's rules for function URLs need to know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// The key, its secret and its token.
    pub credentials: AwsCredentials,
    /// The ARN that a resource policy names: the user's or the role's (not the session's).
    pub arn: String,
    /// Whether identity policies of its own let it invoke functions, so that no resource policy is needed.
    pub may_invoke: bool,
}

/// The access keys that the gate and the origin know: what AWS's front door knows of everybody.
#[derive(Debug, Clone, Default)]
pub struct KnownKeys(Arc<RwLock<HashMap<String, Identity>>>);

impl KnownKeys {
    /// Adds or replaces a key.
    pub fn add(&self, identity: Identity) {
        let mut keys = self.0.write().unwrap_or_else(std::sync::PoisonError::into_inner);
        keys.insert(identity.credentials.access_key_id.clone(), identity);
    }

    /// Forgets a key: requests signed with it are then refused as AWS refuses an unknown one.
    pub fn remove(&self, access_key_id: &str) {
        self.0.write().unwrap_or_else(std::sync::PoisonError::into_inner).remove(access_key_id);
    }

    /// Whose key it is.
    pub fn get(&self, access_key_id: &str) -> Option<Identity> {
        self.0.read().unwrap_or_else(std::sync::PoisonError::into_inner).get(access_key_id).cloned()
    }
}
