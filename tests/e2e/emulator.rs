//! The emulator behind the gate keeps AWS's rules, and runs real functions.

use aws_sdk_lambda::error::ProvideErrorMetadata;
use aws_sdk_lambda::types::FunctionUrlAuthType;
use bytes::Bytes;
use http::{Request, StatusCode};
use lambdaroute_tests::account::Account;
use lambdaroute_tests::functions::{Function, Handler};
use lambdaroute_tests::gate::Match;
use lambdaroute_tests::principals::{Principal, session};
use serde_json::{Value, json};

use crate::aws::{function, with_aws};

const URL: &str = "lambda:InvokeFunctionUrl";
const FUNCTION: &str = "lambda:InvokeFunction";

fn get(target: &str) -> Request<Bytes> {
    Request::get(target).body(Bytes::new()).expect("a request")
}

async fn url(account: &Account, function: &Function, alias: Option<&str>, auth_type: FunctionUrlAuthType) -> String {
    let made = account
        .sdk(&account.principals.controller)
        .create_function_url_config()
        .function_name(function.name())
        .set_qualifier(alias.map(str::to_owned))
        .auth_type(auth_type)
        .send()
        .await
        .expect("a URL config");
    made.function_url().trim_start_matches("https://").trim_end_matches('/').to_owned()
}

async fn permit(account: &Account, function: &Function, alias: Option<&str>, sid: &str, action: &str, principal: &str) {
    let auth_type = if principal == "*" { FunctionUrlAuthType::None } else { FunctionUrlAuthType::AwsIam };
    account
        .sdk(&account.principals.controller)
        .add_permission()
        .function_name(function.name())
        .set_qualifier(alias.map(str::to_owned))
        .statement_id(sid)
        .action(action)
        .principal(principal)
        .set_function_url_auth_type((action == URL).then_some(auth_type))
        .set_invoked_via_function_url((action == FUNCTION).then_some(true))
        .send()
        .await
        .expect("a permission");
}

#[test]
fn a_call_needs_both_statements() {
    with_aws(async |account| {
        let echo = function(account, Handler::Echo).await;
        let host = url(account, &echo, None, FunctionUrlAuthType::AwsIam).await;
        let proxies = account.api(&account.principals.proxies);
        let role = &account.principals.proxies.arn;
        let refused = async || {
            let answer = proxies.call_url(&host, get("/orders")).await.expect("an answer");
            assert_eq!(answer.status(), StatusCode::FORBIDDEN);
            assert_eq!(answer.headers()["x-amzn-errortype"], "AccessDeniedException");
            assert!(String::from_utf8_lossy(answer.body()).contains("troubleshooting Function URL authorization"));
        };
        refused().await;
        permit(account, &echo, None, "only-url", URL, role).await;
        refused().await;
        assert_eq!(echo.invocations().await.expect("marks"), 0);
        permit(account, &echo, None, "and-function", FUNCTION, role).await;
        let answer = proxies.call_url(&host, get("/orders?x=1")).await.expect("an answer");
        assert_eq!(answer.status(), StatusCode::OK, "{answer:?}");
        assert_eq!(echo.invocations().await.expect("marks"), 1);
        let stranger = account.api(&account.principals.stranger);
        assert_eq!(stranger.call_url(&host, get("/")).await.expect("an answer").status(), StatusCode::FORBIDDEN);
        account
            .sdk(&account.principals.controller)
            .remove_permission()
            .function_name(echo.name())
            .statement_id("only-url")
            .send()
            .await
            .expect("removed");
        refused().await;
        assert_eq!(echo.invocations().await.expect("marks"), 1);
    });
}

#[test]
fn the_function_sees_the_path_as_it_was_sent() {
    with_aws(async |account| {
        let echo = function(account, Handler::Echo).await;
        let host = url(account, &echo, None, FunctionUrlAuthType::AwsIam).await;
        let admin = account.api(&account.principals.admin);
        for path in ["/", "/a%20b/%2Fc", "/health", "/v1/items", "/_ministack/reset"] {
            let answer = admin.call_url(&host, get(&format!("{path}?q=%20x"))).await.expect("an answer");
            let seen: Value = serde_json::from_slice(answer.body()).expect("JSON");
            assert_eq!((seen["path"].as_str(), answer.status()), (Some(path), StatusCode::OK), "{seen}");
            assert_eq!(seen["query"], "q=%20x");
        }
    });
}

