//! AWS's own CORS at a public function URL: set, changed, and really taken away.

use lambdaroute_tests::functions::{Function, Handler};
use lambdaroute_tests::gate::{Match, Operation};
use lambdaroute_tests::stack::Stack;
use serde_json::{Value, json};

fn spec(function: &Function, cors: &str) -> String {
    format!(
        "{{function: {{name: {}}}, upstream: {{type: FunctionURL, functionURL: {{authType: NONE{cors}}}}}, \
          permissions: {{grants: [{{name: all, principal: '*'}}]}}}}",
        function.name()
    )
}

async fn public_stack(name: &str) -> anyhow::Result<Stack> {
    let stack = Stack::start(name).await?;
    stack.allow(&["PublicURL"]).await?;
    Ok(stack)
}

#[tokio::test(flavor = "multi_thread")]
async fn cors_is_set_changed_and_taken_away_without_another_url() -> anyhow::Result<()> {
    let stack = public_stack("cors").await?;
    let function = stack.function(Handler::Echo).await?;
    let cors = ", cors: {allowOrigins: ['https://Shop.example', 'https://a.example'], allowMethods: [GET], maxAge: 1h}";
    stack.route("orders", &spec(&function, cors)).await?;
    stack.ready("orders").await?;
    let url = function.url(None).await?;
    let set = stack.cors(&function).await?;
    assert_eq!((&set["AllowMethods"], &set["MaxAge"]), (&json!(["GET"]), &json!(3600)));
    assert_eq!(set["AllowOrigins"], json!(["https://a.example", "https://shop.example"]));
    let updates = Match::operation(Operation::UpdateFunctionUrlConfig).function(function.name());
    assert_eq!(stack.aws.count(&updates), 0);

    stack.route("orders", &spec(&function, ", cors: {allowOrigins: ['https://a.example']}")).await?;
    stack
        .eventually("what the manifest lost to be gone", async || {
            let set = stack.cors(&function).await?;
            let lists = set["AllowOrigins"] == json!(["https://a.example"]) && set["AllowMethods"] == json!([]);
            Ok((lists && set["MaxAge"] == 0).then_some(()))
        })
        .await?;
    stack.route("orders", &spec(&function, "")).await?;
    stack
        .eventually("CORS to be gone", async || {
            Ok((stack.cors(&function).await?["AllowOrigins"] == json!([])).then_some(()))
        })
        .await?;
    stack.ready("orders").await?;
    assert_eq!(function.url(None).await?, url);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_aws_does_not_clear_is_told() -> anyhow::Result<()> {
    let stack = public_stack("cors-stays").await?;
    let function = stack.function(Handler::Echo).await?;
    stack.route("orders", &spec(&function, ", cors: {allowOrigins: ['https://a.example']}")).await?;
    stack.ready("orders").await?;
    // An AWS for which an empty list is no change.
    let keeps = stack.aws.on(Match::operation(Operation::UpdateFunctionUrlConfig).function(function.name())).rewrite(
        |response| {
            response.map(|body| {
                let mut config: Value = serde_json::from_slice(&body).unwrap_or_default();
                config["Cors"] = json!({"AllowOrigins": ["https://a.example"]});
                config.to_string().into()
            })
        },
    );
    stack.route("orders", &spec(&function, "")).await?;
    let condition = stack.until("orders", "FunctionURLReady", "False", "Unreachable").await?;
    assert!(condition.message.contains("cors.allowOrigins is https://a.example, not none"), "{}", condition.message);
    assert!(keeps.count() <= 2, "no hot loop: {}", keeps.count());
    Ok(())
}
