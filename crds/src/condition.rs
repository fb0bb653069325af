//! The closed list of condition types and reasons. A word here is in a condition, in docs and in alerts: it never changes
//! its meaning.

mod told;

pub use told::Status;

macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum $name { $($(#[$vdoc])* $variant,)* }

        impl $name {
            /// Every one.
            pub const ALL: &[$name] = &[$($name::$variant,)*];

            /// The word as it stands in a condition.
            pub const fn as_str(self) -> &'static str {
                match self { $($name::$variant => stringify!($variant),)* }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }
    };
}

words! {
    /// The aspects of a LambdaRoute's state.
    ConditionType {
        /// The manifest can be carried out.
        Accepted,
        /// What the manifest refers to exists.
        ResolvedRefs,
        /// The proxies' credentials are those of the principal that the permission statements name.
        CredentialsReady,
        /// The function URL is as the manifest says.
        FunctionURLReady,
        /// The permission statements are as the manifest says.
        PermissionsReady,
        /// Proxies serve the route.
        Programmed,
        /// All of the above: the first that fails gives its reason.
        Ready,
        /// kstatus: work is under way. Only while it is.
        Reconciling,
        /// kstatus: no progress without a person. Only while it is so.
        Stalled,
    }
}

words! {
    /// Why a condition is as it is.
    Reason {
        /// Accepted: the manifest can be carried out.
        Accepted,
        /// The manifest contradicts itself.
        InvalidSpec,
        /// The manifest asks for something that this version or this installation can't do.
        UnsupportedValue,
        /// The platform doesn't allow it.
        NotPermitted,
        /// A Service of that name exists and isn't this route's.
        ServiceNameConflict,
        /// Routes that share the function disagree on its URL's settings.
        Conflicted,
        /// A changed default would resolve to another function than the pinned one.
        TargetChanged,
        /// ResolvedRefs: everything exists.
        ResolvedRefs,
        /// AWS knows no such function.
        FunctionNotFound,
        /// The function has no such alias.
        QualifierNotFound,
        /// A Secret doesn't exist.
        SecretNotFound,
        /// The controller may not read a Secret.
        RefNotPermitted,
        /// A key set can't be had.
        KeysUnavailable,
        /// CredentialsReady: the proxies' credentials are the right ones.
        Valid,
        /// No proxy has said yet.
        Unknown,
        /// The proxies' credentials are of another principal than --proxy-principal.
        WrongPrincipal,
        /// Whose the proxies' credentials are can't be told.
        Unidentified,
        /// The proxies have no credentials.
        Unavailable,
        /// As the manifest says.
        Synced,
        /// Read, and left as it is.
        Observed,
        /// A URL config that we didn't make differs from the manifest.
        AlreadyExists,
        /// AWS refuses the controller.
        AccessDenied,
        /// AWS throttles the controller.
        Throttled,
        /// Another cluster still uses it.
        InUseElsewhere,
        /// AWS can't be reached or fails.
        Unreachable,
        /// Somebody else keeps changing it back.
        ConflictingManager,
        /// The policy would be over AWS's 20,480 bytes.
        PolicyTooLarge,
        /// Proxies serve the route.
        Programmed,
        /// No proxy is connected and ready.
        NoReadyProxies,
        /// The proxies refuse the route.
        Refused,
        /// Not looked at yet, or under way.
        Pending,
        /// Ready: everything is as it should be.
        Ready,
        /// spec.suspend is true.
        Suspended,
        /// Deletion can't go on.
        DeletionBlocked,
    }
}