#[test]
fn a_binary_body_of_four_mebibytes_arrives_whole() {
    with_aws(async |account| {
        let echo = function(account, Handler::Echo).await;
        let host = url(account, &echo, None, FunctionUrlAuthType::AwsIam).await;
        let body: Bytes = (0..4 * 1024 * 1024_u32).map(|number| number.to_le_bytes()[number as usize % 3]).collect();
        let digest = hex::encode(<sha2::Sha256 as sha2::Digest>::digest(&body));
        let request = Request::post("/upload").header("content-type", "application/octet-stream").body(body);
        let admin = account.api(&account.principals.admin);
        let answer = admin.call_url(&host, request.expect("a request")).await.expect("an answer");
        let seen: Value = serde_json::from_slice(answer.body()).expect("JSON");
        assert_eq!((seen["body"]["size"].as_u64(), seen["body"]["sha256"].as_str()), (Some(4 << 20), Some(&*digest)));
    });
}

#[test]
fn each_qualifier_has_a_policy_of_its_own() {
    with_aws(async |account| {
        let echo = function(account, Handler::Echo).await;
        echo.alias("PROD", "$LATEST").await.expect("an alias");
        let role = &account.principals.proxies.arn;
        permit(account, &echo, None, "same", FUNCTION, role).await;
        permit(account, &echo, Some("PROD"), "same", FUNCTION, role).await;
        let client = account.sdk(&account.principals.controller);
        let policy = async |alias: Option<&str>| {
            let answer =
                client.get_policy().function_name(echo.name()).set_qualifier(alias.map(str::to_owned)).send().await;
            answer.map(|answer| serde_json::from_str::<Value>(answer.policy().unwrap_or("null")).expect("JSON"))
        };
        for (alias, arn) in [(None, echo.arn()), (Some("PROD"), echo.qualified_arn("PROD"))] {
            let policy = policy(alias).await.expect("a policy");
            let expected = json!([{
                "Sid": "same", "Effect": "Allow", "Principal": {"AWS": role}, "Action": FUNCTION, "Resource": arn,
                "Condition": {"Bool": {"lambda:InvokedViaFunctionUrl": "true"}},
            }]);
            assert_eq!(policy["Statement"], expected);
        }
        client.remove_permission().function_name(echo.name()).statement_id("same").send().await.expect("removed");
        let gone = policy(None).await.expect_err("no policy");
        assert_eq!(gone.code(), Some("ResourceNotFoundException"));
        assert_eq!(gone.message(), Some("The resource you requested does not exist."));
        assert!(policy(Some("PROD")).await.is_ok());
    });
}

#[test]
fn aws_refuses_what_the_emulator_would_take() {
    with_aws(async |account| {
        let echo = function(account, Handler::Echo).await;
        let client = account.sdk(&account.principals.controller);
        let role = &account.principals.proxies.arn;
        let add = |sid: String, revision: Option<&str>| {
            client
                .add_permission()
                .function_name(echo.name())
                .statement_id(sid)
                .action(FUNCTION)
                .principal(role)
                .invoked_via_function_url(true)
                .set_revision_id(revision.map(str::to_owned))
                .send()
        };
        let dotted = add("example.com".into(), None).await.expect_err("no dots in a Sid");
        assert_eq!(dotted.code(), Some("ValidationException"));
        add("first".into(), None).await.expect("added");
        let stale = add("second".into(), Some("2d2a6ab5-3c54-4c2e-a1d1-000000000000")).await.expect_err("stale");
        assert_eq!(stale.code(), Some("PreconditionFailedException"));
        let read = client.get_policy().function_name(echo.name()).send().await.expect("a policy");
        add("second".into(), read.revision_id()).await.expect("the revision that was read");
        let twice = add("second".into(), None).await.expect_err("twice");
        assert_eq!(twice.code(), Some("ResourceConflictException"));
        let mut refused = None;
        for number in 0..100 {
            if let Err(error) = add(format!("{number:0>100}"), None).await {
                refused = error.code().map(str::to_owned);
                break;
            }
        }
        assert_eq!(refused.as_deref(), Some("PolicyLengthExceededException"));
    });
}

