//! The gate passes, counts, holds, loses answers, and lets others act in between.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use aws_sdk_lambda::error::ProvideErrorMetadata;
use aws_sdk_lambda::types::FunctionUrlAuthType;
use http::StatusCode;
use lambdaroute_tests::functions::Handler;
use lambdaroute_tests::gate::{Answer, Gate, Match, Operation};

use crate::aws::{function, with_aws, without_aws};

#[test]
fn a_request_is_held_before_it_goes_through() {
    with_aws(async |account| {
        let echo = function(account, Handler::Echo).await;
        let creates = Match::operation(Operation::CreateFunctionUrlConfig).function(echo.name());
        let held = account.gate.on(creates.clone()).hold_before();
        let create = account
            .sdk(&account.principals.controller)
            .create_function_url_config()
            .function_name(echo.name())
            .auth_type(FunctionUrlAuthType::AwsIam);
        let calling = tokio::spawn(create.send());
        let seen = held.arrived().await.expect("held");
        assert_eq!(seen.json()["AuthType"], "AWS_IAM");
        assert_eq!(echo.url(None).await.expect("read"), None, "nothing went through yet");
        held.release();
        calling.await.expect("no panic").expect("created");
        assert!(echo.url(None).await.expect("read").is_some());
        let calls = account.gate.calls_of(&creates);
        assert_eq!(calls.iter().map(|call| call.status).collect::<Vec<_>>(), [Some(StatusCode::CREATED)]);
    });
}

#[test]
fn a_request_is_held_after_it_went_through() {
    with_aws(async |account| {
        let echo = function(account, Handler::Echo).await;
        let creates = Match::operation(Operation::CreateFunctionUrlConfig).function(echo.name());
        let held = account.gate.on(creates).hold_after();
        let create = account
            .sdk(&account.principals.controller)
            .create_function_url_config()
            .function_name(echo.name())
            .auth_type(FunctionUrlAuthType::AwsIam);
        let calling = tokio::spawn(create.send());
        held.arrived().await.expect("held");
        assert!(echo.url(None).await.expect("read").is_some(), "it went through");
        assert!(!calling.is_finished());
        held.release();
        calling.await.expect("no panic").expect("created");
    });
}

#[test]
fn an_answer_is_lost_and_the_write_stays() {
    with_aws(async |account| {
        let echo = function(account, Handler::Echo).await;
        let client = account.sdk(&account.principals.controller);
        let creates = Match::operation(Operation::CreateFunctionUrlConfig).function(echo.name());
        let lost = account.gate.on(creates.clone()).once().drop_after();
        let create =
            client.create_function_url_config().function_name(echo.name()).auth_type(FunctionUrlAuthType::AwsIam);
        let error = create.clone().send().await.expect_err("no answer");
        assert!(error.as_service_error().is_none(), "{error:?}");
        assert_eq!(lost.count(), 1);
        assert!(echo.url(None).await.expect("read").is_some());
        let again = create.send().await.expect_err("it exists");
        assert_eq!(again.code(), Some("ResourceConflictException"));
    });
}

#[test]
fn a_request_is_lost_before_it_went_through() {
    with_aws(async |account| {
        let echo = function(account, Handler::Echo).await;
        let gets = Match::operation(Operation::GetFunction).function(echo.name());
        let client = account.sdk(&account.principals.controller);
        {
            let _lost = account.gate.on(gets).drop_before();
            client.get_function().function_name(echo.name()).send().await.expect_err("lost");
        }
        client.get_function().function_name(echo.name()).send().await.expect("the rule went with its handle");
    });
}

#[test]
fn a_foreigner_acts_between_two_writes() {
    with_aws(async |account| {
        let echo = function(account, Handler::Echo).await;
        let creates = Match::operation(Operation::CreateFunctionUrlConfig).function(echo.name());
        let foreigner = account.functions.client().clone();
        let acted = Arc::new(AtomicBool::new(false));
        let seen_by_rule = Arc::clone(&acted);
        let _rule = account.gate.on(creates).once().before(move |seen| {
            let (foreigner, acted) = (foreigner.clone(), Arc::clone(&seen_by_rule));
            async move {
                let name = seen.target.as_ref().expect("a function").function.clone();
                let made = foreigner.create_function_url_config().function_name(name);
                made.auth_type(FunctionUrlAuthType::None).send().await.expect("the foreigner's URL");
                acted.store(true, Ordering::SeqCst);
            }
        });
        let error = account
            .sdk(&account.principals.controller)
            .create_function_url_config()
            .function_name(echo.name())
            .auth_type(FunctionUrlAuthType::AwsIam)
            .send()
            .await
            .expect_err("somebody was faster");
        assert!(acted.load(Ordering::SeqCst));
        assert_eq!(error.code(), Some("ResourceConflictException"));
    });
}

