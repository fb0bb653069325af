//! Statuses that a person reads.

use lambdaroute_crds::{AuthType, InvokeMode, Ownership};

use super::*;
use crate::access::Resolution;
use crate::assess::{Installation, assess};
use crate::aws::{Denied, ErrorKind};
use crate::contest::Contested;
use crate::observation::{FunctionState, UrlConfig, UrlSettings};
use crate::observe::Aspect;
use crate::plan::UrlFinding;
use crate::target::Defaults;

const ARN: &str = "arn:aws:lambda:eu-west-1:111122223333:function:orders";
const PROXY: &str = "arn:aws:sts::111122223333:assumed-role/proxies/i-1";

fn installation() -> Installation {
    Installation {
        defaults: Some(Defaults {
            region: Some("eu-west-1".into()),
            account_id: "111122223333".into(),
            partition: "aws".into(),
        }),
        ..Installation::default()
    }
}

fn route(spec: &str) -> LambdaRoute {
    serde_yaml_ng::from_str(&format!(
        "
apiVersion: lambdaroute.dev/v1alpha1
kind: LambdaRoute
metadata: {{name: orders, namespace: shop, uid: u1, generation: 3}}
spec: {spec}
status: {{targets: [{{functionARN: '{ARN}', state: Active}}]}}
"
    ))
    .unwrap()
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

fn view() -> TargetView {
    TargetView {
        observed_at: Some(at(1000)),
        synced_at: Some(at(1000)),
        function: Some(FunctionState::Exists),
        url: Some(UrlConfig {
            url: "https://abc.lambda-url.eu-west-1.on.aws/".into(),
            creation_time: "2026-11-21T09:30:00.123+0000".into(),
            settings: UrlSettings::usual(),
        }),
        ownership: Some(Ownership::Created),
        finding: UrlFinding::Agrees,
        settled: true,
        conflicted: [].into(),
        released: [].into(),
        missing: [].into(),
        too_large: None,
        contested: [].into(),
        in_use_by: [].into(),
        planned: [(key(&route("{}")), route("{}").metadata.generation)].into(),
        failure: None,
        failures: [].into(),
        spared: [].into(),
    }
}

fn served() -> Programmed {
    Programmed {
        host: "abc.lambda-url.eu-west-1.on.aws".into(),
        region: "eu-west-1".into(),
        auth_type: AuthType::AwsIam,
        invoke_mode: InvokeMode::Buffered,
        function_arn: ARN.into(),
        cors: crate::observation::UrlCors::default(),
        management: lambdaroute_crds::FunctionUrlManagement::Managed,
        permissions: lambdaroute_crds::PermissionsManagement::Managed,
        grants: [].into(),
        access: crate::access::Access::default(),
        cluster_issuer: None,
    }
}

/// The facts of a route that works, to be spoilt.
struct Known {
    route: LambdaRoute,
    claim: ServiceClaim,
    view: Option<TargetView>,
    release_failure: Option<Failure>,
    served: Option<Programmed>,
    references: Resolution,
    programming: Option<Programming>,
    identities: Identities,
    handled: Option<String>,
    now: Timestamp,
}

fn working() -> Known {
    Known {
        route: route("{function: {name: orders}}"),
        claim: ServiceClaim::Ours,
        view: Some(view()),
        release_failure: None,
        served: Some(served()),
        references: Resolution::Resolved,
        programming: Some(Programming::Programmed),
        identities: Identities { arns: vec![PROXY.into()], ..Identities::default() },
        handled: None,
        now: at(2000),
    }
}

impl Known {
    fn status(&self) -> LambdaRouteStatus {
        let assessment = assess(&self.route, &installation(), None).with_claim(&self.route, self.claim);
        status(&Facts {
            route: &self.route,
            assessment: &assessment,
            claim: self.claim,
            view: self.view.as_ref(),
            release_failure: self.release_failure.as_ref(),
            identity_failure: None,
            served: self.served.as_ref(),
            port: Some(10001),
            references: &self.references,
            programming: self.programming.clone(),
            identities: &self.identities,
            principal: &"arn:aws:iam::111122223333:role/proxies".parse().unwrap(),
            cluster_domain: "cluster.local",
            now: self.now,
            settings_digest: "0123",
            handled_reconcile_at: self.handled.as_deref(),
        })
    }

    fn condition(&self, type_: ConditionType) -> (String, String, String) {
        let status = self.status();
        let found = status.conditions.into_iter().find(|condition| condition.type_ == type_.as_str()).unwrap();
        (found.status, found.reason, found.message)
    }

    fn ready(&self) -> (String, String, String) {
        self.condition(ConditionType::Ready)
    }
}

fn has(status: &LambdaRouteStatus, type_: ConditionType) -> bool {
    status.conditions.iter().any(|condition| condition.type_ == type_.as_str())
}

fn denied() -> Failure {
    Failure {
        aspect: Aspect::Permissions,
        error: AwsError {
            operation: "lambda:AddPermission",
            kind: ErrorKind::AccessDenied(Denied {
                action: "lambda:AddPermission".into(),
                resource: Some(ARN.into()),
                principal: Some("arn:aws:sts::111122223333:assumed-role/controller".into()),
            }),
            code: "AccessDeniedException".into(),
            message: "User: … (changes with every try)".into(),
            request_id: Some("1234-5678".into()),
        },
    }
}

#[test]
fn a_route_that_works_is_ready_with_its_url_and_nothing_abnormal() {
    let status = working().status();
    assert_eq!(working().ready(), ("True".into(), "Ready".into(), "calls are served".into()));
    assert_eq!(status.url.as_deref(), Some("http://orders.shop.svc.cluster.local"));
    assert_eq!((status.function.as_deref(), status.auth.as_deref()), (Some("orders"), Some("None")));
    assert!(status.conditions.iter().all(|condition| condition.status == "True"));
    assert!(status.conditions.iter().all(|condition| condition.observed_generation == Some(3)));
    assert!(!has(&status, ConditionType::Reconciling) && !has(&status, ConditionType::Stalled));
    let target = &status.targets[0];
    assert_eq!(target.created_at.as_deref(), Some("2026-11-21T09:30:00.123+0000"));
    assert_eq!(target.ownership, Some(Ownership::Created));
}

#[test]
fn a_port_of_its_own_is_in_the_url() {
    let known = Known { route: route("{function: {name: orders}, service: {name: api, port: 8080}}"), ..working() };
    assert_eq!(known.status().url.as_deref(), Some("http://api.shop.svc.cluster.local:8080"));
}

#[test]
fn everything_is_unknown_until_the_first_look() {
    let known = Known {
        view: None,
        served: None,
        programming: None,
        identities: Identities::default(),
        claim: ServiceClaim::Unknown,
        ..working()
    };
    let status = known.status();
    assert!(status.conditions.iter().filter(|c| c.type_ != "Reconciling").all(|c| c.status == "Unknown"));
    assert_eq!(known.ready().1, "Pending");
    assert!(has(&status, ConditionType::Reconciling));
}

#[test]
fn what_was_found_under_another_manifest_says_nothing_of_this_one() {
    let mut known = working();
    known.route.status = Some(known.status());
    known.route.metadata.generation = Some(4);
    for type_ in [ConditionType::FunctionURLReady, ConditionType::PermissionsReady] {
        assert_eq!(known.condition(type_).1, "Pending", "a grant of the new manifest may not be written yet");
    }
    let planned = [(key(&known.route), Some(4))].into();
    known.view = Some(TargetView { planned, ..view() });
    assert_eq!(known.condition(ConditionType::PermissionsReady).1, "Synced");
}

#[test]
fn a_new_leader_says_nothing_else_until_it_has_looked() {
    let mut known = working();
    let before = known.status();
    known.route.status = Some(before.clone());
    known.view = None;
    assert_eq!(known.status(), before);
    known.route.metadata.generation = Some(4);
    assert_eq!(
        known.condition(ConditionType::FunctionURLReady).1,
        "Pending",
        "the last word was about another manifest"
    );
}

#[test]
fn a_missing_function_says_who_must_create_it() {
    let mut known = working();
    known.view =
        Some(TargetView { function: Some(FunctionState::NotFound), url: None, finding: UrlFinding::Due, ..view() });
    let (status, reason, message) = known.ready();
    assert_eq!((status.as_str(), reason.as_str()), ("False", "FunctionNotFound"));
    assert!(message.starts_with("You: AWS has no function arn:aws:lambda:"), "{message}");
    assert!(has(&known.status(), ConditionType::Reconciling), "it becomes ready by itself");
}

#[test]
fn a_denied_call_names_the_statement_that_would_allow_it_and_nothing_that_changes() {
    let mut known = working();
    known.view = Some(TargetView { settled: false, failure: Some(denied()), ..view() });
    let (_, reason, message) = known.ready();
    assert_eq!(reason, "AccessDenied");
    assert!(message.starts_with("Platform team: AWS refuses lambda:AddPermission to arn:aws:sts::"), "{message}");
    assert!(message.contains(&format!(r#""Resource":"{ARN}""#)), "{message}");
    assert!(!message.contains("1234-5678") && !message.contains("every try"), "{message}");
    assert_eq!(known.condition(ConditionType::PermissionsReady).0, "False");
    assert_eq!(known.condition(ConditionType::FunctionURLReady).0, "True");
    assert!(has(&known.status(), ConditionType::Stalled));
}

#[test]
fn a_failure_that_no_kind_explains_is_told_in_awss_words_which_outlive_any_event() {
    let mut known = working();
    let error = AwsError {
        kind: ErrorKind::Other,
        code: "CodeArtifactUserFailedException".into(),
        message: "The function's image is gone (Request ID: 0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0).".into(),
        ..denied().error
    };
    known.view = Some(TargetView { settled: false, failure: Some(Failure { error, ..denied() }), ..view() });
    let (_, reason, message) = known.ready();
    assert_eq!(reason, "Unreachable");
    assert!(message.contains("fails with CodeArtifactUserFailedException: The function's image is gone"), "{message}");
    assert!(!message.contains("0f1e2d3c") && !message.contains("see the Events"), "{message}");
}

#[test]
fn a_foreign_url_that_differs_is_told_with_its_differences() {
    let mut known = working();
    known.view =
        Some(TargetView { finding: UrlFinding::Differs(vec!["authType is NONE, not AWS_IAM".into()]), ..view() });
    assert_eq!(known.ready().1, "AlreadyExists");
    assert!(known.ready().2.contains("authType is NONE, not AWS_IAM"));
}

#[test]
fn proxies_with_another_role_are_no_ready_route() {
    let mut known = working();
    known.identities.arns = vec!["arn:aws:sts::111122223333:assumed-role/others/i-2".into()];
    let (_, reason, message) = known.ready();
    assert_eq!(reason, "WrongPrincipal");
    assert!(message.contains("assumed-role/others,") && message.contains("role/proxies"), "{message}");
    assert!(message.contains("node's role") && message.contains("proxyPrincipal"), "what to do: {message}");
    known.identities = Identities { missing: vec!["no credentials".into()], ..Identities::default() };
    assert_eq!(known.ready().1, "Unavailable");
}

#[test]
fn one_proxy_without_credentials_is_not_hidden_by_others_that_have_them() {
    let mut known = working();
    known.identities.missing = vec!["no providers in chain".into()];
    let (state, reason, message) = known.condition(ConditionType::CredentialsReady);
    assert_eq!((state.as_str(), reason.as_str()), ("False", "Unavailable"));
    assert!(message.starts_with("some of the proxies that serve the route"), "{message}");
    assert!(message.contains("(no providers in chain)"), "in the proxy's words: {message}");
    assert_eq!(known.ready().1, "Unavailable");
}

#[test]
fn an_identity_that_sts_doesnt_tell_is_not_told_as_no_credentials() {
    let mut known = working();
    known.identities.unidentified = vec!["sts:GetCallerIdentity gave no answer in 10s".into()];
    let (state, reason, message) = known.condition(ConditionType::CredentialsReady);
    assert_eq!((state.as_str(), reason.as_str()), ("Unknown", "Unidentified"));
    assert!(message.starts_with("some of the proxies that serve the route have AWS credentials"), "{message}");
    assert!(message.contains("gave no answer in 10s") && !message.contains("fail"), "{message}");
    known.identities.arns.clear();
    assert!(known.condition(ConditionType::CredentialsReady).2.starts_with("the proxies have AWS credentials"));
    known.identities.missing = vec!["no providers in chain".into()];
    assert_eq!(known.condition(ConditionType::CredentialsReady).1, "Unavailable", "what fails goes first");
    known.identities.arns = vec!["arn:aws:sts::111122223333:assumed-role/others/i-2".into()];
    assert_eq!(known.condition(ConditionType::CredentialsReady).1, "WrongPrincipal");
}

#[test]
fn what_the_api_server_refuses_of_the_service_is_told_in_its_words_and_not_anew_on_each_retry() {
    let mut route = route("{function: {name: orders}}");
    let refused = service_refused(&route, 403, "services \"orders\" is forbidden: exceeded quota: used: services=5.");
    assert_eq!(refused.reason, Reason::NotPermitted);
    assert!(refused.message.contains("the Service orders: services \"orders\" is forbidden: exceeded quota"));
    assert_eq!(service_refused(&route, 422, "spec.ports[0].port: Invalid value").reason, Reason::UnsupportedValue);
    route.status = Some(LambdaRouteStatus {
        conditions: vec![Condition {
            type_: "Accepted".into(),
            status: "False".into(),
            reason: "NotPermitted".into(),
            message: refused.message.clone(),
            observed_generation: Some(3),
            last_transition_time: Time(at(1000)),
        }],
        ..LambdaRouteStatus::default()
    });
    let again = service_refused(&route, 403, "services \"orders\" is forbidden: exceeded quota: used: services=6.");
    assert_eq!(again, refused, "a number says nothing new");
    let other = service_refused(&route, 403, "admission webhook \"policy\" denied the request");
    assert!(other.message.contains("admission webhook"), "{}", other.message);
}

#[test]
fn a_message_never_outgrows_what_the_api_server_takes() {
    let message = "ä".repeat(40_000);
    let references = Resolution::Unresolved { reason: Reason::KeysUnavailable, actor: Actor::You, message };
    let status = Known { references, ..working() }.status();
    for condition in &status.conditions {
        assert!(condition.message.len() <= LONGEST_MESSAGE, "{}", condition.type_);
    }
    assert!(status.conditions.iter().any(|condition| condition.message.ends_with('…')));
}

#[test]
fn what_proxies_answer_is_what_programmed_says() {
    for (programming, status, reason) in [
        (Programming::Pending, "Unknown", "Pending"),
        (Programming::NoReadyProxies, "False", "NoReadyProxies"),
        (Programming::Refused { detail: "upgrade it".into() }, "False", "Refused"),
    ] {
        let known = Known { programming: Some(programming), ..working() };
        let (found, why, _) = known.condition(ConditionType::Programmed);
        assert_eq!((found.as_str(), why.as_str()), (status, reason));
        assert_eq!(known.ready().1, reason);
    }
}

#[test]
fn a_change_of_leader_leaves_what_proxies_said_as_it_was() {
    let mut known = working();
    let status = known.status();
    known.route.status = Some(status.clone());
    known.programming = Some(Programming::Believed);
    known.identities = Identities::default();
    assert_eq!(known.status(), status);
}

#[test]
fn what_was_programmed_before_is_no_answer_for_a_changed_manifest() {
    let known = Known {
        route: route(
            "{function: {name: orders}, upstream: {type: FunctionURL, functionURL: {invokeMode: RESPONSE_STREAM}}}",
        ),
        ..working()
    };
    assert_eq!(known.condition(ConditionType::Programmed).1, "Pending");
}

#[test]
fn a_conflicted_route_is_told_so_and_names_no_other() {
    let mut known = working();
    known.view = Some(TargetView { conflicted: [key(&known.route)].into(), ..view() });
    let (_, reason, message) = known.ready();
    assert_eq!(reason, "Conflicted");
    assert!(message.starts_with("You: other LambdaRoutes"), "{message}");
}

#[test]
fn a_suspended_route_says_so_and_is_not_abnormal() {
    let known = Known { route: route("{function: {name: orders}, suspend: true}"), ..working() };
    assert_eq!(known.ready().1, "Suspended");
    assert!(!has(&known.status(), ConditionType::Stalled) && !has(&known.status(), ConditionType::Reconciling));
}

#[test]
fn a_blocked_deletion_names_the_action_and_the_way_out() {
    let mut known = working();
    known.route.metadata.deletion_timestamp = Some(Time(at(1500)));
    assert_eq!(known.ready().1, "Pending");
    known.release_failure = Some(denied());
    let (_, reason, message) = known.ready();
    assert_eq!(reason, "DeletionBlocked");
    assert!(message.contains("lambda:AddPermission") && message.contains("lambdaroute.dev/force-delete=true"));
    let what = &known.route.status.as_ref().unwrap().targets[0].function_arn;
    assert!(message.contains(&format!("what LambdaRoute made for {what} can't be taken back")), "{message}");
    assert!(has(&known.status(), ConditionType::Stalled));
}

#[test]
fn a_url_of_ours_that_stays_for_another_cluster_is_told_to_whoever_goes_and_to_nobody_else() {
    let mut known = working();
    known.view = Some(TargetView { in_use_by: ["other1".parse().unwrap()].into(), ..view() });
    assert_eq!(known.condition(ConditionType::FunctionURLReady).1, "Synced", "a route that came meanwhile");
    known.route.metadata.deletion_timestamp = Some(Time(at(1500)));
    let (status, reason, message) = known.condition(ConditionType::FunctionURLReady);
    assert_eq!((status.as_str(), reason.as_str()), ("False", "InUseElsewhere"));
    assert!(message.contains("(other1)"), "{message}");
    assert_eq!(known.ready().1, "Pending", "it doesn't keep the route");
}

#[test]
fn a_transition_keeps_its_time_until_the_status_turns() {
    let mut known = working();
    known.route.status = Some(known.status());
    known.now = at(9000);
    assert_eq!(known.status(), known.route.status.clone().unwrap(), "nothing changes by itself");
    known.programming = Some(Programming::NoReadyProxies);
    let status = known.status();
    let ready = status.conditions.iter().find(|condition| condition.type_ == "Ready").unwrap();
    assert_eq!(ready.last_transition_time, Time(at(9000)));
    let accepted = status.conditions.iter().find(|condition| condition.type_ == "Accepted").unwrap();
    assert_eq!(accepted.last_transition_time, Time(at(2000)));
}

#[test]
fn the_look_that_the_period_counts_from_is_written_and_looks_in_between_are_not() {
    let mut known = working();
    known.route.status = Some(known.status());
    known.view = Some(TargetView { observed_at: Some(at(1700)), ..view() });
    assert_eq!(known.status().targets[0].last_sync_time, Some(Time(at(1000))));
    assert_eq!(known.status(), known.route.status.clone().unwrap(), "nothing is written");
    known.view = Some(TargetView { observed_at: Some(at(4600)), synced_at: Some(at(4600)), ..view() });
    assert_eq!(known.status().targets[0].last_sync_time, Some(Time(at(4600))));
}

#[test]
fn a_look_that_left_something_to_be_written_is_no_complete_one() {
    let mut known = working();
    known.view = Some(TargetView { settled: false, ..view() });
    let target = known.status().targets.remove(0);
    assert_eq!((target.last_sync_time, target.settings_digest), (None, None));
    known.view = Some(view());
    assert_eq!(known.status().targets[0].settings_digest.as_deref(), Some("0123"));
}

#[test]
fn a_look_that_was_asked_for_is_remembered() {
    let mut known = working();
    assert_eq!(known.status().last_handled_reconcile_at, None);
    known.handled = Some("now".into());
    known.route.status = Some(known.status());
    known.handled = None;
    assert_eq!(known.status().last_handled_reconcile_at.as_deref(), Some("now"));
}

#[test]
fn the_patch_takes_away_what_is_absent() {
    let patch = patch(&working().route, &LambdaRouteStatus::default());
    assert_eq!(patch["status"]["url"], serde_json::Value::Null);
    assert!(patch["status"].as_object().unwrap().contains_key("url"));
    assert_eq!(patch["metadata"]["uid"], "u1");
}

fn key(route: &LambdaRoute) -> crate::step::RouteKey {
    crate::intent::key(route)
}

#[test]
fn the_column_says_how_callers_are_recognised_and_status_what_was_told() {
    let keys = "{methods: [{name: a, type: APIKey, apiKey: {secretRefs: [{name: s}]}}, {name: b, type: JWT, jwt: {issuer: 'https://a.example', audiences: [a]}}]}";
    let route = route(&format!("{{function: {{name: orders}}, auth: {keys}}}"));
    let access = crate::access::Access::of(&route.spec);
    let served = Programmed { access, ..served() };
    let status = Known { route: route.clone(), served: Some(served.clone()), ..working() }.status();
    assert_eq!(status.auth.as_deref(), Some("APIKey, JWT"));
    assert_eq!(status.programmed_digest, Some(served.digest()));
    let open = Known { route, ..working() };
    assert_eq!(open.status().auth.as_deref(), Some("None"), "what proxies serve counts, not what they shall");
    assert_eq!(open.condition(ConditionType::Programmed).1, "Pending");
}

#[test]
fn a_reference_that_leads_nowhere_is_told_with_who_must_act() {
    for (reason, actor, begins) in [
        (Reason::SecretNotFound, Actor::You, "You: "),
        (Reason::RefNotPermitted, Actor::Platform, "Platform team: "),
        (Reason::KeysUnavailable, Actor::You, "You: "),
    ] {
        let message = "the Secret shop/orders-consumers isn't there".to_owned();
        let references = Resolution::Unresolved { reason, actor, message };
        let known = Known { references, ..working() };
        let (state, why, _) = known.condition(ConditionType::ResolvedRefs);
        assert_eq!((state.as_str(), why.as_str()), ("False", reason.as_str()));
        let (_, why, message) = known.ready();
        assert_eq!(why, reason.as_str());
        assert!(message.starts_with(begins) && message.contains("orders-consumers"), "{message}");
    }
    let unknown = Known { references: Resolution::Unknown, ..working() };
    assert_eq!(unknown.condition(ConditionType::ResolvedRefs).1, "Pending");
}

#[test]
fn a_reference_that_is_back_is_told_before_a_new_leader_looks_at_aws() {
    let missing = Resolution::Unresolved {
        reason: Reason::SecretNotFound,
        actor: Actor::You,
        message: "there is no Secret gateway".to_owned(),
    };
    let told = |known: Known| {
        let status = Some(known.status());
        let route = LambdaRoute { status, ..known.route };
        move |references: &Resolution| {
            Known { route: route.clone(), view: None, references: references.clone(), ..working() }
                .condition(ConditionType::ResolvedRefs)
                .1
        }
    };
    let after_missing = told(Known { references: missing.clone(), ..working() });
    assert_eq!(after_missing(&Resolution::Resolved), "ResolvedRefs");
    assert_eq!(after_missing(&missing), "SecretNotFound");
    assert_eq!(told(working())(&missing), "SecretNotFound");
    let view = TargetView { function: Some(FunctionState::NotFound), ..view() };
    let without_function = told(Known { view: Some(view), ..working() });
    assert_eq!(without_function(&Resolution::Resolved), "FunctionNotFound", "only AWS says that it is there now");
    let never_looked = Known { view: None, ..working() };
    assert_eq!(never_looked.condition(ConditionType::ResolvedRefs).1, "Pending");
}

fn observing(permissions: &str) -> Known {
    let spec = "{function: {name: orders}, upstream: {type: FunctionURL, functionURL: {management: Observe}}";
    let mut known = working();
    known.route = route(&format!("{spec}{permissions}}}"));
    known
}

#[test]
fn what_is_only_read_is_told_as_observed() {
    let known = observing(", permissions: {management: Observe}");
    for type_ in [ConditionType::FunctionURLReady, ConditionType::PermissionsReady] {
        assert_eq!(known.condition(type_).1, "Observed");
    }
    assert_eq!(known.ready().0, "True");
    assert_eq!(known.status().targets[0].ownership, Some(Ownership::Observed), "whoever made it");
    assert_eq!(observing("").condition(ConditionType::PermissionsReady).1, "Synced");
}

#[test]
fn a_url_that_is_to_be_observed_and_isnt_there_is_asked_for() {
    let mut known = observing("");
    let view = known.view.as_mut().unwrap();
    (view.url, view.finding) = (None, UrlFinding::Missing);
    let (state, reason, message) = known.condition(ConditionType::FunctionURLReady);
    assert_eq!((state.as_str(), reason.as_str()), ("Unknown", "Pending"));
    assert!(message.contains("create one"), "{message}");
    assert!(known.ready().2.starts_with("You: "));
}

#[test]
fn what_the_policy_lacks_is_told_with_action_and_principal() {
    let mut known = observing(", permissions: {management: Observe}");
    let grantee = crate::policy::Grantee::of("arn:aws:iam::111122223333:role/proxies");
    known.view.as_mut().unwrap().missing = crate::policy::Grant::pair(&grantee, AuthType::AwsIam).into();
    let (state, reason, message) = known.condition(ConditionType::PermissionsReady);
    assert_eq!((state.as_str(), reason.as_str()), ("False", "AccessDenied"));
    for part in [
        "lambda:InvokeFunctionUrl for arn:aws:iam::111122223333:role/proxies",
        "lambda:InvokeFunction for",
        "InvokedViaFunctionUrl true",
    ] {
        assert!(message.contains(part), "{message}");
    }
}

#[test]
fn a_url_found_public_serves_no_route_that_restricts_its_callers() {
    let spec = "{function: {name: orders}, upstream: {type: FunctionURL, functionURL: {management: Observe}},
                 sourceRanges: {allow: [10.0.0.0/8]}}";
    let mut known = working();
    known.route = route(spec);
    known.view.as_mut().unwrap().url.as_mut().unwrap().settings.auth_type = AuthType::None;
    let (state, reason, message) = known.condition(ConditionType::FunctionURLReady);
    assert_eq!((state.as_str(), reason.as_str()), ("False", "AlreadyExists"));
    assert!(message.contains("spec.sourceRanges"), "{message}");
    let assessment = assess(&known.route, &installation(), None);
    assert!(!known.view.as_ref().unwrap().serves(&key(&known.route), &assessment.demand));
}

#[test]
fn a_grant_that_aws_doesnt_know_is_named() {
    let mut known = working();
    let mut failure = denied();
    failure.error.kind = ErrorKind::InvalidPrincipal(Some("grant reporter".into()));
    known.view.as_mut().unwrap().failure = Some(failure);
    let (_, _, message) = known.ready();
    assert!(message.starts_with("You: ") && message.contains("spec.permissions.grants[reporter]"), "{message}");
}

#[test]
fn a_policy_without_room_is_told_with_the_numbers() {
    let mut known = working();
    let view = known.view.as_mut().unwrap();
    view.too_large = Some(crate::plan::TooLarge { bytes: 20_100, needed: 20_749 });
    view.settled = false;
    let (state, reason, message) = known.ready();
    assert_eq!((state.as_str(), reason.as_str()), ("False", "PolicyTooLarge"));
    assert!(message.contains("has 20100 bytes and would have 20749, over AWS's 20480"), "{message}");
    assert!(has(&known.status(), ConditionType::Stalled));
}

#[test]
fn what_somebody_else_keeps_changing_back_is_named() {
    for (contested, type_, named) in [
        (Contested::FunctionUrl, ConditionType::FunctionURLReady, "the function URL's settings"),
        (Contested::Statement("lr1-a-b-c-fn".into()), ConditionType::PermissionsReady, "lr1-a-b-c-fn"),
    ] {
        let mut known = working();
        let view = known.view.as_mut().unwrap();
        (view.contested, view.settled) = ([contested].into(), false);
        let (state, reason, message) = known.condition(type_);
        assert_eq!((state.as_str(), reason.as_str()), ("False", "ConflictingManager"));
        assert!(message.contains(named), "{message}");
        assert_eq!(known.ready().1, "ConflictingManager");
    }
}

#[test]
fn an_account_that_blocks_public_policies_is_told_with_the_remedy() {
    let mut known = working();
    let mut failure = denied();
    failure.error.kind = ErrorKind::PublicPolicyBlocked;
    failure.error.code = "PublicPolicyException".into();
    known.view.as_mut().unwrap().failure = Some(failure);
    let (_, reason, message) = known.ready();
    assert_eq!(reason, "AccessDenied");
    for part in ["PublicPolicyException", "lambda:PutPublicAccessBlockConfig", "AWS_IAM"] {
        assert!(message.contains(part), "{message}");
    }
}
