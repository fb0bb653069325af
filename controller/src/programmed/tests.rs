//! What is remembered on a Service, and what of it is believed.

use std::collections::BTreeSet;

use super::*;
use crate::access::SecretValue;

const ARN: &str = "arn:aws:lambda:eu-west-1:111122223333:function:orders:PROD";

fn route() -> LambdaRoute {
    serde_yaml_ng::from_str(&format!(
        "
apiVersion: lambdaroute.dev/v1alpha1
kind: LambdaRoute
metadata: {{name: orders, namespace: shop, uid: uid-1}}
spec: {{function: {{name: orders, qualifier: PROD}}}}
status:
  targets:
    - {{functionARN: '{ARN}', functionURL: 'https://abc123.lambda-url.eu-west-1.on.aws/', state: Active}}
"
    ))
    .unwrap()
}

fn programmed() -> Programmed {
    Programmed {
        host: "abc123.lambda-url.eu-west-1.on.aws".into(),
        region: "eu-west-1".into(),
        auth_type: AuthType::AwsIam,
        invoke_mode: InvokeMode::Buffered,
        function_arn: ARN.into(),
        cors: crate::observation::UrlCors::default(),
        management: lambdaroute_crds::FunctionUrlManagement::Managed,
        permissions: lambdaroute_crds::PermissionsManagement::Managed,
        grants: [].into(),
        access: Access::default(),
        cluster_issuer: None,
    }
}

/// What proxies were told of a route that only holders of a key may call.
fn guarded() -> Programmed {
    let auth = serde_yaml_ng::from_str(&format!(
        "{{auth: {{methods: [{{name: keys, type: APIKey, apiKey: {{consumers: [{{name: web, digests: ['sha256:{}']}}]}}}}]}}}}",
        "9f".repeat(32)
    ));
    Programmed { access: auth.unwrap(), ..programmed() }
}

fn everybody() -> lambdaroute_crds::Permissions {
    serde_yaml_ng::from_str("{grants: [{name: all, principal: '*'}]}").unwrap()
}

/// The route, as its status is once proxies were told `programmed`.
fn told(programmed: &Programmed) -> LambdaRoute {
    let mut route = route();
    route.status.as_mut().unwrap().programmed_digest = Some(programmed.digest());
    route
}

fn trusted(programmed: &Programmed, route: &LambdaRoute) -> Option<Programmed> {
    Programmed::trusted(&programmed.annotation(), route, &Trust::default())
}

#[test]
fn what_status_confirms_is_believed() {
    assert_eq!(trusted(&programmed(), &told(&programmed())), Some(programmed()));
    assert_eq!(trusted(&guarded(), &told(&guarded())), Some(guarded()));
}

#[test]
fn an_annotation_that_somebody_wrote_leads_nowhere_else() {
    let other_host = Programmed { host: "evil.lambda-url.eu-west-1.on.aws".into(), ..programmed() };
    let other_function = Programmed { function_arn: ARN.replace("orders", "payments"), ..programmed() };
    let other_region = Programmed { region: "us-east-1".into(), ..programmed() };
    for forged in [other_host, other_function, other_region] {
        assert_eq!(trusted(&forged, &told(&forged)), None, "{forged:?}");
    }
    assert_eq!(Programmed::trusted("{}", &route(), &Trust::default()), None);
    assert_eq!(trusted(&programmed(), &LambdaRoute { status: None, ..route() }), None);
}

#[test]
fn an_annotation_that_somebody_wrote_lets_nobody_in() {
    let open = programmed();
    let status = told(&guarded());
    assert_eq!(trusted(&open, &status), None, "nothing says that it may be open: it is served no more");
    let manifest = Trust { written: None, manifest: Some(guarded().access) };
    let read = Programmed::trusted(&open.annotation(), &status, &manifest).map(|read| read.access);
    assert_eq!(read, Some(guarded().access), "the manifest says who");
    let unknown = guarded().annotation().replace("\"access\":{", "\"access\":{\"later\":{},");
    assert!(unknown.contains("later"));
    let read = Programmed::trusted(&unknown, &status, &Trust::default());
    assert_eq!(read, Some(guarded()), "what this version doesn't read changes nothing of what it does");
    let without = guarded().annotation().replace("\"auth\":", "\"other\":");
    assert_eq!(Programmed::trusted(&without, &status, &Trust::default()), None);
}

