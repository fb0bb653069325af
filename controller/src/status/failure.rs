//! What a failed call means to a person. AWS's own words stay out where the kind of failure says it all, and what changes with
//! every try always: it is in the Event and in the log.

use lambdaroute_crds::condition::Reason;

use super::judgement::{Actor, Judgement};
use crate::aws::{AwsError, Denied, ErrorKind};
use crate::steady::steady;

/// The statement of an IAM policy that would allow what was refused.
pub fn iam_statement(denied: &Denied) -> String {
    let resource = denied.resource.as_deref().unwrap_or("*");
    serde_json::json!({"Effect": "Allow", "Action": denied.action, "Resource": resource}).to_string()
}

/// The judgement of the aspect that a call was about.
pub(super) fn judge(error: &AwsError) -> Judgement {
    let AwsError { operation, kind, code, message, request_id: _ } = error;
    match kind {
        ErrorKind::AccessDenied(denied) => {
            let who = denied.principal.as_deref().unwrap_or("the controller");
            let statement = iam_statement(denied);
            Judgement::no(
                Reason::AccessDenied,
                format!(
                    "AWS refuses {} to {who} ({code}): allow it in an IAM policy of the controller: {statement}",
                    denied.action
                ),
            )
        }
        ErrorKind::OtherAccount { own } => Judgement::no(
            Reason::AccessDenied,
            format!(
                "the controller's credentials are of account {own} now, the function isn't: give the controller its former \
                 account back"
            ),
        ),
        ErrorKind::Credentials => Judgement::no(
            Reason::AccessDenied,
            format!(
                "{operation}: AWS has no valid credentials from the controller ({code}): give its ServiceAccount a role \
                 (IRSA or Pod Identity), or set AWS's usual variables"
            ),
        ),
        ErrorKind::Throttled { .. } => {
            Judgement::no(Reason::Throttled, format!("{operation} is throttled: it is tried again, slower each time"))
        }
        ErrorKind::PolicyTooLarge => Judgement::no(
            Reason::PolicyTooLarge,
            "the function's policy would be over AWS's 20,480 bytes: remove statements from it that nobody needs",
        ),
        ErrorKind::InvalidPrincipal(whose) => Judgement {
            actor: if whose.as_deref().is_some_and(|whose| whose.starts_with("grant ")) {
                Actor::You
            } else {
                Actor::Platform
            },
            ..Judgement::no(
                Reason::Unreachable,
                match whose.as_deref().and_then(|whose| whose.strip_prefix("grant ")) {
                    Some(name) => format!(
                        "AWS doesn't know the principal of spec.permissions.grants[{name}]: correct it, or wait (a new role \
                         takes up to two minutes)"
                    ),
                    None => "AWS doesn't know the principal that is to be granted: check --proxy-principal (a new role takes \
                             up to two minutes)"
                        .to_owned(),
                },
            )
        },
        ErrorKind::PublicPolicyBlocked => Judgement::no(
            Reason::AccessDenied,
            format!(
                "the account blocks policies that let in everybody ({code}), and authType NONE needs one: let the function's \
                 be public (lambda:PutPublicAccessBlockConfig), or use AWS_IAM"
            ),
        ),
        ErrorKind::NotTaken(left) => Judgement {
            actor: Actor::Platform,
            ..Judgement::no(
                Reason::Unreachable,
                format!(
                    "AWS took {operation} and didn't carry it out ({}): clear that by hand, with AWS's console or by a URL \
                     config made anew",
                    left.join("; ")
                ),
            )
        },
        ErrorKind::Unreachable => {
            Judgement::no(Reason::Unreachable, format!("{operation} gets no answer ({code}): it is tried again"))
        }
        ErrorKind::Other => Judgement {
            actor: Actor::Platform,
            ..Judgement::no(
                Reason::Unreachable,
                format!(
                    "{operation} fails with {code}: {}. It is tried again; the controller's log has AWS's request id",
                    steady(message.trim_end_matches('.'))
                ),
            )
        },
        ErrorKind::NotFound | ErrorKind::Conflict | ErrorKind::PreconditionFailed | ErrorKind::NotLeading => {
            Judgement::pending("AWS changed meanwhile: it is looked at again")
        }
    }
}
