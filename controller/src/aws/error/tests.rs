//! AWS's codes and words.

use super::*;

#[test]
fn awss_codes_become_what_happens_next() {
    let kind = |code: &str, message: &str| classify("lambda:AddPermission", code, message, None);
    assert_eq!(kind("ResourceNotFoundException", "Function does not exist"), ErrorKind::NotFound);
    assert_eq!(
        kind("ResourceConflictException", "The statement id (s3) provided already exists."),
        ErrorKind::Conflict
    );
    assert_eq!(kind("PublicPolicyException", "Lambda prevented your policy"), ErrorKind::PublicPolicyBlocked);
    assert_eq!(kind("PreconditionFailedException", ""), ErrorKind::PreconditionFailed);
    assert_eq!(kind("TooManyRequestsException", "Rate exceeded"), ErrorKind::Throttled { retry_after: None });
    assert_eq!(
        kind("InvalidParameterValueException", "The provided principal was invalid. Please check the principal"),
        ErrorKind::InvalidPrincipal(None)
    );
    assert_eq!(kind("InvalidParameterValueException", "Something else"), ErrorKind::Other);
    assert_eq!(kind("UnrecognizedClientException", "The security token is invalid"), ErrorKind::Credentials);
    assert!(matches!(kind("AccessDeniedException", "User: a is not authorized"), ErrorKind::AccessDenied(_)));
}

#[test]
fn an_error_names_operation_code_and_request_id() {
    let error = AwsError {
        operation: "lambda:AddPermission",
        kind: ErrorKind::Conflict,
        code: "ResourceConflictException".into(),
        message: "already exists".into(),
        request_id: Some("1234".into()),
    };
    assert_eq!(
        error.to_string(),
        "lambda:AddPermission failed: ResourceConflictException: already exists (request id 1234)"
    );
    assert_eq!(error.label(), "ResourceConflictException");
    assert_eq!(AwsError { code: "a code, with a comma".into(), ..error }.label(), "Other");
}
