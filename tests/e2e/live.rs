//! The live suite itself, on the emulator behind the gate: that it asks what it says, judges, and leaves nothing. What it is
//! for, AWS alone can answer.

use std::time::Duration;

use lambdaroute_tests::emulator::REGION;
use lambdaroute_tests::functions::Handler;
use lambdaroute_tests::live::{Settings, Verdict, run, table};

use crate::aws::{function, with_aws};

#[test]
fn the_live_suite_runs_judges_and_leaves_nothing() {
    with_aws(async |account| {
        let echo = function(account, Handler::Echo).await;
        let proxies = &account.principals.proxies;
        let settings = Settings {
            function: echo.name().to_owned(),
            region: REGION.to_owned(),
            manager: account.principals.controller.credentials.clone(),
            caller: (proxies.arn.clone(), proxies.credentials.clone()),
            endpoint: Some(account.gate.address()),
            patience: Duration::from_secs(3),
        };
        let facts = run(&settings).await.expect("the suite");
        let text = table(&facts);
        assert!(facts.len() > 30, "{text}");
        let other: Vec<_> = facts.iter().filter(|fact| fact.verdict == Verdict::Other).collect();
        assert!(other.is_empty(), "the gate isn't what the suite expects of AWS: {other:#?}");
        assert_eq!(echo.url(None).await.expect("read"), None);
        let again = run(&settings).await;
        assert!(again.is_ok(), "nothing was left that the next run would stumble over: {again:?}");
        account
            .sdk(&account.principals.controller)
            .create_function_url_config()
            .function_name(echo.name())
            .auth_type(aws_sdk_lambda::types::FunctionUrlAuthType::AwsIam)
            .send()
            .await
            .expect("somebody's URL");
        let refused = run(&settings).await.expect_err("not its function");
        assert!(refused.to_string().contains("has a URL or a policy"), "{refused:#}");
        assert!(echo.url(None).await.expect("read").is_some(), "somebody's URL is left alone");
    });
}
