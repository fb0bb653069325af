//! Plans, carried out on a pure model of AWS: what a policy and a URL config become, never what a call looks like.

use lambdaroute_crds::{AuthType, FunctionUrlManagement, InvokeMode, PermissionsManagement};
use proptest::prelude::*;

use super::ours::our_sids;
use super::*;
use crate::demand::NamedGrant;
use crate::observation::{UrlCors, Written};
use crate::policy::{Grantee, Policy, Principal, Statement, parse_statement};
use crate::sid::Sid;

mod failing;

const ARN: &str = "arn:aws:lambda:eu-west-1:111122223333:function:orders";
const ROLE: &str = "arn:aws:iam::111122223333:role/lambdaroute-proxy";
const NO_CORS: UrlCors = UrlCors {
    allow_origins: BTreeSet::new(),
    allow_methods: BTreeSet::new(),
    allow_headers: BTreeSet::new(),
    expose_headers: BTreeSet::new(),
    allow_credentials: false,
    max_age: 0,
};
const IAM: UrlSettings = UrlSettings { auth_type: AuthType::AwsIam, invoke_mode: InvokeMode::Buffered, cors: NO_CORS };
const NONE: UrlSettings = UrlSettings { auth_type: AuthType::None, invoke_mode: InvokeMode::Buffered, cors: NO_CORS };
const STREAM: UrlSettings =
    UrlSettings { auth_type: AuthType::AwsIam, invoke_mode: InvokeMode::ResponseStream, cors: NO_CORS };

fn target() -> FunctionTarget {
    FunctionTarget::parse_arn(ARN).unwrap()
}

fn settings() -> Settings {
    Settings { cluster: "prod1".parse().unwrap(), principal: ROLE.parse().unwrap() }
}

fn key(name: &str) -> RouteKey {
    RouteKey { namespace: "shop".into(), name: name.into(), uid: format!("uid-{name}") }
}

fn recorded() -> Option<Recorded> {
    Some(Recorded {
        created_at: None,
        ownership: None,
        permissions: [Permission::PublicURL, Permission::Grants].into(),
    })
}

fn grant(name: &str, principal: &str) -> NamedGrant {
    NamedGrant { name: name.into(), grantee: Grantee::of(principal) }
}

/// What a managed manifest with these settings demands: NONE is never without its grant.
fn demand(settings: UrlSettings) -> Demand {
    let public = (settings.auth_type == AuthType::None).then(|| grant("anybody", "*"));
    Demand { grants: public.into_iter().collect(), ..Demand::exactly(&settings) }
}

fn with_grants(settings: UrlSettings, principals: &[&str]) -> Demand {
    let mut demand = demand(settings);
    demand.grants.extend(principals.iter().map(|principal| grant(principal.rsplit('/').next().unwrap(), principal)));
    demand
}

/// A manifest that leaves everything open, under Adopt or Observe.
fn as_found(management: FunctionUrlManagement) -> Demand {
    Demand { management, ..Demand::default() }
}

fn wants_this(name: &str, demand: Demand) -> RouteOnTarget {
    RouteOnTarget {
        route: key(name),
        intent: Intent::Wants { demand, programmed: None, finalizer: true },
        recorded: recorded(),
    }
}

fn wants(name: &str, settings: UrlSettings) -> RouteOnTarget {
    wants_this(name, demand(settings))
}

fn releases(name: &str) -> RouteOnTarget {
    RouteOnTarget { route: key(name), intent: Intent::Releases, recorded: recorded() }
}

fn time(second: u32) -> String {
    format!("2026-11-21T09:30:{second:02}.123+0000")
}

fn url(settings: UrlSettings, second: u32) -> UrlConfig {
    UrlConfig { url: format!("https://u{second}.lambda-url.eu-west-1.on.aws/"), creation_time: time(second), settings }
}

/// Carries a step out as AWS does; a URL config created at second 30.
fn carry_out(step: &Step, aws: &mut Observation) {
    let written = match step {
        Step::AddPermission { sid, grant, mark_created, .. } => {
            let mut sid = sid.clone();
            if *mark_created {
                sid.created = Mark::of(&aws.url.as_ref().unwrap().creation_time);
            }
            let text = sid.to_string();
            assert!(
                !aws.policy.statements.iter().any(|statement| statement.sid.as_deref() == Some(&text)),
                "a Sid can't be written twice"
            );
            Written::StatementAdded(grant.statement(Some(text), ARN))
        }
        Step::RemovePermission { sid, .. } => Written::StatementRemoved(sid.to_string()),
        Step::CreateFunctionUrlConfig { settings, .. } => {
            assert_eq!(aws.url, None, "a create conflicts with what is there");
            Written::Url(url(settings.clone(), 30))
        }
        Step::UpdateFunctionUrlConfig { settings, .. } => {
            Written::Url(UrlConfig { settings: settings.clone(), ..aws.url.clone().unwrap() })
        }
        Step::DeleteFunctionUrlConfig { .. } => Written::UrlDeleted,
        _ => Written::Nothing,
    };
    aws.fold(written);
}

fn converge(routes: &[RouteOnTarget], aws: &mut Observation) -> Vec<String> {
    let plan = plan(&target(), routes, aws, &settings());
    for step in &plan.steps {
        carry_out(step, aws);
    }
    plan.steps.iter().map(words).collect()
}

