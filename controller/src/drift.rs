//! Drift: what a look finds to be written though no manifest and no setting has changed. Pure.

use crate::step::Step;

/// A kind of it: a metric's label.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Drift {
    /// The URL config is gone.
    FunctionUrlMissing,
    /// The URL config is other than the manifest.
    FunctionUrlChanged,
    /// A URL config of ours is there that nobody wants.
    FunctionUrlUnwanted,
    /// A statement of ours is gone or other.
    PermissionMissing,
    /// A statement of ours is there that nobody wants.
    PermissionUnwanted,
}

impl Drift {
    /// All of them.
    pub const ALL: [Drift; 5] = [
        Drift::FunctionUrlMissing,
        Drift::FunctionUrlChanged,
        Drift::FunctionUrlUnwanted,
        Drift::PermissionMissing,
        Drift::PermissionUnwanted,
    ];

    /// As a metric's label.
    pub fn as_str(self) -> &'static str {
        match self {
            Drift::FunctionUrlMissing => "function_url_missing",
            Drift::FunctionUrlChanged => "function_url_changed",
            Drift::FunctionUrlUnwanted => "function_url_unwanted",
            Drift::PermissionMissing => "permission_missing",
            Drift::PermissionUnwanted => "permission_unwanted",
        }
    }

    /// What a step repairs. None: it is a write in Kubernetes.
    pub fn of(step: &Step) -> Option<Self> {
        match step {
            Step::CreateFunctionUrlConfig { .. } => Some(Drift::FunctionUrlMissing),
            Step::UpdateFunctionUrlConfig { .. } => Some(Drift::FunctionUrlChanged),
            Step::DeleteFunctionUrlConfig { .. } => Some(Drift::FunctionUrlUnwanted),
            Step::AddPermission { .. } => Some(Drift::PermissionMissing),
            Step::RemovePermission { .. } => Some(Drift::PermissionUnwanted),
            _ => None,
        }
    }

    /// What steps repair, one for each.
    pub fn of_all(steps: &[Step]) -> Vec<Self> {
        steps.iter().filter_map(Drift::of).collect()
    }
}

/// Parts what was `found` into what is repaired and what isn't yet, by what is `left` to be done.
pub fn repaired(mut found: Vec<Drift>, left: &[Drift]) -> (Vec<Drift>, Vec<Drift>) {
    let mut outstanding = Vec::new();
    for kind in left {
        if let Some(at) = found.iter().position(|known| known == kind) {
            outstanding.push(found.swap_remove(at));
        }
    }
    (found, outstanding)
}

#[cfg(test)]
mod tests;
