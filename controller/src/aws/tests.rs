//! Calls and their turns.

use std::cell::Cell;

use aws_sdk_lambda::operation::add_permission::AddPermissionError;

use super::*;

pub(crate) fn aws() -> Aws {
    let limiters = Limiters::new(AwsRate::default());
    let metrics = AwsMetrics::register(&mut Registry::default(), limiters.clone());
    Aws { config: SdkConfig::builder().build(), clients: Mutex::default(), limiters, metrics }
}

fn target(region: &str) -> FunctionTarget {
    FunctionTarget::parse_arn(&format!("arn:aws:lambda:{region}:111122223333:function:orders")).unwrap()
}

/// A write that notes that it has begun.
async fn write(lambda: &Lambda<'_>, deadline: Instant, begun: &Cell<bool>) -> Result<(), AwsError> {
    let send = async {
        begun.set(true);
        Ok::<(), SdkError<AddPermissionError, HttpResponse>>(())
    };
    lambda.call("lambda:AddPermission", Some(deadline), send).await
}

#[tokio::test(start_paused = true)]
async fn a_write_that_waited_past_its_deadline_is_not_begun() {
    let aws = aws();
    let target = target("eu-west-1");
    let lambda = aws.lambda(&target, Priority::Change);
    lambda.limiter.throttled(Budget::ControlPlane, Some(Duration::from_secs(20)));
    let (started, begun) = (Instant::now(), Cell::new(false));
    let failed = write(&lambda, started + Duration::from_secs(10), &begun).await.unwrap_err();
    assert_eq!(failed.kind, ErrorKind::NotLeading);
    assert_eq!((started.elapsed().as_secs(), begun.get()), (10, false));

    write(&lambda, started + Duration::from_secs(30), &begun).await.unwrap();
    assert_eq!((started.elapsed().as_secs(), begun.get()), (20, true), "in time it is");
}

#[tokio::test(start_paused = true)]
async fn a_throttle_in_one_region_slows_no_other() {
    let aws = aws();
    let (here, there) = (target("eu-west-1"), target("us-east-1"));
    aws.lambda(&here, Priority::Change).limiter.throttled(Budget::ControlPlane, Some(Duration::from_secs(20)));
    let begun = Cell::new(false);
    let started = Instant::now();
    write(&aws.lambda(&there, Priority::Change), started + Duration::from_secs(1), &begun).await.unwrap();
    assert_eq!((started.elapsed(), begun.get()), (Duration::ZERO, true));
}