/// A step without its hashes: `AddPermission fn -c`.
fn words(step: &Step) -> String {
    match step {
        Step::AddFinalizer { route } => format!("AddFinalizer {}", route.name),
        Step::RecordTarget { route, .. } => format!("RecordTarget {}", route.name),
        Step::AddPermission { sid, grant, mark_created, .. } => {
            let who = if grant.grantee.principal == "*" { "public " } else { "" };
            let mark = if *mark_created || sid.created.is_some() { " -c" } else { "" };
            format!("AddPermission {who}{}{mark}", sid.kind.as_str())
        }
        Step::RemovePermission { sid, .. } => {
            let mark = if sid.created.is_some() { " -c" } else { "" };
            format!("RemovePermission {}{mark}", sid.kind.as_str())
        }
        Step::CreateFunctionUrlConfig { .. } => "CreateFunctionUrlConfig".into(),
        Step::UpdateFunctionUrlConfig { .. } => "UpdateFunctionUrlConfig".into(),
        Step::DeleteFunctionUrlConfig { .. } => "DeleteFunctionUrlConfig".into(),
        other => other.to_string(),
    }
}

fn sids(aws: &Observation) -> Vec<String> {
    aws.policy.statements.iter().filter_map(|statement| statement.sid.clone()).collect()
}

fn foreign_statement(sid: &str) -> Statement {
    parse_statement(&format!(
        r#"{{"Sid":"{sid}","Effect":"Allow","Principal":{{"Service":"events.amazonaws.com"}},
            "Action":"lambda:InvokeFunction","Resource":"{ARN}"}}"#
    ))
    .unwrap()
}

fn created() -> Observation {
    let mut aws = Observation::bare();
    converge(&[wants("orders", IAM)], &mut aws);
    aws
}

#[test]
fn a_creation_is_written_in_the_order_that_proves_itself() {
    let mut aws = Observation::bare();
    let mut route = wants("orders", IAM);
    route.intent = Intent::Wants { demand: demand(IAM), programmed: None, finalizer: false };
    route.recorded = None;
    assert_eq!(
        converge(&[route], &mut aws),
        [
            "AddFinalizer orders",
            "RecordTarget orders",
            "AddPermission url",
            "CreateFunctionUrlConfig",
            "AddPermission fn -c"
        ]
    );
    assert_eq!(aws.policy.statements.len(), 2);
    assert!(converge(&[wants("orders", IAM)], &mut aws).is_empty());
    assert_eq!(plan(&target(), &[wants("orders", IAM)], &aws, &settings()).ownership, Some(Ownership::Created));
}

#[test]
fn a_second_route_on_the_target_costs_no_write_in_aws() {
    let mut aws = created();
    assert_eq!(converge(&[wants("orders", IAM), wants("orders-too", IAM)], &mut aws), Vec::<String>::new());
}

#[test]
fn ours_are_written_where_somebody_elses_statement_grants_the_same_already() {
    let theirs: Vec<Statement> = ["terraform-url", "terraform-fn"]
        .into_iter()
        .zip(pair_of(ROLE))
        .map(|(sid, grant)| grant.statement(Some(sid.to_owned()), ARN))
        .collect();
    let mut aws = Observation { policy: Policy { statements: theirs, ..Policy::default() }, ..Observation::bare() };
    assert_eq!(
        converge(&[wants("orders", IAM)], &mut aws),
        ["AddPermission url", "CreateFunctionUrlConfig", "AddPermission fn -c"]
    );
    aws.policy.statements.retain(|statement| !statement.sid.as_deref().unwrap().starts_with("terraform"));
    assert!(converge(&[wants("orders", IAM)], &mut aws).is_empty(), "whoever takes theirs away breaks nothing");
}

#[test]
fn a_lost_statement_is_written_again_under_its_mark() {
    for lost in 0..2 {
        let mut aws = created();
        aws.policy.statements.remove(lost);
        let mut route = wants("orders", IAM);
        route.recorded =
            Some(Recorded { created_at: Some(time(30)), ownership: Some(Ownership::Created), permissions: [].into() });
        let expected = ["AddPermission url", "AddPermission fn -c"][lost];
        assert_eq!(converge(&[route], &mut aws), [expected]);
        assert_eq!(plan(&target(), &[wants("orders", IAM)], &aws, &settings()).ownership, Some(Ownership::Created));
    }
}

#[test]
fn a_deleted_roles_statement_is_replaced() {
    let mut aws = created();
    aws.policy.statements[0].principals = BTreeSet::from([Principal::Aws("AROAEXAMPLEID12345678".into())]);
    assert_eq!(converge(&[wants("orders", IAM)], &mut aws), ["RemovePermission url", "AddPermission url"]);
    assert!(converge(&[wants("orders", IAM)], &mut aws).is_empty());
}

#[test]
fn a_new_principal_stands_beside_the_old_one_until_that_goes() {
    let mut aws = created();
    let other = Settings { principal: "arn:aws:iam::111122223333:role/other".parse().unwrap(), ..settings() };
    let plan = plan(&target(), &[wants("orders", IAM)], &aws, &other);
    let steps: Vec<String> = plan.steps.iter().map(words).collect();
    assert_eq!(steps[..2], ["AddPermission url", "AddPermission fn -c"]);
    assert_eq!(steps.len(), 4);
    for step in &plan.steps {
        carry_out(step, &mut aws);
    }
    assert!(super::plan(&target(), &[wants("orders", IAM)], &aws, &other).steps.is_empty());
}

#[test]
fn going_public_opens_the_policy_first_and_coming_back_closes_the_url_first() {
    let mut aws = created();
    assert_eq!(
        converge(&[wants("orders", NONE)], &mut aws),
        ["AddPermission public url", "AddPermission public fn", "UpdateFunctionUrlConfig"]
    );
    let address = aws.url.clone().unwrap().url;
    let back = converge(&[wants("orders", IAM)], &mut aws);
    assert_eq!(back[0], "UpdateFunctionUrlConfig");
    assert_eq!(back.len(), 3, "both public statements go");
    assert_eq!(aws.url.as_ref().unwrap().url, address, "the URL never changes");
    assert_eq!(sids(&aws), sids(&created()), "exactly the pair is left");
}

