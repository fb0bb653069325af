//! What each condition and reason means, and what to do: the words of `docs/conditions.md`. Pure.

use super::{ConditionType, Reason};

/// The status of a condition.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Status {
    /// As it should be.
    True,
    /// Not so.
    False,
    /// Not known.
    Unknown,
}

impl Status {
    /// The word as it stands in a condition.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::True => "True",
            Self::False => "False",
            Self::Unknown => "Unknown",
        }
    }
}

use Status::{False, True, Unknown};

impl ConditionType {
    /// What it says, as one sentence.
    pub const fn meaning(self) -> &'static str {
        match self {
            Self::Accepted => "The manifest can be carried out.",
            Self::ResolvedRefs => "What the manifest refers to exists: the function, its alias, Secrets, keys.",
            Self::CredentialsReady => {
                "The proxies have AWS credentials, and they are those of the principal that the permission statements name."
            }
            Self::FunctionURLReady => "The function URL is as the manifest says.",
            Self::PermissionsReady => "The function's policy lets in whom the manifest says.",
            Self::Programmed => "Proxies serve the route: at least one that is ready has acknowledged it.",
            Self::Ready => {
                "As last observed, a call works. If not, the reason is that of the first condition above that fails, and \
                 the message begins with who must act: `You:`, `Platform team:` or `AWS:`."
            }
            Self::Reconciling => {
                "kstatus: something is under way. It is there only while that is so, with the reason and message of Ready."
            }
            Self::Stalled => {
                "kstatus: nothing goes on without a person. It is there only while that is so, with the reason and message \
                 of Ready. It is tried again all the same, slowly."
            }
        }
    }

    /// The reasons of its own that it can have, each with its status. `Ready`, `Reconciling` and `Stalled` have those of
    /// the others besides.
    pub const fn reasons(self) -> &'static [(Status, Reason)] {
        match self {
            Self::Accepted => &[
                (True, Reason::Accepted),
                (False, Reason::InvalidSpec),
                (False, Reason::UnsupportedValue),
                (False, Reason::NotPermitted),
                (False, Reason::ServiceNameConflict),
                (False, Reason::Conflicted),
                (False, Reason::TargetChanged),
                (Unknown, Reason::Pending),
            ],
            Self::ResolvedRefs => &[
                (True, Reason::ResolvedRefs),
                (False, Reason::FunctionNotFound),
                (False, Reason::QualifierNotFound),
                (False, Reason::SecretNotFound),
                (False, Reason::RefNotPermitted),
                (False, Reason::KeysUnavailable),
                (Unknown, Reason::Pending),
            ],
            Self::CredentialsReady => &[
                (True, Reason::Valid),
                (False, Reason::WrongPrincipal),
                (False, Reason::Unavailable),
                (Unknown, Reason::Unidentified),
                (Unknown, Reason::Unknown),
            ],
            Self::FunctionURLReady => &[
                (True, Reason::Synced),
                (True, Reason::Observed),
                (False, Reason::AlreadyExists),
                (False, Reason::AccessDenied),
                (False, Reason::Throttled),
                (False, Reason::InUseElsewhere),
                (False, Reason::Unreachable),
                (False, Reason::ConflictingManager),
                (Unknown, Reason::Pending),
            ],
            Self::PermissionsReady => &[
                (True, Reason::Synced),
                (True, Reason::Observed),
                (False, Reason::AccessDenied),
                (False, Reason::PolicyTooLarge),
                (False, Reason::Throttled),
                (False, Reason::ConflictingManager),
                (False, Reason::Unreachable),
                (Unknown, Reason::Pending),
            ],
            Self::Programmed => &[
                (True, Reason::Programmed),
                (False, Reason::NoReadyProxies),
                (False, Reason::Refused),
                (Unknown, Reason::Pending),
            ],
            Self::Ready => &[
                (True, Reason::Ready),
                (False, Reason::Suspended),
                (False, Reason::DeletionBlocked),
                (Unknown, Reason::Pending),
            ],
            Self::Reconciling | Self::Stalled => &[],
        }
    }
}