#[test]
fn what_this_leader_wrote_is_believed_before_status_says_so_too() {
    let trust = Trust { written: Some(guarded().digest()), manifest: None };
    assert_eq!(Programmed::trusted(&guarded().annotation(), &told(&programmed()), &trust), Some(guarded()));
}

#[test]
fn an_annotation_that_somebody_wrote_asks_for_nothing_in_aws() {
    let forged = Programmed {
        auth_type: AuthType::None,
        management: FunctionUrlManagement::Adopt,
        grants: Demand::of(&lambdaroute_crds::LambdaRouteSpec {
            permissions: Some(everybody()),
            ..lambdaroute_crds::LambdaRouteSpec::default()
        })
        .grants,
        ..programmed()
    };
    let manifest = Trust { written: None, manifest: Some(Access::default()) };
    let read = Programmed::trusted(&forged.annotation(), &told(&programmed()), &manifest).unwrap();
    let demand = read.demand();
    assert_eq!((demand.auth_type, demand.management), (Some(AuthType::AwsIam), FunctionUrlManagement::Observe));
    assert!(demand.grants.is_empty());
    assert_eq!(trusted(&forged, &told(&forged)), Some(forged), "only what status has too");
}

#[test]
fn a_service_of_before_the_digest_goes_by_its_manifest() {
    let before = programmed().annotation().replace(",\"access\":{}", "").replace("\"access\":{},", "");
    assert!(!before.contains("access"), "{before}");
    let trust = Trust { written: None, manifest: Some(Access::default()) };
    let read = Programmed::trusted(&before, &route(), &trust).map(|read| (read.host, read.access));
    assert_eq!(read, Some((programmed().host, programmed().access)));
}

#[test]
fn no_value_of_a_secret_is_remembered() {
    let access =
        "{requestHeaders: {set: [{name: x-gateway-key, valueFrom: {secretKeyRef: {name: gateway, key: key}}}]}}";
    let served = Programmed { access: serde_yaml_ng::from_str(access).unwrap(), ..programmed() };
    let reference = served.access.header_secrets().next().unwrap().clone();
    let value = SecretValue(b"hunter2-hunter2".to_vec());
    let references = References { values: [(reference, value)].into(), ..References::none() };
    let desired = served.desired(&route(), service(), 10001, &references).unwrap();
    assert_eq!(desired.route.request_headers.unwrap().set[0].value, b"hunter2-hunter2");
    assert!(!served.annotation().contains("hunter2") && !format!("{references:?}").contains("hunter2"));
    assert!(matches!(served.desired(&route(), service(), 10001, &References::none()), Err(Unfit::Missing(_))));
}

fn service() -> ServiceRef {
    ServiceRef {
        namespace: "shop".into(),
        name: "orders".into(),
        uid: "s".into(),
        port_name: "http".into(),
        ip_families: vec!["IPv4".into()],
    }
}

#[test]
fn what_proxies_get_is_valid_and_names_the_features_that_it_needs() {
    for (auth_type, invoke_mode, requires) in [
        (AuthType::AwsIam, InvokeMode::Buffered, vec![feature::FUNCTION_URL]),
        (AuthType::AwsIam, InvokeMode::ResponseStream, vec![feature::FUNCTION_URL, feature::RESPONSE_STREAM]),
        (AuthType::None, InvokeMode::Buffered, vec![feature::UNSIGNED]),
    ] {
        let served = Programmed { auth_type, invoke_mode, ..programmed() };
        let desired = served.desired(&route(), service(), 10001, &References::none()).unwrap();
        assert_eq!(desired.route.requires, requires);
        let supported: BTreeSet<&str> = feature::SUPPORTED.iter().copied().collect();
        lambdaroute_proxy_config::validate_route(&desired.route, &supported).unwrap();
    }
}

mod next {
    //! What proxies are to serve next.

    use lambdaroute_crds::{LambdaAccessPolicy, Ownership};

    use super::*;
    use crate::access_policy::AccessPolicies;
    use crate::assess::{Installation, assess};
    use crate::observation::FunctionState;
    use crate::plan::UrlFinding;
    use crate::target::Defaults;

