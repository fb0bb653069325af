//! What a route refers to, as it was found. The seam to whoever looks: values in, a judgement for the status, nothing of where
//! they come from.

use std::collections::BTreeMap;
use std::fmt;

use lambdaroute_crds::condition::Reason;
use lambdaroute_crds::{SecretKeyRef, SetHeader};

use super::Access;
use crate::status::Actor;

/// A value of a Secret. Nothing shows it.
#[derive(Clone, PartialEq, Eq)]
pub struct SecretValue(pub Vec<u8>);

impl fmt::Debug for SecretValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretValue(not shown)")
    }
}

/// What a route's references came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Resolution {
    /// Not looked at yet, and nothing is known to be wrong.
    Unknown,
    /// Everything is there.
    Resolved,
    /// Something isn't.
    Unresolved {
        /// SecretNotFound, RefNotPermitted or KeysUnavailable.
        reason: Reason,
        /// Who must act.
        actor: Actor,
        /// What, and what now. Never a value.
        message: String,
    },
}

/// What a route refers to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct References {
    /// The cluster's issuer of ServiceAccount tokens. None: not known, or no method needs it.
    pub cluster_issuer: Option<String>,
    /// Values for headers, of Secrets of the route's namespace.
    pub values: BTreeMap<SecretKeyRef, SecretValue>,
    /// For `ResolvedRefs`.
    pub resolution: Resolution,
}

impl References {
    /// Of a route that refers to nothing.
    pub const fn none() -> Self {
        Self { cluster_issuer: None, values: BTreeMap::new(), resolution: Resolution::Resolved }
    }

    /// With something in the place of what isn't there. It must never be given to a proxy.
    pub(crate) fn with_stand_ins(&self, access: &Access) -> Self {
        let mut references = Self::assumed(access);
        references.values.extend(self.values.clone());
        references.cluster_issuer = self.cluster_issuer.clone().or(references.cluster_issuer);
        references
    }

    /// As if everything were there.
    pub(super) fn assumed(access: &Access) -> Self {
        let assumed = || SecretValue(b"assumed".to_vec());
        Self {
            cluster_issuer: Some("https://cluster.example".to_owned()),
            values: access.header_secrets().map(|reference| (reference.clone(), assumed())).collect(),
            resolution: Resolution::Unknown,
        }
    }
}

impl Access {
    /// The keys of Secrets that headers are set from.
    pub fn header_secrets(&self) -> impl Iterator<Item = &SecretKeyRef> {
        let set = self.request_headers.iter().flat_map(|headers| &headers.set);
        set.filter_map(|SetHeader { value_from, .. }| Some(&value_from.as_ref()?.secret_key_ref))
    }
}