#[test]
fn a_public_url_needs_both_public_statements() {
    with_aws(async |account| {
        let echo = function(account, Handler::Echo).await;
        echo.alias("PROD", "$LATEST").await.expect("an alias");
        let host = url(account, &echo, Some("PROD"), FunctionUrlAuthType::None).await;
        let anybody = account.api(&account.principals.stranger);
        let status = async || anybody.call_url_unsigned(&host, get("/")).await.expect("an answer").status();
        assert_eq!(status().await, StatusCode::FORBIDDEN);
        permit(account, &echo, Some("PROD"), "public-url", URL, "*").await;
        assert_eq!(status().await, StatusCode::FORBIDDEN);
        permit(account, &echo, Some("PROD"), "public-fn", FUNCTION, "*").await;
        assert_eq!(status().await, StatusCode::OK);
        account
            .sdk(&account.principals.controller)
            .update_function_url_config()
            .function_name(echo.name())
            .qualifier("PROD")
            .auth_type(FunctionUrlAuthType::AwsIam)
            .send()
            .await
            .expect("updated");
        assert_eq!(status().await, StatusCode::FORBIDDEN);
    });
}

#[test]
fn the_controllers_policy_is_enough_and_no_more() {
    with_aws(async |account| {
        let echo = function(account, Handler::Echo).await;
        let client = account.sdk(&account.principals.controller);
        let made = url(account, &echo, None, FunctionUrlAuthType::AwsIam).await;
        let config = client.get_function_url_config().function_name(echo.arn()).send().await.expect("a URL config");
        assert!(config.function_url().contains(&made));
        client.get_function().function_name(echo.name()).send().await.expect("the function");
        client.delete_function_url_config().function_name(echo.name()).send().await.expect("deleted");
        assert_eq!(echo.url(None).await.expect("read"), None);
        let denied = client.invoke().function_name(echo.name()).send().await.expect_err("not its business");
        assert_eq!(denied.code(), Some("AccessDeniedException"));
        let message = denied.message().unwrap_or_default();
        assert!(message.contains("is not authorized to perform: lambda:InvokeFunction"), "{message}");
        let denied = client.delete_function().function_name(echo.name()).send().await.expect_err("not its business");
        assert_eq!(denied.code(), Some("AccessDeniedException"));
    });
}

#[test]
fn what_is_missing_is_named_as_aws_names_it() {
    with_aws(async |account| {
        let echo = function(account, Handler::Echo).await;
        let client = account.sdk(&account.principals.controller);
        let create = client.create_function_url_config().auth_type(FunctionUrlAuthType::AwsIam);
        let error = create.clone().function_name("never-made").send().await.expect_err("no function");
        assert_eq!(
            (error.code(), error.message()),
            (Some("ResourceNotFoundException"), Some("Function does not exist"))
        );
        let error = create.clone().function_name(echo.name()).qualifier("NONE").send().await.expect_err("no alias");
        assert_eq!(error.message(), Some("Function does not exist"));
        let error = create.clone().function_name(echo.name()).qualifier("7").send().await.expect_err("a version");
        assert_eq!(error.code(), Some("ValidationException"));
        let error = client.get_function_url_config().function_name(echo.name()).send().await.expect_err("no URL");
        assert_eq!(error.message(), Some("The resource you requested does not exist."));
        echo.alias("PROD", "$LATEST").await.expect("an alias");
        let made = create.function_name(echo.name()).qualifier("PROD").send().await.expect("a URL config");
        assert_eq!(made.function_arn(), echo.qualified_arn("PROD"));
    });
}

#[test]
fn handlers_run_in_python_and_node() {
    with_aws(async |account| {
        let admin = account.api(&account.principals.admin);
        let answer = async |handler: Handler, target: &str| {
            let function = function(account, handler).await;
            let host = url(account, &function, None, FunctionUrlAuthType::AwsIam).await;
            let answer = admin.call_url(&host, get(target)).await.expect("an answer");
            assert_eq!(function.invocations().await.expect("marks"), 1, "{handler:?}");
            answer
        };
        let hello = answer(Handler::Hello, "/?name=Ada").await;
        assert_eq!(hello.body(), "hello, Ada, from Node\n");
        let status = answer(Handler::Status, "/").await;
        assert_eq!(status.status(), StatusCode::NOT_FOUND);
        assert_eq!(status.headers().get_all("set-cookie").iter().count(), 2);
        assert_eq!(status.headers()["x-order"], "unknown");
        let failing = answer(Handler::Failing, "/").await;
        assert_eq!((failing.status(), &failing.body()[..]), (StatusCode::BAD_GATEWAY, &b"Internal Server Error"[..]));
        let large = answer(Handler::Large, "/?size=4194304").await;
        assert_eq!(large.body().len(), 4 * 1024 * 1024);
        let slow = answer(Handler::Slow, "/?seconds=0.1").await;
        assert_eq!(slow.status(), StatusCode::OK);
    });
}

