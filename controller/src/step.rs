//! Every write that there is, as a value: what `--dry-run` prints and what is applied, one after another.

use std::collections::BTreeSet;
use std::fmt;

use lambdaroute_crds::Permission;

use crate::observation::UrlSettings;
use crate::policy::Grant;
use crate::sid::Sid;
use crate::target::FunctionTarget;

mod kind;

pub use kind::StepKind;

/// A LambdaRoute: its uid besides its name, so that one made again under the same name is another one.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RouteKey {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// Its uid.
    pub uid: String,
}

impl fmt::Display for RouteKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.namespace, self.name)
    }
}

/// One write. Its order among others is the plan's; applying it decides nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// The finalizer, before anything is written that must be taken back.
    AddFinalizer {
        /// Whose.
        route: RouteKey,
    },
    /// `status.targets`: where to look, before the first write there.
    RecordTarget {
        /// Whose.
        route: RouteKey,
        /// What.
        target: FunctionTarget,
        /// What of a LambdaAccessPolicy's permissions is made use of there from now on.
        permissions: BTreeSet<Permission>,
    },
    /// A permission statement.
    AddPermission {
        /// On what.
        target: FunctionTarget,
        /// Under which Sid.
        sid: Sid,
        /// What it allows.
        grant: Grant,
        /// For whom: the proxies, or a grant of a manifest by its name.
        whose: String,
        /// Complete the Sid with the mark of the URL config that a step before this one creates.
        mark_created: bool,
    },
    /// The URL config.
    CreateFunctionUrlConfig {
        /// On what.
        target: FunctionTarget,
        /// As the manifest says.
        settings: UrlSettings,
    },
    /// In place: the URL stays.
    UpdateFunctionUrlConfig {
        /// On what.
        target: FunctionTarget,
        /// As the manifest says.
        settings: UrlSettings,
    },
    /// Of our making only.
    DeleteFunctionUrlConfig {
        /// On what.
        target: FunctionTarget,
    },
    /// Of our Sids only.
    RemovePermission {
        /// On what.
        target: FunctionTarget,
        /// Which.
        sid: Sid,
    },
    /// `status.targets`: what was made there is to be taken back.
    ReleaseTarget {
        /// Whose.
        route: RouteKey,
        /// What.
        target: FunctionTarget,
    },
    /// `status.targets`: nothing of this route is there any more.
    ForgetTarget {
        /// Whose.
        route: RouteKey,
        /// What.
        target: FunctionTarget,
    },
    /// The route's Service, by POST: one that somebody else made is never merged into.
    CreateService {
        /// Whose.
        route: RouteKey,
        /// Its name.
        name: String,
        /// The route's own port at the proxies.
        target_port: u16,
    },
    /// The route's Service, kept as it should be.
    ApplyService {
        /// Whose.
        route: RouteKey,
        /// Its name.
        name: String,
    },
    /// The port's rest, remembered before the Service goes.
    RestPort {
        /// Whose it was.
        route: RouteKey,
        /// Which.
        port: u16,
    },
    /// The route's Service.
    DeleteService {
        /// Whose.
        route: RouteKey,
        /// Its name.
        name: String,
    },
    /// Last of all.
    RemoveFinalizer {
        /// Whose.
        route: RouteKey,
    },
}

impl Step {
    /// Whether it takes away or changes what AWS can't guard by a revision: planned on a fresh look only.
    pub fn needs_fresh_look(&self) -> bool {
        matches!(self, Step::UpdateFunctionUrlConfig { .. } | Step::DeleteFunctionUrlConfig { .. })
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Step::AddFinalizer { route } => write!(f, "{route}: add the finalizer"),
            Step::RecordTarget { route, target, .. } => write!(f, "{route}: record {target} in status.targets"),
            Step::AddPermission { target, sid, grant, whose, mark_created } => {
                let mark = if *mark_created { "-c…" } else { "" };
                write!(f, "{target}: AddPermission {sid}{mark} for {whose}: {grant}")
            }
            Step::CreateFunctionUrlConfig { target, settings } => {
                write!(f, "{target}: CreateFunctionUrlConfig ({settings})")
            }
            Step::UpdateFunctionUrlConfig { target, settings } => {
                write!(f, "{target}: UpdateFunctionUrlConfig ({settings})")
            }
            Step::DeleteFunctionUrlConfig { target } => write!(f, "{target}: DeleteFunctionUrlConfig"),
            Step::RemovePermission { target, sid } => write!(f, "{target}: RemovePermission {sid}"),
            Step::ReleaseTarget { route, target } => write!(f, "{route}: mark {target} as being released"),
            Step::ForgetTarget { route, target } => write!(f, "{route}: forget {target} in status.targets"),
            Step::CreateService { route, name, target_port } => {
                write!(f, "{route}: create Service {name} with target port {target_port}")
            }
            Step::ApplyService { route, name } => write!(f, "{route}: apply Service {name}"),
            Step::RestPort { route, port } => write!(f, "{route}: let port {port} rest"),
            Step::DeleteService { route, name } => write!(f, "{route}: delete Service {name}"),
            Step::RemoveFinalizer { route } => write!(f, "{route}: remove the finalizer"),
        }
    }
}