#[test]
fn a_foreign_url_that_agrees_is_used_and_never_deleted() {
    let mut aws = Observation { url: Some(url(IAM, 1)), ..Observation::bare() };
    assert_eq!(converge(&[wants("orders", IAM)], &mut aws), ["AddPermission url", "AddPermission fn"]);
    assert_eq!(plan(&target(), &[wants("orders", IAM)], &aws, &settings()).ownership, Some(Ownership::Unproven));
    assert_eq!(converge(&[releases("orders")], &mut aws).len(), 2, "only the statements go");
    assert_eq!(aws.url, Some(url(IAM, 1)));
}

#[test]
fn a_foreign_url_that_differs_is_left_alone_with_the_differences_told() {
    let aws = Observation { url: Some(url(NONE, 1)), ..Observation::bare() };
    let mut route = wants("orders", STREAM);
    route.intent = Intent::Wants { demand: demand(STREAM), programmed: None, finalizer: false };
    let plan = plan(&target(), &[route], &aws, &settings());
    assert_eq!(plan.steps, []);
    assert_eq!(
        plan.url,
        UrlFinding::Differs(vec![
            "authType is NONE, not AWS_IAM".into(),
            "invokeMode is BUFFERED, not RESPONSE_STREAM".into()
        ])
    );
}

#[test]
fn somebody_who_replaces_our_url_is_never_taken_for_us() {
    let mut aws = created();
    aws.url = Some(url(IAM, 31));
    let plan = plan(&target(), &[wants("orders", STREAM)], &aws, &settings());
    assert_eq!((plan.ownership, plan.steps.len()), (Some(Ownership::Unproven), 0));
    converge(&[releases("orders")], &mut aws);
    assert_eq!(aws, Observation { url: Some(url(IAM, 31)), ..Observation::bare() });
}

#[test]
fn a_crash_between_create_and_mark_proves_nothing() {
    let mut aws = Observation::bare();
    let steps = plan(&target(), &[wants("orders", IAM)], &aws, &settings()).steps;
    for step in &steps[..2] {
        carry_out(step, &mut aws);
    }
    assert_eq!(converge(&[wants("orders", IAM)], &mut aws), ["AddPermission fn"]);
    assert_eq!(plan(&target(), &[wants("orders", IAM)], &aws, &settings()).ownership, Some(Ownership::Unproven));
    converge(&[releases("orders")], &mut aws);
    assert!(aws.url.is_some() && aws.policy.statements.is_empty());
}

#[test]
fn a_release_takes_all_of_ours_and_nothing_else_the_mark_last() {
    let mut aws = created();
    aws.policy.statements.insert(0, foreign_statement("terraform"));
    assert_eq!(
        converge(&[releases("orders")], &mut aws),
        ["DeleteFunctionUrlConfig", "RemovePermission url", "RemovePermission fn -c"]
    );
    assert_eq!(sids(&aws), ["terraform"]);
    assert!(converge(&[releases("orders")], &mut aws).is_empty());
}

#[test]
fn the_first_of_two_routes_to_go_takes_nothing_away() {
    let mut aws = created();
    assert!(converge(&[releases("orders"), wants("orders-too", IAM)], &mut aws).is_empty());
    let kept = RouteOnTarget {
        route: key("orders-too"),
        intent: Intent::Keeps { programmed: Some(demand(IAM)), repair: false },
        recorded: recorded(),
    };
    assert!(converge(&[releases("orders"), kept], &mut aws).is_empty());
}

fn keeps(name: &str, programmed: Option<Demand>, repair: bool) -> RouteOnTarget {
    RouteOnTarget { intent: Intent::Keeps { programmed, repair }, ..releases(name) }
}

#[test]
fn a_withdrawal_waits_for_no_route_that_stays_in_whatever_way() {
    let observes = |management| Demand {
        management: FunctionUrlManagement::Observe,
        permissions: management,
        ..Demand::default()
    };
    let public = || wants_this("orders", with_grants(NONE, &[REPORTER]));
    for stays in [
        keeps("other", Some(demand(IAM)), false),
        keeps("other", Some(demand(NONE)), false),
        keeps("other", None, false),
        keeps("other", None, true),
        keeps("other", Some(demand(STREAM)), true),
        wants_this("other", observes(PermissionsManagement::Observe)),
        wants_this("other", observes(PermissionsManagement::Managed)),
        wants("other", STREAM),
    ] {
        let mut aws = Observation::bare();
        converge(&[public()], &mut aws);
        aws.policy.statements.push(foreign_statement("terraform"));
        assert_eq!(aws.policy.statements.len(), 7);
        converge(&[releases("orders"), stays.clone()], &mut aws);
        let left: Vec<&Principal> = aws.policy.statements.iter().flat_map(|statement| &statement.principals).collect();
        let stays_public = matches!(&stays.intent, Intent::Keeps { programmed: Some(demand), .. }
            if !demand.grants.is_empty());
        assert!(!left.contains(&&Principal::Aws(REPORTER.into())), "{stays:?}");
        assert_eq!(left.contains(&&Principal::Any), stays_public, "{stays:?}");
        assert_eq!(left.len(), if stays_public { 5 } else { 3 }, "the pair and what is others' stay: {stays:?}");
    }
}