impl Reason {
    /// What it means, and what to do about it: for a person in a hurry.
    pub const fn told(self) -> (&'static str, &'static str) {
        const NOTHING: &str = "Nothing.";
        match self {
            Self::Accepted => ("The manifest can be carried out.", NOTHING),
            Self::InvalidSpec => ("The manifest contradicts itself.", "Change the field that the message names."),
            Self::UnsupportedValue => (
                "The manifest asks for something that this version or this installation can't do.",
                "Change the field that the message names, or ask the platform team for a version that can.",
            ),
            Self::NotPermitted => (
                "The platform team doesn't allow this here.",
                "Change the field that the message names, or ask the platform team to allow it. What the route had before \
                 is taken back if that isn't allowed any more either.",
            ),
            Self::ServiceNameConflict => (
                "A Service of that name exists and isn't this route's. It is left alone.",
                "Set `spec.service.name`, or delete that Service.",
            ),
            Self::Conflicted => (
                "Several routes share the function and want different settings of its one URL. Nothing disputed is written; \
                 what was programmed before goes on.",
                "Agree on the settings.",
            ),
            Self::TargetChanged => (
                "The controller's Region or account has changed, and the manifest would now mean another function than the \
                 one it is pinned to. Nothing is written.",
                "Name the Region and account in the manifest, or give the controller its former ones back.",
            ),
            Self::ResolvedRefs => ("Everything that the manifest refers to exists.", NOTHING),
            Self::FunctionNotFound => (
                "AWS has no such function in this account and Region.",
                "Create it, or correct the name. It is looked for again by itself.",
            ),
            Self::QualifierNotFound => {
                ("The function has no such alias.", "Create it, or correct it. It is looked for again by itself.")
            }
            Self::SecretNotFound => (
                "A Secret that the manifest names doesn't exist, or lacks what it should hold.",
                "Create it in the route's namespace.",
            ),
            Self::RefNotPermitted => (
                "The controller may not read Secrets of this namespace.",
                "Use digests in the manifest, or have the operator add the namespace to `controller.secretNamespaces`.",
            ),
            Self::KeysUnavailable => (
                "The keys of an issuer can't be fetched, or have gone too old.",
                "See the message: a wrong URL, a certificate, or the network. It is tried again by itself.",
            ),
            Self::Valid => ("The proxies have the credentials that the statements name.", NOTHING),
            Self::Unknown => ("No proxy has said yet who it is.", "Wait; if it stays so, look whether proxies run."),
            Self::WrongPrincipal => (
                "The proxies' credentials are of another principal than the one that is granted the calls.",
                "Give the proxies' ServiceAccount the role of `--proxy-principal` (`proxyPrincipal` in the chart), or \
                 change that value. The role of a node: neither IRSA nor Pod Identity reaches the proxies' Pods; look at \
                 `proxy.serviceAccount.annotations` and at the role's trust policy ([iam.md](iam.md)), and restart them.",
            ),
            Self::Unidentified => (
                "The proxies have AWS credentials and sign calls with them, but STS doesn't tell whose they are: whether they \
                 are those that the statements name isn't known. New credentials count as of the same principal for a minute.",
                "Let the proxies reach STS (`sts:GetCallerIdentity`; a VPC endpoint where there is no way out). The message \
                 has a proxy's words.",
            ),
            Self::Unavailable => (
                "The proxies that serve the route, or some of them, have no AWS credentials.",
                "Give their ServiceAccount a role ([iam.md](iam.md)); their logs say more.",
            ),
            Self::Synced => ("As the manifest says.", NOTHING),
            Self::Observed => ("It is read and left as it is, as `management: Observe` asks.", NOTHING),
            Self::AlreadyExists => (
                "The function has a URL that LambdaRoute didn't make, and it differs from the manifest. It is left alone.",
                "Change the manifest to what is there, delete that URL, or let the route take it over with `management: \
                 Adopt` where the platform team allows it.",
            ),
            Self::AccessDenied => (
                "AWS refuses the controller an action.",
                "Add the IAM statement that the message spells out to the controller's policy ([iam.md](iam.md)).",
            ),
            Self::Throttled => (
                "AWS answers that there are too many calls of its control plane in this account and Region.",
                "Wait. If it stays so, something else in the account uses the budget up.",
            ),
            Self::InUseElsewhere => (
                "Another cluster's statements are on the function, so its URL isn't deleted.",
                "Delete that cluster's routes to the function first, or leave the URL to it.",
            ),
            Self::Unreachable => (
                "AWS gives no answer, or one that says nothing of use.",
                "Look at the controller's way to AWS. It is tried again by itself.",
            ),
            Self::ConflictingManager => (
                "Somebody else keeps changing back what the controller writes. It goes on repairing, slowly.",
                "Find them (CloudTrail tells who): Terraform, a console, a cluster with the same id.",
            ),
            Self::PolicyTooLarge => (
                "The function's policy would be over AWS's 20,480 bytes. No grant is added.",
                "Remove statements from it that nobody needs.",
            ),
            Self::Programmed => ("Proxies serve the route.", NOTHING),
            Self::NoReadyProxies => {
                ("No proxy is connected and ready.", "Look at the Pods of the proxies and their logs.")
            }
            Self::Refused => (
                "The proxies refuse the route, for the reason in the message.",
                "Mostly they are older than the controller: upgrade them.",
            ),
            Self::Pending => ("Not looked at yet, or under way.", "Wait."),
            Self::Ready => ("Calls are served.", NOTHING),
            Self::Suspended => (
                "`spec.suspend` is true. What was programmed is served on; nothing is changed.",
                "Take it away when you want the route to follow its manifest again.",
            ),
            Self::DeletionBlocked => (
                "AWS keeps the controller from taking back what it made, so the object can't go yet.",
                "Do what the message says; or annotate the object with `lambdaroute.dev/force-delete: \"true\"`, which \
                 leaves in AWS what is there.",
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_reason_belongs_to_a_condition() {
        let told: BTreeSet<Reason> =
            ConditionType::ALL.iter().flat_map(|type_| type_.reasons()).map(|(_, reason)| *reason).collect();
        let missing: Vec<_> = Reason::ALL.iter().filter(|reason| !told.contains(reason)).collect();
        assert!(missing.is_empty(), "no condition has {missing:?}");
    }
}
