//! The certificate of the route-table channel: made here, kept in a Secret, its CA in a ConfigMap that proxies mount.
//! Old and new CA stand there together before anything is signed with the new one, so that no stream breaks.

mod issue;
pub mod keeper;
mod material;
mod renewal;

use std::time::Duration;

/// How long certificates live.
#[derive(Clone, Copy, Debug)]
pub struct Lifetimes {
    /// The server's certificate; renewed after two thirds.
    pub leaf: Duration,
    /// The CA; its successor is made after two thirds.
    pub ca: Duration,
    /// How long a new CA must have stood in the ConfigMap before something is signed with it.
    pub propagation: Duration,
}

/// Why certificates can't be made or kept.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Making one failed.
    #[error("can't make a certificate: {0}")]
    Issue(#[from] rcgen::Error),
    /// What the Secret has can't be read.
    #[error("{0} of the certificate secret can't be read")]
    Unreadable(&'static str),
    /// The API server refused or didn't answer.
    #[error("can't {doing}: {source}")]
    Api {
        /// What was tried.
        doing: String,
        /// What the API server said.
        source: kube::Error,
    },
    /// It can't be shown.
    #[error(transparent)]
    Tls(#[from] crate::server::tls::Error),
    /// This replica may not write any more.
    #[error("the lease ends too soon to write")]
    NotLeading,
}

#[cfg(test)]
mod tests;