#[test]
fn nothing_of_a_deleted_function_comes_back_with_its_name() {
    with_aws(async |account| {
        let echo = function(account, Handler::Echo).await;
        let before = url(account, &echo, None, FunctionUrlAuthType::AwsIam).await;
        account
            .sdk(&account.principals.admin)
            .delete_function()
            .function_name(echo.name())
            .send()
            .await
            .expect("deleted");
        let again = account.functions.deploy(echo.name(), Handler::Echo).await.expect("made again");
        assert_eq!(again.url(None).await.expect("read"), None);
        let admin = account.api(&account.principals.admin);
        let gone = admin.call_url(&before, get("/")).await.expect("an answer");
        assert_eq!((gone.status(), &gone.body()[..]), (StatusCode::FORBIDDEN, &br#"{"Message":null}"#[..]));
        assert_eq!(account.gate.count(&Match::function_url(&before)), 1);
    });
}

#[test]
fn a_session_that_sts_gives_out_through_the_gate_may_call() {
    with_aws(async |account| {
        let echo = function(account, Handler::Echo).await;
        let host = url(account, &echo, None, FunctionUrlAuthType::AwsIam).await;
        let proxies = &account.principals.proxies;
        permit(account, &echo, None, "url", URL, &proxies.arn).await;
        permit(account, &echo, None, "fn", FUNCTION, &proxies.arn).await;
        let parameters =
            [("Action", "AssumeRole"), ("RoleArn", proxies.arn.as_str()), ("RoleSessionName", "another-session")];
        let answer = account.api(&account.principals.admin).query("sts", "2011-06-15", &parameters).await;
        let credentials = session(&answer.expect("a session")).expect("credentials");
        assert_ne!(credentials, proxies.credentials);
        let another = Principal { arn: proxies.arn.clone(), credentials };
        let answer = account.api(&another).call_url(&host, get("/")).await.expect("an answer");
        assert_eq!(answer.status(), StatusCode::OK, "{answer:?}");
    });
}

#[test]
fn what_the_service_model_does_not_allow_is_refused_in_awss_words() {
    with_aws(async |account| {
        let echo = function(account, Handler::Echo).await;
        let admin = account.api(&account.principals.admin);
        let url = format!("/2021-10-31/functions/{}/url", echo.name());
        let policy = format!("/2015-03-31/functions/{}/policy", echo.name());
        let statement = |field: &str, value: &str| {
            let mut body =
                json!({"StatementId": "a", "Action": "lambda:InvokeFunction", "Principal": "s3.amazonaws.com"});
            body[field] = json!(value);
            body
        };
        for (target, body, says) in [
            (&url, json!({"AuthType": "NONE", "Cors": {"AllowMethods": ["OPTIONS"]}}), "cors.allowMethods"),
            (&url, json!({"AuthType": "NONE", "Cors": {"MaxAge": 86_401}}), "'86401' at 'cors.maxAge'"),
            (&policy, statement("Principal", "a b"), "'a b' at 'principal'"),
            (&policy, statement("SourceAccount", "12"), "'12' at 'sourceAccount'"),
            (&policy, statement("PrincipalOrgID", "o-1"), "'o-1' at 'principalOrgID'"),
        ] {
            let answer = admin.lambda(http::Method::POST, target, &body).await.expect("an answer");
            let text = String::from_utf8_lossy(answer.body()).into_owned();
            assert_eq!(answer.headers()["x-amzn-errortype"], "ValidationException", "{text}");
            assert!(text.contains(says), "{text}");
        }
        let made = admin.lambda(http::Method::POST, &url, &json!({"AuthType": "AWS_IAM"})).await.expect("made");
        let made: Value = serde_json::from_slice(made.body()).expect("JSON");
        assert!(made["InvokeMode"].is_null(), "a write echoes the mode only where it was sent: {made}");
        let read = admin.lambda(http::Method::GET, &url, &Value::Null).await.expect("read");
        let read: Value = serde_json::from_slice(read.body()).expect("JSON");
        assert_eq!(read["InvokeMode"], "BUFFERED");
    });
}