#[test]
fn a_withdrawal_leaves_the_pair_of_former_proxies_until_somebody_may_write_the_new_one() {
    let mut aws = created();
    let other = Settings { principal: "arn:aws:iam::111122223333:role/other".parse().unwrap(), ..settings() };
    let routes = [releases("orders"), keeps("other", Some(demand(IAM)), false)];
    assert_eq!(plan(&target(), &routes, &aws, &other).steps, []);
    aws.policy.statements.clear();
    assert_eq!(plan(&target(), &routes, &aws, &other).steps, []);
}

#[test]
fn a_withdrawal_needs_no_room_in_the_policy() {
    let mut aws = created();
    converge(&[wants_this("orders", with_grants(IAM, &[REPORTER]))], &mut aws);
    filled(&mut aws, 20_470);
    let asks_too_much = wants_this("other", with_grants(IAM, &[AUDITOR, "444455556666", "555566667777"]));
    let steps = converge(&[releases("orders"), asks_too_much], &mut aws);
    assert_eq!(steps, ["RemovePermission fn", "RemovePermission url"].map(ToOwned::to_owned));
}

#[test]
fn a_url_stays_while_another_clusters_statements_are_there() {
    let mut aws = created();
    let theirs = format!("lr1-other9-{}-0123456789ab-url", target().hash());
    aws.policy.statements.push(foreign_statement(&theirs));
    let plan = plan(&target(), &[releases("orders")], &aws, &settings());
    assert_eq!(plan.in_use_by, BTreeSet::from(["other9".parse().unwrap()]));
    converge(&[releases("orders")], &mut aws);
    assert_eq!(sids(&aws), [theirs]);
    assert!(aws.url.is_some());
}

#[test]
fn a_missing_function_needs_no_write() {
    for function in [FunctionState::NotFound, FunctionState::QualifierNotFound] {
        let aws = Observation { function, ..Observation::bare() };
        for route in [wants("orders", IAM), releases("orders")] {
            assert_eq!(plan(&target(), &[route], &aws, &settings()).steps, []);
        }
    }
}

#[test]
fn routes_that_disagree_change_nothing_and_the_present_state_goes_on() {
    let mut aws = created();
    for routes in [[wants("a", IAM), wants("b", NONE)], [wants("b", NONE), wants("a", IAM)]] {
        let plan = plan(&target(), &routes, &aws, &settings());
        assert_eq!((plan.steps.len(), plan.conflicted), (0, BTreeSet::from([key("b")])));
    }
    aws.policy.statements.remove(0);
    assert_eq!(
        converge(&[wants("a", IAM), wants("b", NONE)], &mut aws),
        ["AddPermission url"],
        "what runs is repaired"
    );
}

#[test]
fn new_routes_that_disagree_from_the_start_write_nothing() {
    let mut aws = Observation::bare();
    let plan = plan(&target(), &[wants("a", IAM), wants("b", NONE)], &aws, &settings());
    assert_eq!((plan.steps.len(), plan.conflicted.len()), (0, 2));
    assert!(converge(&[wants("b", NONE), wants("a", IAM)], &mut aws).is_empty());
}

#[test]
fn a_suspended_route_holds_the_settings_but_nothing_is_written_for_it() {
    let suspended = RouteOnTarget {
        route: key("a"),
        intent: Intent::Keeps { programmed: Some(demand(IAM)), repair: false },
        recorded: recorded(),
    };
    let mut aws = created();
    assert_eq!(plan(&target(), &[suspended.clone(), wants("b", NONE)], &aws, &settings()).conflicted.len(), 1);
    aws.policy.statements.clear();
    assert!(converge(&[suspended], &mut aws).is_empty());
}

const REPORTER: &str = "arn:aws:iam::444455556666:role/reporter";
const AUDITOR: &str = "arn:aws:iam::444455556666:role/auditor";

#[test]
fn what_takes_a_permission_is_recorded_before_it_is_written() {
    let mut aws = created();
    let mut route = wants_this("orders", with_grants(NONE, &[REPORTER]));
    route.recorded = Some(Recorded { created_at: None, ownership: None, permissions: [].into() });
    assert_eq!(converge(&[route], &mut aws)[0], "RecordTarget orders");
    assert!(converge(&[wants_this("orders", with_grants(NONE, &[REPORTER]))], &mut aws).is_empty());
}

#[test]
fn an_adopted_url_is_kept_true_and_never_deleted() {
    let mut aws = Observation { url: Some(url(IAM, 1)), ..Observation::bare() };
    let route = || wants_this("orders", Demand { management: FunctionUrlManagement::Adopt, ..demand(STREAM) });
    assert_eq!(
        converge(&[route()], &mut aws),
        ["AddPermission url", "AddPermission fn", "UpdateFunctionUrlConfig"],
        "and no mark that would say we made it"
    );
    assert_eq!(plan(&target(), &[route()], &aws, &settings()).ownership, Some(Ownership::Adopted));
    aws.url = Some(url(IAM, 1));
    assert_eq!(converge(&[route()], &mut aws), ["UpdateFunctionUrlConfig"]);
    assert_eq!(converge(&[releases("orders")], &mut aws).len(), 2);
    assert_eq!(aws, Observation { url: Some(url(STREAM, 1)), ..Observation::bare() });
}

#[test]
fn what_a_manifest_leaves_open_is_as_found() {
    for found in [IAM, STREAM, NONE] {
        for management in [FunctionUrlManagement::Adopt, FunctionUrlManagement::Observe] {
            let mut aws = Observation { url: Some(url(found.clone(), 1)), ..Observation::bare() };
            let steps = converge(&[wants_this("orders", as_found(management))], &mut aws);
            assert_eq!(steps, ["AddPermission url", "AddPermission fn"], "the proxies' pair alone, nothing public");
            assert_eq!(aws.url, Some(url(found.clone(), 1)));
        }
    }
}

