//! Whether a target is as its routes want it.

use super::{Plan, UrlFinding};
use crate::observation::{FunctionState, Observation};

impl Plan {
    /// Whether all is as the routes want it: what is to be written later, though no manifest has changed, is somebody else's
    /// doing.
    pub fn is_settled(&self, observed: &Observation) -> bool {
        observed.function == FunctionState::Exists
            && self.steps.is_empty()
            && self.url == UrlFinding::Agrees
            && self.missing.is_empty()
            && self.too_large.is_none()
    }
}
