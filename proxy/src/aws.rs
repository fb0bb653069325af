//! The one module that names the AWS SDK: where credentials come from, whose they are, and SigV4's arithmetic.
//! Nothing of the SDK's types leaves it. Secrets are never logged and have no `Debug`.

mod credentials;
mod refresh;
mod signature;

pub(crate) use credentials::{CredentialStore, Generation, Identity, SigningCredentials};
pub(crate) use refresh::keep_fresh;
pub(crate) use signature::SigningKey;

#[cfg(test)]
mod tests;