#[test]
fn an_adopting_route_without_a_url_makes_the_usual_one_of_its_own() {
    let mut aws = Observation::bare();
    let route = || wants_this("orders", as_found(FunctionUrlManagement::Adopt));
    converge(&[route()], &mut aws);
    assert_eq!(aws.url, Some(url(IAM, 30)));
    assert_eq!(plan(&target(), &[route()], &aws, &settings()).ownership, Some(Ownership::Created));
}

#[test]
fn an_observed_url_is_never_made_changed_or_deleted() {
    let observes = |demand| Demand { management: FunctionUrlManagement::Observe, ..demand };
    let none = plan(&target(), &[wants_this("orders", observes(demand(IAM)))], &Observation::bare(), &settings());
    assert_eq!((none.steps.len(), none.url), (0, UrlFinding::Missing));
    let other = Observation { url: Some(url(IAM, 1)), ..Observation::bare() };
    let differs = plan(&target(), &[wants_this("orders", observes(demand(STREAM)))], &other, &settings());
    assert_eq!(
        (differs.steps.len(), differs.url, differs.ownership),
        (0, UrlFinding::Differs(vec!["invokeMode is BUFFERED, not RESPONSE_STREAM".into()]), Some(Ownership::Observed))
    );
    // Even one that we made: its status says that it was only observed.
    let mut aws = created();
    let mut gone = releases("orders");
    gone.recorded =
        Some(Recorded { created_at: Some(time(30)), ownership: Some(Ownership::Observed), permissions: [].into() });
    converge(&[gone], &mut aws);
    assert_eq!(aws, Observation { url: Some(url(IAM, 30)), ..Observation::bare() });
}

