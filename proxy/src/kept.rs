//! A resource of the route table as it is kept: encoded, which takes a fifth of what it takes decoded. It is needed decoded
//! once, when it is programmed; after that only to be written to the state directory and to be shown.

use std::sync::Arc;

use lambdaroute_proxy_config::v1alpha1::Resource;
use prost::Message;

/// See the module.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Kept(Arc<[u8]>);

impl Kept {
    /// Keeps a resource.
    pub(crate) fn of(resource: &Resource) -> Self {
        Kept(resource.encode_to_vec().into())
    }

    /// The resource. What was encoded here can be decoded.
    pub(crate) fn resource(&self) -> Resource {
        Resource::decode(&*self.0).unwrap_or_default()
    }
}
