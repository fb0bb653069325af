//! The parts of a route's life in which a controller is killed.

use lambdaroute_tests::functions::Function;
use lambdaroute_tests::stack::Stack;

/// A part of a route's life: what there is before it, and the turn that it takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Life {
    /// It is made.
    Create,
    /// Its URL becomes public.
    GoPublic,
    /// Its URL becomes private again.
    GoPrivate,
    /// Somebody else is let in besides the proxies, in place of the one before.
    Grants,
    /// Another alias.
    Qualifier,
    /// It goes.
    Deletion,
}

impl Life {
    /// Every one.
    pub(super) const ALL: [Life; 6] =
        [Life::Create, Life::GoPublic, Life::GoPrivate, Life::Grants, Life::Qualifier, Life::Deletion];

    /// The manifests before and after the turn.
    fn specs(self, function: &Function) -> (Option<String>, Option<String>) {
        let of = |alias: &str, auth: &str, principal: &str| {
            let name = function.name();
            let grants = match principal {
                "" => String::new(),
                principal => format!(", permissions: {{grants: [{{name: other, principal: '{principal}'}}]}}"),
            };
            Some(format!(
                "{{function: {{name: {name}{alias}}}, upstream: {{type: FunctionURL, functionURL: {{authType: {auth}}}}}\
                 {grants}}}"
            ))
        };
        let (private, public) = (of("", "AWS_IAM", ""), of("", "NONE", "*"));
        match self {
            Life::Create => (None, private),
            Life::GoPublic => (private, public),
            Life::GoPrivate => (public, private),
            Life::Grants => (of("", "AWS_IAM", "444455556666"), of("", "AWS_IAM", "777788889999")),
            Life::Qualifier => (of(", qualifier: PROD", "AWS_IAM", ""), of(", qualifier: NEXT", "AWS_IAM", "")),
            Life::Deletion => (private, None),
        }
    }

    /// Brings about what there is before the turn.
    pub(super) async fn begin(self, stack: &Stack, name: &str, function: &Function) -> anyhow::Result<()> {
        if let (Some(spec), _) = self.specs(function) {
            stack.route(name, &spec).await?;
            stack.ready(name).await?;
            stack.settled(name).await?;
        }
        Ok(())
    }

    /// Takes the turn. Doesn't wait.
    pub(super) async fn turn(self, stack: &Stack, name: &str, function: &Function) -> anyhow::Result<()> {
        match self.specs(function) {
            (_, Some(spec)) => stack.route(name, &spec).await,
            (_, None) => stack.begin_delete(name).await,
        }
    }

    /// Waits until the turn has been taken to its end.
    pub(super) async fn ended(self, stack: &Stack, name: &str) -> anyhow::Result<()> {
        match self {
            Life::Deletion => stack.gone(name).await?,
            _ => {
                stack.ready(name).await?;
                stack.settled(name).await?;
            }
        }
        stack
            .eventually(&format!("the endpoints of {name} to be as its life"), async || {
                let none = stack.endpoints_of(name).await?.is_empty();
                Ok((none == (self == Life::Deletion)).then_some(()))
            })
            .await
    }
}
