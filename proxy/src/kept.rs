//! A resource of the route table as it is kept: encoded, which takes a fifth of what it takes decoded. It is needed decoded
//! once, when it is programmed; after that only to be written to the state directory and to be shown. Its version is kept
//! beside it: a new version of the same is told by the bytes.

use std::sync::Arc;

use lambdaroute_proxy_config::v1alpha1::{Resource, Version};
use prost::Message;

/// See the module.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Kept {
    version: Option<Version>,
    /// Without its version.
    encoded: Arc<[u8]>,
}

impl Kept {
    /// Keeps a resource, which is as it was afterwards.
    pub(crate) fn of(resource: &mut Resource) -> Self {
        let version = resource.version.take();
        let encoded = resource.encode_to_vec().into();
        resource.version = version;
        Kept { version, encoded }
    }

    /// Whether they are the same but for their versions.
    pub(crate) fn says_the_same(&self, other: &Kept) -> bool {
        self.encoded == other.encoded
    }

    /// The resource. What was encoded here can be decoded.
    pub(crate) fn resource(&self) -> Resource {
        Resource { version: self.version, ..Resource::decode(&*self.encoded).unwrap_or_default() }
    }
}

#[cfg(test)]
mod tests;