#[test]
fn aws_throttles_when_the_test_says_so() {
    with_aws(async |account| {
        let echo = function(account, Handler::Echo).await;
        let gets = Match::operation(Operation::GetFunction).function(echo.name());
        let throttled = account.gate.on(gets.clone()).times(2).answer(Answer::throttled());
        let client = account.sdk(&account.principals.controller);
        for _ in 0..2 {
            let error = client.get_function().function_name(echo.name()).send().await.expect_err("throttled");
            assert_eq!(error.code(), Some("TooManyRequestsException"));
        }
        client.get_function().function_name(echo.name()).send().await.expect("the third passes");
        assert_eq!((throttled.count(), account.gate.count(&gets)), (2, 3));
    });
}

#[test]
fn a_tampered_control_plane_call_is_refused() {
    with_aws(async |account| {
        let echo = function(account, Handler::Echo).await;
        let mut other = account.principals.controller.clone();
        other.credentials.secret_access_key.push('x');
        let error =
            account.sdk(&other).get_policy().function_name(echo.name()).send().await.expect_err("a wrong secret");
        assert_eq!(error.code(), Some("InvalidSignatureException"));
        let error = account
            .sdk(&other)
            .add_permission()
            .function_name(echo.name())
            .statement_id("a")
            .action("lambda:InvokeFunction")
            .principal("*")
            .send()
            .await
            .expect_err("a wrong secret");
        assert_eq!(error.code(), Some("InvalidSignatureException"));
    });
}

#[test]
fn an_answer_streams_through_piece_by_piece() {
    without_aws(async {
        let origin =
            lambdaroute_tests::origin::Origin::start(Default::default(), "eu-west-1").await.expect("an origin");
        let plain = Gate::before(origin.address()).await.expect("a gate");
        let head = lambdaroute_tests::origin::Canned::new(StatusCode::OK, "");
        let mut streamed = origin.on("/watch").open().streams(head);
        let answer = lambdaroute_tests::http::begin(
            http::Request::get(format!("{}/watch?watch=1", plain.url())).body(bytes::Bytes::new()).expect("a request"),
        );
        let answer = tokio::time::timeout(Duration::from_secs(20), answer).await.expect("in time").expect("a head");
        streamed.arrived().await.expect("arrived");
        let mut body = answer.into_body();
        for piece in ["first", "second"] {
            assert!(streamed.send(piece));
            let frame = tokio::time::timeout(Duration::from_secs(20), http_body_util::BodyExt::frame(&mut body));
            let frame = frame.await.expect("in time").expect("a frame").expect("no error");
            assert_eq!(frame.into_data().expect("data"), piece);
        }
        streamed.finish();
        assert!(http_body_util::BodyExt::frame(&mut body).await.is_none());
        let calls = plain.wait_for(&Match::path(http::Method::GET, "/watch").parameter("watch", "1"), 1).await;
        assert_eq!(calls.expect("a call").len(), 1);
    });
}

#[test]
fn answers_are_delayed_cut_in_the_middle_or_an_error_of_aws() {
    with_aws(async |account| {
        let echo = function(account, Handler::Echo).await;
        let gets = Match::operation(Operation::GetFunction).function(echo.name());
        let client = account.sdk(&account.principals.controller);
        let get = async || client.get_function().function_name(echo.name()).send().await;
        {
            let _late = account.gate.on(gets.clone()).delay(Duration::from_millis(300));
            let begun = std::time::Instant::now();
            get().await.expect("late, and well");
            assert!(begun.elapsed() >= Duration::from_millis(300));
        }
        {
            let cut = account.gate.on(gets.clone()).cut();
            let error = get().await.expect_err("half an answer is none");
            assert!(error.as_service_error().is_none(), "{error:?}");
            assert_eq!(cut.count(), 1);
        }
        for (answer, status) in [(Answer::service_exception(), 500), (Answer::unavailable(), 503)] {
            let _failing = account.gate.on(gets.clone()).answer(answer);
            let error = get().await.expect_err("AWS fails");
            assert_eq!(error.raw_response().map(|raw| raw.status().as_u16()), Some(status));
        }
        get().await.expect("as before");
    });
}

