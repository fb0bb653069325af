//! Who may call the function URL besides the proxies.

use http::StatusCode;
use lambdaroute_tests::functions::{Function, Handler};
use lambdaroute_tests::gate::{Answer, Match, Operation};
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

#[tokio::test(flavor = "multi_thread")]
async fn a_withdrawn_grant_goes_though_another_route_on_the_function_is_suspended() -> anyhow::Result<()> {
    let stack = Stack::start("withdrawn").await?;
    stack.allow(&["Grants"]).await?;
    let function = stack.function(Handler::Echo).await?;
    let stranger = stack.principals().stranger.clone();
    let grant = format!("{{name: reporter, principal: '{}'}}", stranger.arn);
    stack.route("orders", &spec(&function, &[&grant])).await?;
    stack.route("orders-too", &spec(&function, &[])).await?;
    stack.ready("orders").await?;
    stack.ready("orders-too").await?;
    let url = function.url(None).await?.unwrap_or_default();
    assert_eq!(stack.call_as(&stranger, &url).await?, StatusCode::OK);
    stack.route("orders-too", &format!("{{function: {{name: {}}}, suspend: true}}", function.name())).await?;
    stack.until("orders-too", "Ready", "False", "Suspended").await?;

    stack.withdraw().await?;
    stack
        .eventually("the grant to be gone", async || {
            Ok((stack.statements(&function, None).await?.len() == 2).then_some(()))
        })
        .await?;
    assert_eq!(stack.call_as(&stranger, &url).await?, StatusCode::FORBIDDEN);
    stack.until("orders", "Accepted", "False", "NotPermitted").await?;
    stack.delete("orders").await?;
    assert_eq!(function.url(None).await?, Some(url), "the suspended route has it still");
    let served = lambdaroute_tests::http::get(&stack.url("orders-too").await?).await?;
    assert_eq!(served.status, StatusCode::OK);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_grant_that_aws_refuses_is_told_to_its_own_route_and_stops_no_other() -> anyhow::Result<()> {
    let stack = Stack::start("gone-role").await?;
    stack.allow(&["Grants", "PublicURL"]).await?;
    let function = stack.function(Handler::Echo).await?;
    let unknown = Match::operation(Operation::AddPermission)
        .function(function.name())
        .when("a role that is gone", |seen| String::from_utf8_lossy(&seen.body).contains("role/gone"));
    let invalid = Answer::aws_error(
        StatusCode::BAD_REQUEST,
        "InvalidParameterValueException",
        "The provided principal was invalid. Please check the principal and try again.",
    );
    let _refused = stack.aws.on(unknown).answer(invalid);
    let name = function.name();
    let public = format!(
        "{{function: {{name: {name}}}, upstream: {{type: FunctionURL, functionURL: {{authType: NONE}}}},
          permissions: {{grants: [{{name: all, principal: '*'}}, {PARTNER}]}}}}"
    );
    stack.route("orders", &public).await?;
    stack.ready("orders").await?;
    let gone = "{name: departed, principal: 'arn:aws:iam::111122223333:role/gone'}";
    stack.route("others", &spec(&function, &[gone])).await?;
    stack.until("others", "Accepted", "False", "Conflicted").await?;

    stack.route("orders", &spec(&function, &[])).await?;
    let told = stack.until("others", "PermissionsReady", "False", "Unreachable").await?;
    assert!(told.message.contains("spec.permissions.grants[departed]"), "{}", told.message);
    stack
        .eventually("the URL to be closed and the grants to be gone", async || {
            let closed = stack.auth_type(&function).await?.as_deref() == Some("AWS_IAM");
            Ok((closed && stack.statements(&function, None).await?.len() == 2).then_some(()))
        })
        .await?;
    let orders = stack.ready("orders").await?;
    assert!(!serde_json::to_string(&orders.status)?.contains("departed"), "{:?}", orders.status);
    stack.route("orders-too", &spec(&function, &[])).await?;
    stack.ready("orders-too").await?;
    stack.delete("orders").await?;
    stack.until("others", "PermissionsReady", "False", "Unreachable").await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn where_aws_itself_says_that_there_is_no_room_nothing_is_added_and_what_is_withdrawn_goes() -> anyhow::Result<()>
{
    let stack = Stack::start("no-room").await?;
    stack.allow(&["Grants"]).await?;
    let function = stack.function(Handler::Echo).await?;
    stack.route("orders", &spec(&function, &[CDN])).await?;
    stack.ready("orders").await?;
    let url = function.url(None).await?;
    let pair = of(&stack, &function, &stack.principals().proxies.arn).await?;
    assert_eq!((of(&stack, &function, "cloudfront").await?.len(), pair.len()), (2, 2));

    // By our own count there is room.
    let adds = Match::operation(Operation::AddPermission).function(function.name());
    let full = Answer::aws_error(
        StatusCode::BAD_REQUEST,
        "PolicyLengthExceededException",
        "The final policy size (20522) is bigger than the limit (20480).",
    );
    let refused = stack.aws.on(adds).answer(full);
    stack.route("orders", &spec(&function, &[PARTNER])).await?;
    let told = stack.until("orders", "PermissionsReady", "False", "PolicyTooLarge").await?;
    assert!(told.message.contains("20,480 bytes"), "{}", told.message);
    stack
        .eventually("the withdrawn grant to be gone", async || {
            Ok(of(&stack, &function, "cloudfront").await?.is_empty().then_some(()))
        })
        .await?;
    assert_eq!(stack.statements(&function, None).await?, pair, "nothing of the new one, and all of the proxies'");
    assert_eq!(function.url(None).await?, url);
    assert!(refused.count() <= 4, "{} tries: it waits for somebody to make room", refused.count());
    let served = lambdaroute_tests::http::get(&stack.url("orders").await?).await?;
    assert_eq!(served.status, StatusCode::OK);

    drop(refused);
    stack.annotate("orders", "lambdaroute.dev/reconcile-at", "there is room").await?;
    stack.ready("orders").await?;
    assert_eq!(of(&stack, &function, "444455556666").await?.len(), 2);
    Ok(())
}
