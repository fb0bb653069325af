//! How long a person waits for what they have mended.

use super::*;

fn error(kind: ErrorKind) -> AwsError {
    AwsError { operation: "lambda:X", kind, code: "X".into(), message: String::new(), request_id: None }
}

fn longest(outcome: Outcome) -> Duration {
    match outcome {
        Outcome::Again { longest, .. } => longest,
        Outcome::Done(_) => panic!("it is done"),
    }
}

#[test]
fn what_takes_a_person_is_tried_every_five_minutes_and_what_passes_by_itself_every_minute() {
    assert_eq!(longest(again(&error(ErrorKind::Credentials))), Duration::from_secs(300));
    assert_eq!(longest(again(&error(ErrorKind::Unreachable))), Duration::from_secs(60));
}

#[test]
fn what_a_namespace_waits_for_is_tried_every_minute_whatever_it_is() {
    for kind in [ErrorKind::Credentials, ErrorKind::PolicyTooLarge, ErrorKind::Other, ErrorKind::Unreachable] {
        assert_eq!(longest(urgent(again(&error(kind)))), Duration::from_secs(60));
    }
    assert_eq!(urgent(Outcome::Done(None)), Outcome::Done(None), "what is done stays so");
}
