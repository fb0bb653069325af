//! The kinds of steps, as a closed list: `docs/writes.md` is written from it, and the tests that kill the controller before
//! and after each write take theirs from that page. Pure.

use super::Step;

macro_rules! kinds {
    ($($kind:ident: $request:literal, $purpose:literal;)*) => {
        /// What a step does, without on what.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum StepKind { $(#[doc = $purpose] $kind,)* }

        impl StepKind {
            /// Every one, in the order of a route's life.
            pub const ALL: &[StepKind] = &[$(StepKind::$kind,)*];

            /// The request that it is, and what it is for.
            pub const fn told(self) -> (&'static str, &'static str) {
                match self { $(StepKind::$kind => ($request, $purpose),)* }
            }
        }
    };
}

kinds! {
    AddFinalizer: "patch LambdaRoute", "before anything is written that must be taken back";
    RecordTarget: "patch LambdaRoute status", "where to look, before the first write there";
    AddPermission: "`lambda:AddPermission`", "one statement for one principal, under a Sid that begins with `lr1-`";
    CreateFunctionUrlConfig: "`lambda:CreateFunctionUrlConfig`", "as the manifest says";
    CreateService: "create Service", "by POST: one that somebody else made is never merged into";
    ApplyService: "patch or update Service", "of this very uid: what it should be, and what proxies serve";
    UpdateFunctionUrlConfig: "`lambda:UpdateFunctionUrlConfig`", "in place: the URL stays. Never one that isn't ours";
    ReleaseTarget: "patch LambdaRoute status", "what was made there is to be taken back";
    DeleteFunctionUrlConfig: "`lambda:DeleteFunctionUrlConfig`", "of our making only";
    RemovePermission: "`lambda:RemovePermission`", "of this cluster's Sids for this target only";
    ForgetTarget: "patch LambdaRoute status", "nothing of this route is there any more";
    RestPort: "create or update ConfigMap", "the port's rest, before the Service goes";
    DeleteService: "delete Service", "of this very uid";
    RemoveFinalizer: "patch LambdaRoute", "last of all";
}

impl Step {
    /// What it does, without on what.
    pub const fn kind(&self) -> StepKind {
        match self {
            Self::AddFinalizer { .. } => StepKind::AddFinalizer,
            Self::RecordTarget { .. } => StepKind::RecordTarget,
            Self::AddPermission { .. } => StepKind::AddPermission,
            Self::CreateFunctionUrlConfig { .. } => StepKind::CreateFunctionUrlConfig,
            Self::UpdateFunctionUrlConfig { .. } => StepKind::UpdateFunctionUrlConfig,
            Self::DeleteFunctionUrlConfig { .. } => StepKind::DeleteFunctionUrlConfig,
            Self::RemovePermission { .. } => StepKind::RemovePermission,
            Self::ReleaseTarget { .. } => StepKind::ReleaseTarget,
            Self::ForgetTarget { .. } => StepKind::ForgetTarget,
            Self::CreateService { .. } => StepKind::CreateService,
            Self::ApplyService { .. } => StepKind::ApplyService,
            Self::RestPort { .. } => StepKind::RestPort,
            Self::DeleteService { .. } => StepKind::DeleteService,
            Self::RemoveFinalizer { .. } => StepKind::RemoveFinalizer,
        }
    }
}

#[cfg(test)]
mod tests;