    fn view() -> TargetView {
        TargetView {
            observed_at: Some(jiff::Timestamp::UNIX_EPOCH),
            synced_at: None,
            function: Some(FunctionState::Exists),
            url: Some(UrlConfig {
                url: "https://abc123.lambda-url.eu-west-1.on.aws/".into(),
                creation_time: "2026-11-21T09:30:00.123+0000".into(),
                settings: programmed().settings(),
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
            planned: std::collections::BTreeMap::new(),
            failure: None,
            failures: [].into(),
            spared: [].into(),
        }
    }

    fn next(route: &LambdaRoute, view: &TargetView, served: Option<Programmed>) -> Option<Programmed> {
        let defaults =
            Defaults { region: Some("eu-west-1".into()), account_id: "111122223333".into(), partition: "aws".into() };
        let installation = Installation { defaults: Some(defaults), ..Installation::default() };
        Programmed::next(route, &assess(route, &installation, None), Some(view), served, &References::none())
    }

    fn before() -> Option<Programmed> {
        Some(Programmed { host: "old.lambda-url.eu-west-1.on.aws".into(), ..programmed() })
    }

    #[test]
    fn what_works_in_aws_is_served() {
        assert_eq!(next(&route(), &view(), None), Some(programmed()));
    }

    #[test]
    fn nothing_is_served_before_it_is_recorded_where_to_take_it_back() {
        let unrecorded = LambdaRoute { status: None, ..route() };
        assert_eq!(next(&unrecorded, &view(), None), None);
    }

    #[test]
    fn what_was_served_goes_on_while_the_new_does_not_work_yet() {
        assert_eq!(next(&route(), &TargetView { settled: false, ..view() }, before()), before());
        let disputed = TargetView { conflicted: [key(&route())].into(), ..view() };
        assert_eq!(next(&route(), &disputed, before()), before());
        assert_eq!(next(&route(), &TargetView { url: None, ..view() }, before()), before());
    }

    #[test]
    fn a_suspended_or_refused_route_stays_as_it_is() {
        let mut suspended = route();
        suspended.spec.suspend = Some(true);
        assert_eq!(next(&suspended, &view(), before()), before());
        let mut refused = route();
        refused.spec.validation = Some(serde_json::json!({}));
        assert_eq!(next(&refused, &view(), before()), before());
    }

    #[test]
    fn who_may_call_does_not_wait_for_aws() {
        let mut closed = route();
        closed.spec.auth = guarded().access.auth;
        let waits = TargetView { settled: false, ..view() };
        let served = next(&closed, &waits, before()).unwrap();
        assert_eq!((served.host, served.access), (before().unwrap().host, guarded().access));
        let defaults = Installation::default();
        let unknown_account =
            Programmed::next(&closed, &assess(&closed, &defaults, None), None, before(), &References::none());
        assert_eq!(unknown_account, before(), "a manifest that isn't accepted yet changes nothing");
    }

    #[test]
    fn a_suspended_disputed_or_refused_route_lets_in_whom_it_let_in_before() {
        let before = || Some(guarded());
        let mut suspended = route();
        suspended.spec.suspend = Some(true);
        assert_eq!(next(&suspended, &view(), before()), before());
        let disputed = TargetView { conflicted: [key(&route())].into(), ..view() };
        assert_eq!(next(&route(), &disputed, before()), before());
        let mut refused = route();
        refused.spec.auth = Some(lambdaroute_crds::Auth { methods: vec![] });
        assert_eq!(next(&refused, &view(), before()), before());
    }

    #[test]
    fn what_waits_for_a_secret_leaves_what_was_served() {
        let access =
            "{requestHeaders: {set: [{name: x-gateway-key, valueFrom: {secretKeyRef: {name: gateway, key: key}}}]}}";
        let mut waits = route();
        waits.spec.request_headers = serde_yaml_ng::from_str::<Access>(access).unwrap().request_headers;
        assert_eq!(next(&waits, &view(), Some(guarded())), Some(guarded()));
        assert_eq!(next(&waits, &view(), None), None);
    }

    #[test]
    fn a_route_on_its_way_to_the_public_is_guarded_until_it_is_there() {
        let mut public = route();
        public.spec.upstream = Some(lambdaroute_crds::Upstream {
            type_: lambdaroute_crds::UpstreamType::FunctionURL,
            function_url: Some(lambdaroute_crds::FunctionUrl {
                auth_type: Some(AuthType::None),
                ..lambdaroute_crds::FunctionUrl::default()
            }),
        });
        public.spec.permissions = Some(everybody());
        let defaults =
            Defaults { region: Some("eu-west-1".into()), account_id: "111122223333".into(), partition: "aws".into() };
        let installation =
            Installation { defaults: Some(defaults), access_policies: everything_allowed(), ..Installation::default() };
        let assessment = assess(&public, &installation, None);
        assert_eq!(assessment.refused, None);
        let next = Programmed::next(&public, &assessment, Some(&view()), Some(guarded()), &References::none());
        assert_eq!(next, Some(guarded()));
    }

    fn everything_allowed() -> AccessPolicies {
        let policy = LambdaAccessPolicy::new(
            "all",
            serde_yaml_ng::from_str(
                "{namespaceSelector: {matchExpressions: [{key: name, operator: Exists}]},
                  functions: ['arn:*:lambda:*:*:function:*'], allow: [PublicURL, Adopt, Grants]}",
            )
            .unwrap(),
        );
        let labels = [("name".to_owned(), "shop".to_owned())].into();
        AccessPolicies::default().with_policies([&policy]).with_namespaces([("shop".to_owned(), labels)])
    }

    #[test]
    fn what_a_namespace_may_not_use_any_more_is_served_no_more_even_suspended() {
        let policies =
            AccessPolicies::default().with_policies([&LambdaAccessPolicy::new("nobody", Default::default())]);
        let defaults =
            Defaults { region: Some("eu-west-1".into()), account_id: "111122223333".into(), partition: "aws".into() };
        let known = policies.clone().with_namespaces([("shop".to_owned(), [].into())]);
        for suspend in [None, Some(true)] {
            let mut route = route();
            route.spec.suspend = suspend;
            let next = |access_policies| {
                let installation =
                    Installation { defaults: Some(defaults.clone()), access_policies, ..Installation::default() };
                let assessment = assess(&route, &installation, None);
                Programmed::next(&route, &assessment, Some(&view()), Some(programmed()), &References::none())
            };
            assert_eq!(next(known.clone()), None);
            assert_eq!(next(policies.clone()), Some(programmed()), "labels that aren't known yet take nothing away");
            assert_eq!(next(everything_allowed()), Some(programmed()));
        }
    }

    #[test]
    fn a_public_route_that_may_not_be_public_any_more_is_served_no_more() {
        let mut public = route();
        public.spec.upstream = Some(lambdaroute_crds::Upstream {
            type_: lambdaroute_crds::UpstreamType::FunctionURL,
            function_url: Some(lambdaroute_crds::FunctionUrl {
                auth_type: Some(AuthType::None),
                ..lambdaroute_crds::FunctionUrl::default()
            }),
        });
        public.spec.permissions = Some(everybody());
        let served = Some(Programmed { auth_type: AuthType::None, ..programmed() });
        assert_eq!(next(&public, &view(), served), None);
    }
}

#[test]
fn the_clusters_issuer_is_remembered_for_a_leader_that_does_not_know_it_yet() {
    let access = "{auth: {methods: [{name: pods, type: ServiceAccount, serviceAccount: {allow: [{namespace: shop, name: web}]}}]}}";
    let told = Programmed { access: serde_yaml_ng::from_str(access).unwrap(), ..programmed() };
    let known = References { cluster_issuer: Some("https://issuer.example".into()), ..References::none() };
    let remembered = told.clone().with_issuer_of(&known);
    let first = told.desired(&route(), service(), 10001, &known).unwrap();
    let next = remembered.desired(&route(), service(), 10001, &References::none()).unwrap();
    assert_eq!(next, first, "nothing changes for proxies");
    assert_eq!(programmed().with_issuer_of(&known), programmed(), "who doesn't need it doesn't depend on it");
    let forged = Programmed { cluster_issuer: Some("https://evil.example".into()), ..remembered };
    let trust = Trust { written: None, manifest: Some(told.access.clone()) };
    let read = Programmed::trusted(&forged.annotation(), &self::told(&told), &trust);
    assert_eq!(read.map(|read| read.cluster_issuer), Some(None), "only what status confirms");
}

#[test]
fn where_a_value_is_missing_proxies_keep_the_route_and_get_no_stand_in() {
    let access =
        "{requestHeaders: {set: [{name: x-gateway-key, valueFrom: {secretKeyRef: {name: gateway, key: key}}}]}}";
    let served = Programmed { access: serde_yaml_ng::from_str(access).unwrap(), ..programmed() };
    let kept = served.kept(&route(), service(), 10001, &References::none()).unwrap();
    assert!(kept.kept && kept.route.port == 10001);
}
