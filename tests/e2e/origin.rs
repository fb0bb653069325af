//! The origin judges signatures by itself, and does what a test tells it.

use bytes::Bytes;
use http::{Request, StatusCode};
use http_body_util::BodyExt;
use lambdaroute_tests::aws::Api;
use lambdaroute_tests::credentials::{AwsCredentials, Identity, KnownKeys};
use lambdaroute_tests::judge::{Unsigned, sign};
use lambdaroute_tests::origin::{Canned, Origin};

use crate::aws::{with_aws, without_aws};

const ROLE: &str = "arn:aws:iam::111122223333:role/proxies";

async fn origin() -> (Origin, Api) {
    let credentials = AwsCredentials::key("AKIAEXAMPLE", "secret");
    let keys = KnownKeys::default();
    keys.add(Identity { credentials: credentials.clone(), arn: ROLE.into(), may_invoke: false });
    let origin = Origin::start(keys, "eu-west-1").await.expect("an origin");
    let api = Api::new(origin.address(), credentials, "eu-west-1");
    (origin, api)
}

fn post(target: &str, body: &'static str) -> Request<Bytes> {
    Request::post(target).header("content-type", "text/plain").body(Bytes::from(body)).expect("a request")
}

#[test]
fn a_good_signature_is_named_and_a_tampered_request_is_refused() {
    without_aws(async {
        let (origin, api) = origin().await;
        let host = origin.host("abc");
        let good = api.call_url(&host, post("/a%20b?x=1", "hello")).await.expect("an answer");
        assert_eq!(good.status(), StatusCode::OK);
        let received = origin.received().pop().expect("a request");
        assert_eq!(received.signer, Some(Ok(ROLE.to_owned())));
        assert_eq!((received.target.as_str(), received.size, received.host), ("/a%20b?x=1", 5, host.clone()));
        let mut tampered = post("/a%20b?x=1", "hello");
        tampered.headers_mut().extend(received.headers);
        *tampered.body_mut() = Bytes::from("hellO");
        let refused = api.send(tampered).await.expect("an answer");
        assert_eq!(refused.status(), StatusCode::FORBIDDEN);
        assert_eq!(refused.headers()["x-amzn-errortype"], "InvalidSignatureException");
        let unsigned = api.call_url_unsigned(&host, post("/", "")).await.expect("an answer");
        assert_eq!(
            (unsigned.status(), &unsigned.body()[..]),
            (StatusCode::FORBIDDEN, &br#"{"Message":"Forbidden"}"#[..])
        );
        assert_eq!(origin.received().len(), 3);
    });
}

#[test]
fn what_botocore_signs_is_accepted() {
    with_aws(async |account| {
        let origin = account.origin().await.expect("an origin");
        let host = origin.host("abc");
        let principal = &account.principals.proxies;
        let targets = ["/", "/a%20b/%2Fc?x=1&y=%20&x=0", "/%E2%82%AC/~a-_.?empty=", "/orders/7?%C3%A9=%2B"];
        let now = std::time::SystemTime::now();
        let requests: Vec<Unsigned> = targets
            .iter()
            .map(|target| Unsigned {
                method: "POST".into(),
                url: format!("https://{host}{target}"),
                headers: vec![("content-type".into(), "text/plain".into())],
                body_base64: "aGVsbG8=".into(),
                credentials: principal.credentials.clone(),
                region: "eu-west-1".into(),
                service: "lambda".into(),
                timestamp: lambdaroute_tests::signature::write_amz_date(now),
            })
            .collect();
        let signed = sign(&account.venv, &requests).await.expect("signed");
        let api = Api::new(origin.address(), principal.credentials.clone(), "eu-west-1");
        for (target, signed) in targets.iter().zip(signed) {
            let mut request = post(target, "hello");
            let headers = request.headers_mut();
            headers.insert("host", host.parse().expect("a host"));
            headers.insert("authorization", signed.authorization.parse().expect("a value"));
            headers.insert("x-amz-date", signed.date.parse().expect("a value"));
            let token = signed.security_token.expect("a token");
            headers.insert("x-amz-security-token", token.parse().expect("a value"));
            let answer = api.send(request).await.expect("an answer");
            let received = origin.received().pop().expect("a request");
            assert_eq!(received.signer, Some(Ok(principal.arn.clone())), "{target}");
            assert_eq!(answer.status(), StatusCode::OK);
        }
    });
}

#[test]
fn a_streamed_answer_comes_piece_by_piece_and_breaks_in_the_middle() {
    without_aws(async {
        let (origin, _) = origin().await;
        let mut streamed = origin.on("/broken").open().streams(Canned::new(StatusCode::OK, "head "));
        let request = Request::get(format!("{}/broken", origin.endpoint())).body(Bytes::new()).expect("a request");
        let answer = lambdaroute_tests::http::begin(request).await.expect("a head");
        streamed.arrived().await.expect("arrived");
        let mut body = answer.into_body();
        let first = body.frame().await.expect("a frame").expect("no error");
        assert_eq!(first.into_data().expect("data"), "head ");
        streamed.reset();
        assert!(body.frame().await.expect("an end").is_err(), "the break must not look like an end");
    });
}

#[test]
fn it_answers_as_aws_and_counts_connections() {
    without_aws(async {
        let (origin, api) = origin().await;
        let host = origin.host("abc");
        let answers = [
            ("/throttled", Canned::throttled(), StatusCode::TOO_MANY_REQUESTS),
            ("/denied", Canned::access_denied(), StatusCode::FORBIDDEN),
            ("/gone", Canned::no_such_url(), StatusCode::FORBIDDEN),
            ("/failed", Canned::function_error(), StatusCode::BAD_GATEWAY),
        ];
        for (path, answer, status) in answers {
            origin.on(path).answers(answer);
            assert_eq!(api.call_url(&host, post(path, "")).await.expect("an answer").status(), status, "{path}");
        }
        origin.on("/reset").resets();
        api.call_url(&host, post("/reset", "")).await.expect_err("a reset");
        assert_eq!(origin.wait_for("/reset", 1).await.expect("received").len(), 1);
        assert!(origin.connections().0 >= 1);
        let mut stalled = origin.on("/stalled").stalls();
        let waiting = tokio::spawn(async move { api.call_url(&host, post("/stalled", "")).await });
        stalled.wait_for(|count| *count == 1).await.expect("it waits");
        assert!(!waiting.is_finished());
        waiting.abort();
    });
}
