//! AWS's words for a refusal.

use super::*;

#[test]
fn who_what_and_where_are_read_from_awss_message() {
    let message = "User: arn:aws:sts::111122223333:assumed-role/lambdaroute-controller/i-0123 is not authorized to \
                   perform: lambda:AddPermission on resource: \
                   arn:aws:lambda:eu-west-1:111122223333:function:orders because no identity-based policy allows the \
                   lambda:AddPermission action";
    assert_eq!(
        Denied::parse("lambda:AddPermission", message),
        Denied {
            action: "lambda:AddPermission".into(),
            resource: Some("arn:aws:lambda:eu-west-1:111122223333:function:orders".into()),
            principal: Some("arn:aws:sts::111122223333:assumed-role/lambdaroute-controller".into()),
        }
    );
}

#[test]
fn a_message_without_a_resource_still_names_the_action() {
    let denied = Denied::parse("lambda:GetPolicy", "User: arn:aws:iam::1:user/c is not authorized");
    assert_eq!(denied.action, "lambda:GetPolicy");
    assert_eq!(denied.resource, None);
    assert_eq!(denied.principal.as_deref(), Some("arn:aws:iam::1:user/c"));
    assert_eq!(Denied::parse("lambda:GetPolicy", "no").principal, None);
}
