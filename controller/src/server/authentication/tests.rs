//! What a token review proves.

use std::collections::BTreeMap;

use k8s_openapi::api::authentication::v1::UserInfo;

use super::*;

fn token(claims: &str) -> String {
    format!("e30.{}.c2ln", BASE64_URL_SAFE_NO_PAD.encode(claims))
}

fn allowed() -> BTreeSet<ServiceAccount> {
    BTreeSet::from(["lambdaroute/proxy".parse().expect("a service account")])
}

fn reviewed() -> TokenReviewStatus {
    let extra = |value: &str| vec![value.to_owned()];
    TokenReviewStatus {
        authenticated: Some(true),
        audiences: Some(vec![TOKEN_AUDIENCE.to_owned()]),
        user: Some(UserInfo {
            username: Some("system:serviceaccount:lambdaroute:proxy".to_owned()),
            extra: Some(BTreeMap::from([
                ("authentication.kubernetes.io/pod-name".to_owned(), extra("proxy-1")),
                ("authentication.kubernetes.io/pod-uid".to_owned(), extra("uid-1")),
            ])),
            ..UserInfo::default()
        }),
        ..TokenReviewStatus::default()
    }
}

fn judged(status: &TokenReviewStatus) -> Result<Proven, Denied> {
    judge(status, &allowed(), &token(r#"{"exp": 1800000000}"#))
}

#[test]
fn a_token_of_ours_bound_to_a_pod_proves_that_pod() {
    let proven = Proven {
        pod: ProxyId("uid-1".to_owned()),
        pod_name: "proxy-1".to_owned(),
        namespace: "lambdaroute".to_owned(),
        expires: 1_800_000_000,
    };
    assert_eq!(judged(&reviewed()), Ok(proven));
}

#[test]
fn a_token_for_another_audience_proves_nothing() {
    for audiences in [None, Some(vec![]), Some(vec!["https://kubernetes.default.svc".to_owned()])] {
        let status = TokenReviewStatus { audiences, ..reviewed() };
        assert!(matches!(judged(&status), Err(Denied::Unauthenticated(_))));
    }
}

#[test]
fn an_invalid_token_proves_nothing_whatever_else_is_said() {
    for authenticated in [None, Some(false)] {
        let status = TokenReviewStatus { authenticated, ..reviewed() };
        assert!(matches!(judged(&status), Err(Denied::Unauthenticated(_))));
    }
}

#[test]
fn only_service_accounts_on_the_list_are_allowed() {
    for username in ["system:serviceaccount:shop:proxy", "system:serviceaccount:lambdaroute:other", "admin", ""] {
        let mut status = reviewed();
        status.user = Some(UserInfo { username: Some(username.to_owned()), ..status.user.unwrap_or_default() });
        assert!(matches!(judged(&status), Err(Denied::Forbidden(_))), "{username}");
    }
}

#[test]
fn a_token_that_isnt_bound_to_a_pod_is_not_allowed() {
    for missing in ["pod-name", "pod-uid"] {
        let mut status = reviewed();
        let extra = status.user.as_mut().and_then(|user| user.extra.as_mut()).expect("extras");
        extra.remove(&format!("authentication.kubernetes.io/{missing}"));
        assert!(matches!(judged(&status), Err(Denied::Forbidden(_))), "{missing}");
    }
}

#[test]
fn a_token_without_an_end_proves_nothing() {
    for token in [token("{}"), "opaque".to_owned(), token("no json")] {
        assert!(matches!(judge(&reviewed(), &allowed(), &token), Err(Denied::Unauthenticated(_))));
    }
}

#[test]
fn service_accounts_are_named_with_their_namespace() {
    for wrong in ["proxy", "/proxy", "lambdaroute/", "a/b/c", ""] {
        assert!(wrong.parse::<ServiceAccount>().is_err(), "{wrong}");
    }
}
