//! Which reads are made again within a look.

use std::cell::Cell;

use super::*;

/// How often a read is made that fails like this, each time after so long.
async fn reads(kind: ErrorKind, takes: Duration) -> u32 {
    let reads = Cell::new(0);
    let error = AwsError { kind, ..AwsError::late("lambda:GetPolicy") };
    let failing = || {
        reads.set(reads.get() + 1);
        let error = error.clone();
        async move {
            tokio::time::sleep(takes).await;
            Err::<(), _>(error)
        }
    };
    assert_eq!(answered(failing).await, Err(error.clone()));
    reads.get()
}

#[tokio::test(start_paused = true)]
async fn a_read_without_an_answer_is_made_three_times_at_most() {
    assert_eq!(reads(ErrorKind::Unreachable, Duration::from_millis(10)).await, 3);
}

#[tokio::test(start_paused = true)]
async fn a_read_that_takes_long_to_fail_holds_nobody_up_longer() {
    assert_eq!(reads(ErrorKind::Unreachable, Duration::from_secs(10)).await, 1);
}

#[tokio::test(start_paused = true)]
async fn whatever_aws_says_is_an_answer() {
    let denied = ErrorKind::AccessDenied(crate::aws::Denied::parse("lambda:GetPolicy", "no"));
    let throttled = ErrorKind::Throttled { retry_after: None };
    for kind in [denied, throttled, ErrorKind::NotFound, ErrorKind::Credentials, ErrorKind::Conflict, ErrorKind::Other]
    {
        assert_eq!(reads(kind, Duration::ZERO).await, 1);
    }
}
