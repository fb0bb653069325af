//! Who may call the function URL besides the proxies.

use http::StatusCode;
use lambdaroute_tests::functions::{Function, Handler};
use lambdaroute_tests::gate::{Match, Operation};
use lambdaroute_tests::stack::Stack;
use serde_json::Value;

const CDN: &str = "{name: cdn, principal: cloudfront.amazonaws.com, sourceAccount: '111122223333', sourceARN: \
                   'arn:aws:cloudfront::111122223333:distribution/E1EXAMPLE'}";
const PARTNER: &str = "{name: partner, principal: '444455556666', principalOrgID: o-a1b2c3d4e5}";

fn spec(function: &Function, grants: &[&str]) -> String {
    let permissions = match grants {
        [] => String::new(),
        grants => format!(", permissions: {{grants: [{}]}}", grants.join(", ")),
    };
    format!("{{function: {{name: {}}}{permissions}}}", function.name())
}

async fn of(stack: &Stack, function: &Function, principal: &str) -> anyhow::Result<Vec<Value>> {
    let statements = stack.statements(function, None).await?;
    Ok(statements.into_iter().filter(|statement| statement["Principal"].to_string().contains(principal)).collect())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_grant_lets_somebody_in_until_it_is_taken_out_of_the_manifest() -> anyhow::Result<()> {
    let stack = Stack::start("granted").await?;
    stack.allow(&["Grants"]).await?;
    let function = stack.function(Handler::Echo).await?;
    let stranger = stack.principals().stranger.clone();
    stack.route("orders", &spec(&function, &[])).await?;
    stack.ready("orders").await?;
    let url = function.url(None).await?.unwrap_or_default();
    assert_eq!(stack.call_as(&stranger, &url).await?, StatusCode::FORBIDDEN);

    let grant = format!("{{name: reporter, principal: '{}'}}", stranger.arn);
    stack.route("orders", &spec(&function, &[&grant])).await?;
    stack
        .eventually("the stranger to be let in", async || {
            Ok((stack.call_as(&stranger, &url).await? == StatusCode::OK).then_some(()))
        })
        .await?;
    stack.ready("orders").await?;
    let event = stack.event("orders", "PermissionGranted").await?;
    assert!(event.note.is_some());

    stack.route("orders", &spec(&function, &[])).await?;
    stack
        .eventually("the stranger to be kept out", async || {
            Ok((stack.call_as(&stranger, &url).await? == StatusCode::FORBIDDEN).then_some(()))
        })
        .await?;
    stack
        .eventually("the pair to be gone", async || {
            Ok((stack.statements(&function, None).await?.len() == 2).then_some(()))
        })
        .await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn every_kind_of_grant_is_written_once_as_aws_spells_it_and_changed_without_a_gap() -> anyhow::Result<()> {
    let stack = Stack::start("kinds").await?;
    stack.allow(&["Grants"]).await?;
    let function = stack.function(Handler::Echo).await?;
    stack.route("orders", &spec(&function, &[CDN, PARTNER])).await?;
    stack.ready("orders").await?;
    let adds = Match::operation(Operation::AddPermission).function(function.name());
    assert_eq!(stack.aws.count(&adds), 6, "three pairs, and what AWS spells in another way isn't written again");
    let cdn = of(&stack, &function, "cloudfront").await?;
    assert_eq!(cdn.len(), 2);
    for statement in &cdn {
        assert_eq!(
            statement["Condition"]["ArnLike"]["AWS:SourceArn"],
            "arn:aws:cloudfront::111122223333:distribution/E1EXAMPLE"
        );
        assert_eq!(statement["Condition"]["StringEquals"]["AWS:SourceAccount"], "111122223333");
    }
    for statement in of(&stack, &function, "arn:aws:iam::444455556666:root").await? {
        assert_eq!(statement["Condition"]["StringEquals"]["aws:PrincipalOrgID"], "o-a1b2c3d4e5");
    }

    let removal = Match::operation(Operation::RemovePermission).function(function.name());
    let held = stack.aws.on(removal.clone()).hold_before();
    let moved = CDN.replace("E1EXAMPLE", "E2EXAMPLE");
    stack.route("orders", &spec(&function, &[&moved, PARTNER])).await?;
    held.arrived().await?;
    assert_eq!(of(&stack, &function, "cloudfront").await?.len(), 4, "the new pair stands before the old one goes");
    held.release();
    stack
        .eventually("the old pair to be gone", async || {
            let cdn = of(&stack, &function, "cloudfront").await?;
            let moved = |statement: &Value| statement.to_string().contains("E2EXAMPLE");
            Ok((cdn.len() == 2 && cdn.iter().all(moved)).then_some(()))
        })
        .await?;
    stack.delete("orders").await?;
    assert!(stack.statements(&function, None).await?.is_empty());
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_grant_of_two_routes_goes_with_the_second() -> anyhow::Result<()> {
    let stack = Stack::start("shared-grant").await?;
    stack.allow(&["Grants"]).await?;
    let function = stack.function(Handler::Echo).await?;
    stack.route("orders", &spec(&function, &[PARTNER])).await?;
    stack.route("orders-too", &spec(&function, &[PARTNER, CDN])).await?;
    stack.ready("orders").await?;
    stack.ready("orders-too").await?;
    assert_eq!(stack.statements(&function, None).await?.len(), 6);

    stack.route("orders-too", &spec(&function, &[])).await?;
    stack
        .eventually("the grant of one route alone to be gone", async || {
            Ok(of(&stack, &function, "cloudfront").await?.is_empty().then_some(()))
        })
        .await?;
    assert_eq!(of(&stack, &function, "444455556666").await?.len(), 2, "the other route has it still");
    stack.delete("orders").await?;
    stack
        .eventually("the grant of nobody to be gone", async || {
            Ok(of(&stack, &function, "444455556666").await?.is_empty().then_some(()))
        })
        .await?;
    assert_eq!(stack.statements(&function, None).await?.len(), 2, "the proxies' pair is needed still");
    Ok(())
}
