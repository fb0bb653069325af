//! Within AWS's limits: how many calls a second the controller makes, and what it does when AWS throttles.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use http::StatusCode;
use lambdaroute_tests::functions::Handler;
use lambdaroute_tests::gate::{Answer, Match, Operation};
use lambdaroute_tests::http::get;
use lambdaroute_tests::stack::{Shape, Stack};
use serde_json::json;

/// What the flag has no word for: everything of the control plane but the two that AWS counts separately.
fn control_plane() -> Match {
    Match::any().when("the control plane", |seen| {
        matches!(seen.operation, Operation::GetFunctionUrlConfig) || seen.operation.is_write()
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn no_second_sees_more_calls_than_the_budget_however_many_routes_come_at_once() -> anyhow::Result<()> {
    let values = json!({"aws": {"rate": {"controlPlane": 8}}});
    let stack = Stack::with("rate", Shape { proxies: 1, values, ..Shape::default() }).await?;
    let arrivals = Arc::new(Mutex::new(Vec::new()));
    let rule = stack.aws.on(control_plane()).before({
        let arrivals = arrivals.clone();
        move |_| {
            arrivals.lock().unwrap().push(Instant::now());
            async {}
        }
    });
    for number in 0..6 {
        let function = stack.function(Handler::Echo).await?;
        stack.route(&format!("route-{number}"), &format!("{{function: {{name: {}}}}}", function.name())).await?;
    }
    for number in 0..6 {
        stack.ready(&format!("route-{number}")).await?;
    }
    drop(rule);
    let arrivals = arrivals.lock().unwrap().clone();
    assert_eq!(arrivals.len(), 6 * 4, "a read, a create and two statements each");
    for first in &arrivals {
        let second = *first..*first + Duration::from_millis(950);
        let within = arrivals.iter().filter(|arrival| second.contains(*arrival)).count();
        assert!(within <= 12, "8 a second and half a second's worth at once, but {within} came in one second");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_throttle_halves_the_rate_and_the_route_comes_up_all_the_same() -> anyhow::Result<()> {
    let stack = Stack::with("throttle", Shape { proxies: 1, ..Shape::default() }).await?;
    let function = stack.function(Handler::Echo).await?;
    let writes = Match::operation(Operation::CreateFunctionUrlConfig).function(function.name());
    let throttled = stack.aws.on(writes).once().answer(Answer::throttled());
    stack.route("orders", &format!("{{function: {{name: {}}}}}", function.name())).await?;
    stack
        .eventually("the throttle", async || {
            let metrics = stack.controller_admin(0, "/metrics").await?.body;
            let metrics = String::from_utf8_lossy(&metrics).into_owned();
            let told = metrics
                .lines()
                .any(|line| line == r#"lambdaroute_controller_aws_api_throttles_total{budget="control-plane"} 1"#);
            let slower = metrics.lines().find(|line| {
                line.starts_with("lambdaroute_controller_aws_api_rate{") && line.contains(r#"budget="control-plane""#)
            });
            let rate: f64 = slower.and_then(|line| line.rsplit(' ').next()?.parse().ok()).unwrap_or(f64::INFINITY);
            Ok((told && rate < 10.0).then_some(()))
        })
        .await?;
    assert_eq!(throttled.count(), 1);
    stack.ready("orders").await?;
    assert_eq!(get(&stack.url("orders").await?).await?.status, StatusCode::OK);
    assert_eq!(stack.statements(&function, None).await?.len(), 2, "nothing is doubled by the second try");
    Ok(())
}