#[test]
fn a_policy_that_is_only_observed_is_never_written_and_what_it_lacks_is_named() {
    let observes = || {
        let mut demand = with_grants(IAM, &[REPORTER]);
        demand.management = FunctionUrlManagement::Observe;
        demand.permissions = PermissionsManagement::Observe;
        wants_this("orders", demand)
    };
    let mut aws = Observation { url: Some(url(IAM, 1)), ..Observation::bare() };
    let plan = plan(&target(), &[observes()], &aws, &settings());
    let missing: Vec<String> = plan.missing.iter().map(ToString::to_string).collect();
    assert_eq!(
        missing,
        [
            format!("lambda:InvokeFunctionUrl for {ROLE} (FunctionUrlAuthType AWS_IAM)"),
            format!("lambda:InvokeFunction for {ROLE} (InvokedViaFunctionUrl true)"),
            format!("lambda:InvokeFunctionUrl for {REPORTER} (FunctionUrlAuthType AWS_IAM)"),
            format!("lambda:InvokeFunction for {REPORTER} (InvokedViaFunctionUrl true)"),
        ]
    );
    assert_eq!(plan.steps, []);
    // Whoever wrote it, and however wide: it counts.
    for (sid, principal, action) in [
        ("a", format!(r#"{{"AWS":"{ROLE}"}}"#), "lambda:InvokeFunctionUrl"),
        ("b", format!(r#"{{"AWS":["{ROLE}","{REPORTER}"]}}"#), "lambda:InvokeFunction"),
        ("c", "\"*\"".to_owned(), "lambda:*"),
    ] {
        let statement = format!(
            r#"{{"Sid":"{sid}","Effect":"Allow","Principal":{principal},"Action":"{action}","Resource":"{ARN}"}}"#
        );
        aws.policy.statements.push(parse_statement(&statement).unwrap());
    }
    assert_eq!(super::plan(&target(), &[observes()], &aws, &settings()).missing, BTreeSet::new());
    aws.policy.statements.pop();
    assert_eq!(super::plan(&target(), &[observes()], &aws, &settings()).missing.len(), 1);
}

#[test]
fn a_url_that_was_found_public_needs_somebodys_public_statements() {
    let mut aws = Observation { url: Some(url(NONE, 1)), ..Observation::bare() };
    let route = || wants_this("orders", as_found(FunctionUrlManagement::Observe));
    converge(&[route()], &mut aws);
    let missing = plan(&target(), &[route()], &aws, &settings()).missing;
    assert_eq!(missing, BTreeSet::from(Grant::pair(&Grantee::of("*"), AuthType::None)));
}

#[test]
fn a_grant_is_a_pair_that_comes_and_goes_by_itself() {
    let mut aws = created();
    let granted = || wants_this("orders", with_grants(IAM, &[REPORTER]));
    assert_eq!(converge(&[granted()], &mut aws).len(), 2);
    let pair: BTreeSet<Statement> =
        Grant::pair(&Grantee::of(REPORTER), AuthType::AwsIam).iter().map(|grant| grant.statement(None, ARN)).collect();
    let found: BTreeSet<Statement> =
        aws.policy.statements[2..].iter().cloned().map(|statement| Statement { sid: None, ..statement }).collect();
    assert_eq!(found, pair);
    assert_eq!(converge(&[wants("orders", IAM)], &mut aws).len(), 2);
    assert_eq!(aws, created());
}

#[test]
fn a_changed_condition_stands_beside_the_old_one_until_that_goes() {
    let service = |distribution: &str| {
        let mut demand = demand(IAM);
        let mut cloudfront = grant("cdn", "cloudfront.amazonaws.com");
        cloudfront.grantee.conditions.source_arn =
            Some(format!("arn:aws:cloudfront::111122223333:distribution/{distribution}"));
        demand.grants.insert(cloudfront);
        wants_this("orders", demand)
    };
    let mut aws = created();
    converge(&[service("E1")], &mut aws);
    let steps = converge(&[service("E2")], &mut aws);
    assert_eq!(steps[..2], ["AddPermission url", "AddPermission fn"]);
    assert_eq!(
        BTreeSet::from_iter(&steps[2..]),
        BTreeSet::from_iter(&["RemovePermission url".to_owned(), "RemovePermission fn".to_owned()])
    );
    let source = ("ArnLike".to_owned(), "aws:sourcearn".to_owned());
    let sources: Vec<_> =
        aws.policy.statements.iter().filter_map(|statement| statement.conditions.get(&source)).collect();
    assert_eq!(sources.len(), 2);
    assert!(sources.iter().all(|source| source.iter().all(|arn| arn.ends_with("/E2"))));
}

#[test]
fn a_grant_stays_while_any_route_has_it() {
    let both = [REPORTER, AUDITOR];
    let mut aws = Observation::bare();
    let routes = |first: &[&str], second: &[&str]| {
        [wants_this("a", with_grants(IAM, first)), wants_this("b", with_grants(IAM, second))]
    };
    converge(&routes(&both, &[REPORTER]), &mut aws);
    assert_eq!(aws.policy.statements.len(), 6);
    assert!(converge(&routes(&[AUDITOR], &[REPORTER]), &mut aws).is_empty(), "the other route has it still");
    assert_eq!(converge(&routes(&[AUDITOR], &[]), &mut aws).len(), 2);
    assert_eq!(aws.policy.statements.len(), 4);
}

#[test]
fn what_a_suspended_or_disputed_route_lets_in_is_not_taken_away() {
    let mut aws = Observation::bare();
    converge(&[wants_this("a", with_grants(IAM, &[REPORTER])), wants("b", IAM)], &mut aws);
    let suspended = RouteOnTarget {
        intent: Intent::Keeps { programmed: Some(with_grants(IAM, &[REPORTER])), repair: false },
        ..wants("a", IAM)
    };
    assert!(converge(&[suspended, wants("b", IAM)], &mut aws).is_empty());
    let disputed = RouteOnTarget {
        intent: Intent::Wants {
            demand: demand(STREAM),
            programmed: Some(with_grants(IAM, &[REPORTER])),
            finalizer: true,
        },
        ..wants("a", IAM)
    };
    assert!(converge(&[disputed, wants("b", IAM)], &mut aws).is_empty());
}

#[test]
fn nothing_public_is_granted_unless_a_grant_says_so() {
    let mut aws = Observation::bare();
    converge(&[wants_this("orders", Demand::exactly(&NONE))], &mut aws);
    assert!(aws.policy.statements.iter().all(|statement| !statement.principals.contains(&Principal::Any)));
}

#[test]
fn a_grant_to_the_proxies_themselves_is_the_pair_that_they_have_anyway() {
    let mut aws = created();
    assert!(converge(&[wants_this("orders", with_grants(IAM, &[ROLE]))], &mut aws).is_empty());
}

#[test]
fn routes_that_leave_the_settings_open_go_along_with_one_that_names_them() {
    let mut aws = created();
    let open = wants_this("a", as_found(FunctionUrlManagement::Adopt));
    assert_eq!(converge(&[open.clone(), wants("b", STREAM)], &mut aws), ["UpdateFunctionUrlConfig"]);
    assert!(plan(&target(), &[open, wants("b", STREAM)], &aws, &settings()).conflicted.is_empty());
}

#[test]
fn a_lone_statement_of_a_version_without_the_pair_is_completed() {
    let mut aws = Observation { url: Some(url(IAM, 1)), ..Observation::bare() };
    converge(&[wants("orders", IAM)], &mut aws);
    let call = aws.policy.statements.iter().find(|statement| statement.actions.contains("lambda:InvokeFunction"));
    let sid = call.unwrap().sid.clone().unwrap();
    aws.policy.remove(&sid);
    assert_eq!(converge(&[wants("orders", IAM)], &mut aws), ["AddPermission fn"]);
}

/// Foreign statements of so many bytes together.
fn filled(aws: &mut Observation, bytes: usize) {
    let mut number = 0;
    while aws.policy.bytes + 400 < bytes {
        aws.policy.add(foreign_statement(&format!("theirs-{number}")));
        number += 1;
    }
    let short = foreign_statement("");
    let left = bytes.saturating_sub(aws.policy.bytes + short.bytes() + 1);
    aws.policy.add(foreign_statement(&"x".repeat(left)));
    assert_eq!(aws.policy.bytes, bytes);
}

#[test]
fn a_change_that_does_not_fit_writes_nothing_and_says_how_much_it_needs() {
    let mut aws = Observation::bare();
    filled(&mut aws, 20_000);
    let plan = plan(&target(), &[wants("orders", IAM)], &aws, &settings());
    assert_eq!(plan.steps, []);
    let too_large = plan.too_large.unwrap();
    assert_eq!(too_large.bytes, 20_000);
    // As AWS would write it: the pair, its Sids, and the mark.
    let mut roomy = Observation::bare();
    converge(&[wants("orders", IAM)], &mut roomy);
    let pair: usize = roomy.policy.statements.iter().map(|statement| statement.bytes() + 1).sum();
    assert_eq!(too_large.needed, 20_000 + pair);
}

#[test]
fn a_grant_without_room_doesnt_keep_the_proxies_out() {
    let mut aws = created();
    filled(&mut aws, 20_400);
    let granted = || wants_this("orders", with_grants(IAM, &[REPORTER]));
    let too_large = plan(&target(), &[granted()], &aws, &settings());
    assert_eq!((too_large.steps.len(), too_large.too_large.is_some()), (0, true));
    let lost = aws.policy.statements.first().unwrap().sid.clone().unwrap();
    aws.policy.remove(&lost);
    assert_eq!(converge(&[granted()], &mut aws), ["AddPermission url"], "what calls need is repaired");
}

#[test]
fn where_there_is_no_room_for_both_what_nobody_wants_makes_room() {
    let mut aws = created();
    converge(&[wants_this("orders", with_grants(IAM, &[REPORTER]))], &mut aws);
    filled(&mut aws, 20_400);
    let steps = converge(&[wants_this("orders", with_grants(IAM, &[AUDITOR]))], &mut aws);
    assert!(steps[0].starts_with("RemovePermission") && steps[1].starts_with("RemovePermission"), "{steps:?}");
    assert_eq!(steps.len(), 4);
    assert!(aws.policy.bytes <= crate::policy::MAX_BYTES);
}

fn cors(origin: &str) -> UrlSettings {
    UrlSettings { cors: UrlCors { allow_origins: [origin.to_owned()].into(), ..NO_CORS }, ..NONE }
}

#[test]
fn cors_is_changed_in_place_and_cleared_when_the_manifest_has_none() {
    let mut aws = Observation::bare();
    converge(&[wants("orders", cors("https://a.example"))], &mut aws);
    assert_eq!(converge(&[wants("orders", cors("https://b.example"))], &mut aws), ["UpdateFunctionUrlConfig"]);
    assert_eq!(converge(&[wants("orders", NONE)], &mut aws), ["UpdateFunctionUrlConfig"]);
    assert_eq!(aws.url.as_ref().unwrap().settings.cors, NO_CORS);
    let foreign = Observation { url: Some(url(cors("https://a.example"), 1)), ..Observation::bare() };
    assert_eq!(
        plan(&target(), &[wants("orders", NONE)], &foreign, &settings()).url,
        UrlFinding::Differs(vec!["cors.allowOrigins is https://a.example, not none".into()])
    );
}

prop_compose! {
    fn statements()(
        sid in prop_oneof![
            "[a-zA-Z0-9_-]{1,40}",
            Just(format!("lr1-prod1-{}-0123456789ab-url", target().hash())),
            Just(format!("lr1-prod1-{}-0123456789ab-fn-c1", target().hash())),
            Just(format!("lr1-other-{}-0123456789ab-fn-c1", target().hash())),
            Just("lr1-prod1-ffffffffffff-0123456789ab-url".to_owned()),
            Just("lr1-prod1-short-0123456789ab-url".to_owned()),
        ]
    ) -> Statement {
        foreign_statement(&sid)
    }
}

fn any_principal() -> impl Strategy<Value = &'static str> {
    prop_oneof![Just(ROLE), Just("444455556666"), Just(REPORTER), Just("*")]
}

/// Under a Sid of ours, as some route wants it or wanted it.
fn sid_of(grant: &Grant) -> Sid {
    Sid {
        cluster: settings().cluster,
        target: target().hash(),
        statement: grant.hash(),
        kind: grant.kind(),
        created: None,
    }
}

fn pair_of(principal: &str) -> [Grant; 2] {
    Grant::pair(&Grantee::of(principal), if principal == "*" { AuthType::None } else { AuthType::AwsIam })
}

fn granted() -> impl Strategy<Value = Vec<Statement>> {
    let halves = proptest::collection::btree_set((any_principal(), 0usize..2), 0..8);
    halves.prop_map(|halves| {
        let grants = halves.into_iter().map(|(principal, half)| pair_of(principal)[half].clone());
        grants.map(|grant| grant.statement(Some(sid_of(&grant).to_string()), ARN)).collect()
    })
}

fn urls() -> impl Strategy<Value = Option<UrlConfig>> {
    proptest::option::of((0u32..4, any_settings()).prop_map(|(second, settings)| url(settings, second)))
}

fn any_settings() -> impl Strategy<Value = UrlSettings> {
    prop_oneof![Just(IAM), Just(NONE), Just(STREAM)]
}

fn any_demand() -> impl Strategy<Value = Demand> {
    let management = prop_oneof![
        3 => Just(FunctionUrlManagement::Managed),
        1 => Just(FunctionUrlManagement::Adopt),
        1 => Just(FunctionUrlManagement::Observe)
    ];
    let grants = proptest::collection::btree_set(any_principal(), 0..3);
    (any_settings(), management, any::<[bool; 3]>(), grants).prop_map(
        |(settings, management, [auth_type, invoke_mode, observe], grants)| {
            let open = management != FunctionUrlManagement::Managed;
            let exact = Demand::exactly(&settings);
            Demand {
                management,
                auth_type: exact.auth_type.filter(|_| auth_type || !open),
                invoke_mode: exact.invoke_mode.filter(|_| invoke_mode || !open),
                permissions: if open && observe {
                    PermissionsManagement::Observe
                } else {
                    PermissionsManagement::Managed
                },
                grants: grants.into_iter().map(|principal| grant("some", principal)).collect(),
                ..exact
            }
        },
    )
}

fn routes() -> impl Strategy<Value = Vec<RouteOnTarget>> {
    let intent = prop_oneof![
        (any_demand(), proptest::option::of(any_demand())).prop_map(|(demand, programmed)| Intent::Wants {
            demand,
            programmed,
            finalizer: true
        }),
        (proptest::option::of(any_demand()), any::<bool>())
            .prop_map(|(programmed, repair)| Intent::Keeps { programmed, repair }),
        Just(Intent::Releases),
    ];
    proptest::collection::vec(intent, 0..4).prop_map(|intents| {
        intents
            .into_iter()
            .enumerate()
            .map(|(i, intent)| RouteOnTarget { route: key(&format!("r{i}")), intent, recorded: recorded() })
            .collect()
    })
}

/// Whom a route lets in, as long as it stays: those of its manifest where that goes on, else what is programmed.
fn held(route: &RouteOnTarget, plan: &Plan) -> BTreeSet<String> {
    let demand = match &route.intent {
        Intent::Wants { programmed, .. } if plan.conflicted.contains(&route.route) => programmed.as_ref(),
        Intent::Wants { demand, .. } => Some(demand),
        Intent::Keeps { programmed, .. } => programmed.as_ref(),
        Intent::Releases => None,
    };
    demand.into_iter().flat_map(|demand| &demand.grants).map(|grant| grant.grantee.principal.clone()).collect()
}

proptest! {
    #[test]
    fn what_a_route_holds_that_stays_is_not_removed_and_what_nobody_wants_goes_with_a_release(
        routes in routes(),
        url in urls(),
        granted in granted(),
        foreign in proptest::collection::btree_set(statements(), 0..3),
    ) {
        let statements = granted.into_iter().chain(foreign).collect();
        let before = Observation {
            function: FunctionState::Exists,
            url,
            policy: Policy { statements, ..Policy::default() },
        };
        let plan = plan(&target(), &routes, &before, &settings());
        let mut after = before.clone();
        for step in &plan.steps {
            carry_out(step, &mut after);
        }
        let has = |aws: &Observation, grant: &Grant| sids(aws).contains(&sid_of(grant).to_string());
        let held: BTreeSet<String> = routes.iter().flat_map(|route| held(route, &plan)).collect();
        // `*` goes with a URL that isn't public any more.
        for grant in held.iter().filter(|principal| *principal != "*").flat_map(|principal| pair_of(principal)) {
            let marked = grant.kind() == crate::sid::Kind::Fn && grant.grantee.principal == ROLE;
            prop_assert!(marked || !has(&before, &grant) || has(&after, &grant), "{grant} is held");
        }
        let needed = routes.iter().any(|route| route.intent != Intent::Releases);
        if routes.iter().any(|route| route.intent == Intent::Releases) {
            let mut kept = held.clone();
            kept.extend(needed.then(|| ROLE.to_owned()));
            let kept: BTreeSet<_> =
                kept.iter().flat_map(|principal| pair_of(principal)).map(|grant| (grant.kind(), grant.hash())).collect();
            for sid in our_sids(&target(), &after, &settings()) {
                let former = needed && sid.created.is_some();
                prop_assert!(former || kept.contains(&(sid.kind, sid.statement.clone())), "{sid} is nobody's");
            }
        }
        if let Some(pair) = needed.then(|| pair_of(ROLE)) {
            let [url, call] = &pair;
            prop_assert!(!has(&before, url) || has(&after, url), "the proxies' pair stays");
            let calls = |aws: &Observation| {
                our_sids(&target(), aws, &settings()).iter().any(|sid| sid.statement == call.hash())
            };
            prop_assert!(!calls(&before) || calls(&after), "the proxies' pair stays");
        }
    }
}

proptest! {
    #[test]
    fn nothing_foreign_is_ever_named_and_a_plan_carried_out_leaves_nothing_to_do(
        routes in routes(),
        url in urls(),
        statements in proptest::collection::btree_set(statements(), 0..6),
    ) {
        let policy = Policy { statements: statements.into_iter().collect(), ..Policy::default() };
        let before = Observation { function: FunctionState::Exists, url, policy };
        let plan = plan(&target(), &routes, &before, &settings());
        let mut after = before.clone();
        for step in &plan.steps {
            if let Step::AddPermission { sid, .. } | Step::RemovePermission { sid, .. } = step {
                prop_assert_eq!(&sid.cluster, &settings().cluster);
                prop_assert_eq!(&sid.target, &target().hash());
            }
            carry_out(step, &mut after);
        }
        for statement in &before.policy.statements {
            let ours = statement.sid.as_deref().unwrap().starts_with(&format!("lr1-prod1-{}-", target().hash()));
            prop_assert!(ours || after.policy.statements.contains(statement));
        }
        if matches!(plan.ownership, Some(Ownership::Unproven | Ownership::Observed)) {
            prop_assert_eq!(&before.url, &after.url);
        }
        if plan.ownership == Some(Ownership::Adopted) {
            prop_assert!(after.url.is_some(), "what is adopted is never deleted");
        }
        let public = |aws: &Observation| aws.policy.statements.iter().any(|statement| {
            statement.principals.contains(&Principal::Any)
        });
        let asked = routes.iter().any(|route| match &route.intent {
            Intent::Wants { demand, programmed, .. } => [Some(demand), programmed.as_ref()]
                .into_iter().flatten().any(|demand| demand.grants.iter().any(|grant| grant.grantee.principal == "*")),
            Intent::Keeps { programmed, .. } => programmed.as_ref()
                .is_some_and(|demand| demand.grants.iter().any(|grant| grant.grantee.principal == "*")),
            Intent::Releases => false,
        });
        prop_assert!(asked || public(&before) || !public(&after), "nothing is made public that no grant names");
        let again = super::plan(&target(), &routes, &after, &settings());
        prop_assert_eq!(again.steps, vec![]);

        let mut reversed = routes.clone();
        reversed.reverse();
        let other = super::plan(&target(), &reversed, &before, &settings());
        prop_assert_eq!((plan.conflicted, plan.steps), (other.conflicted, other.steps), "no order decides");
    }
}