#[test]
fn a_share_of_the_calls_is_chosen_by_the_seed() {
    with_aws(async |account| {
        let echo = function(account, Handler::Echo).await;
        let gets = Match::operation(Operation::GetFunction).function(echo.name());
        let client = account.sdk(&account.principals.controller);
        let round = async || {
            let _some = account.gate.on(gets.clone()).share(0.3, 7).answer(Answer::throttled());
            let mut refused = Vec::new();
            for _ in 0..40 {
                refused.push(client.get_function().function_name(echo.name()).send().await.is_err());
            }
            refused
        };
        let first = round().await;
        let share = first.iter().filter(|refused| **refused).count();
        assert!((4..=20).contains(&share), "{share} of 40");
        assert_eq!(round().await, first, "the same seed, the same choice");
    });
}

#[test]
fn of_two_statements_that_are_added_in_parallel_one_is_lost_where_a_test_says_so() {
    with_aws(async |account| {
        let echo = function(account, Handler::Echo).await;
        let rules = account.gate.lambda().expect("AWS's rules");
        rules.lose_parallel_statements(echo.name());
        let client = account.sdk(&account.principals.controller);
        let add = |sid: &str| {
            let call = client.add_permission().function_name(echo.name()).statement_id(sid);
            call.action("lambda:InvokeFunction").principal("s3.amazonaws.com").send()
        };
        let (one, two) = tokio::join!(add("one"), add("two"));
        one.expect("AWS says done");
        two.expect("of both");
        let policy = async || {
            let answer = client.get_policy().function_name(echo.name()).send().await.expect("a policy");
            let policy: serde_json::Value = serde_json::from_str(answer.policy().unwrap_or_default()).expect("JSON");
            policy["Statement"].as_array().map_or(0, Vec::len)
        };
        assert_eq!((policy().await, rules.lost_statements(echo.name())), (1, 1));
        add("three").await.expect("added");
        assert_eq!((policy().await, rules.lost_statements(echo.name())), (2, 1), "one after another loses nothing");
    });
}

#[test]
fn awss_rates_are_kept_for_everybody_but_the_harness_once_a_test_asks_for_it() {
    with_aws(async |account| {
        let echo = function(account, Handler::Echo).await;
        let principals = &account.principals;
        let rules = lambdaroute_tests::gate::LambdaRules::new(
            account.emulator.address(),
            account.emulator.admin().clone(),
            principals.keys.clone(),
            lambdaroute_tests::emulator::ACCOUNT,
            lambdaroute_tests::emulator::REGION,
        );
        let gate = Gate::before_emulator(account.emulator.address(), rules).await.expect("a gate of its own");
        gate.lambda().expect("AWS's rules").keep_rates();
        let of = |principal: &lambdaroute_tests::principals::Principal| {
            lambdaroute_tests::functions::client(&gate.url(), &principal.credentials)
        };
        let burst = async |client: &aws_sdk_lambda::Client| {
            let calls = (0..60).map(|_| client.get_function_url_config().function_name(echo.name()).send());
            let answers = futures::future::join_all(calls).await;
            let code = |answer: &Result<_, aws_sdk_lambda::error::SdkError<_>>| {
                answer.as_ref().err().and_then(ProvideErrorMetadata::code) == Some("TooManyRequestsException")
            };
            answers.iter().filter(|answer| code(answer)).count()
        };
        let refused = burst(&of(&principals.controller)).await;
        assert!(refused > 0 && refused <= 45, "{refused} of 60 at once");
        assert_eq!(gate.lambda().expect("AWS's rules").over_rates(), refused);
        assert_eq!(burst(&of(&principals.admin)).await, 0);
    });
}
