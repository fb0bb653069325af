//! A platform team's policies, judged for their tenants.

use super::*;

fn policy(spec: &str) -> LambdaAccessPolicy {
    LambdaAccessPolicy::new("any", serde_yaml_ng::from_str(spec).unwrap())
}

fn policies(specs: &[&str]) -> AccessPolicies {
    let labels = |team: &str| Labels::from([("team".to_owned(), team.to_owned())]);
    let policies: Vec<_> = specs.iter().map(|spec| policy(spec)).collect();
    AccessPolicies::default()
        .with_policies(&policies)
        .with_namespaces([("shop".to_owned(), labels("shop")), ("web".to_owned(), labels("web"))])
}

fn function(name: &str) -> FunctionTarget {
    FunctionTarget::parse_arn(&format!("arn:aws:lambda:eu-west-1:111122223333:function:{name}")).unwrap()
}

const ORDINARY: Demands = Demands { public_url: false, adopt: false, grants: false };
const PUBLIC: Demands = Demands { public_url: true, ..ORDINARY };
const SHOP: &str = "{namespaceSelector: {matchLabels: {team: shop}},
    functions: ['arn:aws:lambda:eu-west-1:111122223333:function:shop-*']}";

#[test]
fn without_any_policy_ordinary_use_is_everybodys_and_nothing_else_is_anybodys() {
    let none = AccessPolicies::default();
    assert_eq!(none.judge("shop", &function("orders"), ORDINARY), Verdict::Permitted);
    for (demands, permission) in [
        (PUBLIC, Permission::PublicURL),
        (Demands { adopt: true, ..ORDINARY }, Permission::Adopt),
        (Demands { grants: true, ..ORDINARY }, Permission::Grants),
    ] {
        assert_eq!(none.judge("shop", &function("orders"), demands), Verdict::Lacks(permission));
    }
}

#[test]
fn where_one_is_required_nobody_may_do_anything_without_any() {
    let labels = || [("shop".to_owned(), Labels::from([("team".to_owned(), "shop".to_owned())]))];
    for none in [
        AccessPolicies::default().requiring_one(true),
        AccessPolicies::default().requiring_one(true).with_namespaces(labels()),
    ] {
        assert_eq!(none.judge("shop", &function("shop-orders"), ORDINARY), Verdict::Denied);
        assert_eq!(none.judge("shop", &function("shop-orders"), PUBLIC), Verdict::Denied);
    }
    let one = AccessPolicies::default().requiring_one(true).with_namespaces(labels()).with_policies(&[policy(SHOP)]);
    assert_eq!(one.judge("shop", &function("shop-orders"), ORDINARY), Verdict::Permitted);
    let gone = one.with_policies(&[]);
    assert_eq!(gone.judge("shop", &function("shop-orders"), ORDINARY), Verdict::Denied, "the last one went");
    let elsewhere = AccessPolicies::default().with_namespaces(labels());
    assert_eq!(elsewhere.judge("shop", &function("shop-orders"), ORDINARY), Verdict::Permitted);
}

#[test]
fn as_soon_as_there_is_one_a_namespace_may_do_what_some_policy_says_and_nothing_else() {
    let policies = policies(&[SHOP]);
    assert_eq!(policies.judge("shop", &function("shop-orders"), ORDINARY), Verdict::Permitted);
    assert_eq!(policies.judge("shop", &function("web-orders"), ORDINARY), Verdict::Denied, "another function");
    assert_eq!(policies.judge("web", &function("shop-orders"), ORDINARY), Verdict::Denied, "another namespace");
    assert_eq!(policies.judge("shop", &function("shop-orders"), PUBLIC), Verdict::Lacks(Permission::PublicURL));
}

#[test]
fn policies_add_up() {
    let public = "{namespaceSelector: {matchExpressions: [{key: team, operator: Exists}]},
        functions: ['arn:aws:lambda:eu-west-1:111122223333:function:shop-site'], allow: [PublicURL]}";
    let policies = policies(&[SHOP, public]);
    assert_eq!(policies.judge("shop", &function("shop-site"), PUBLIC), Verdict::Permitted);
    assert_eq!(policies.judge("shop", &function("shop-orders"), PUBLIC), Verdict::Lacks(Permission::PublicURL));
    assert_eq!(policies.judge("web", &function("shop-site"), PUBLIC), Verdict::Permitted);
    let both = Demands { adopt: true, ..PUBLIC };
    assert_eq!(policies.judge("web", &function("shop-site"), both), Verdict::Lacks(Permission::Adopt));
}

#[test]
fn selectors_mean_what_kubernetes_means_by_them() {
    let functions = "functions: ['arn:*:lambda:*:*:function:*']";
    for (selector, shop, web) in [
        ("matchLabels: {team: shop}", Verdict::Permitted, Verdict::Denied),
        ("matchExpressions: [{key: team, operator: In, values: [web, ops]}]", Verdict::Denied, Verdict::Permitted),
        ("matchExpressions: [{key: team, operator: NotIn, values: [web]}]", Verdict::Permitted, Verdict::Denied),
        ("matchExpressions: [{key: team, operator: Exists}]", Verdict::Permitted, Verdict::Permitted),
        ("matchExpressions: [{key: team, operator: DoesNotExist}]", Verdict::Denied, Verdict::Denied),
        ("matchLabels: {team: shop}, matchExpressions: [{key: x, operator: Exists}]", Verdict::Denied, Verdict::Denied),
    ] {
        let policies = policies(&[&format!("{{namespaceSelector: {{{selector}}}, {functions}}}")]);
        assert_eq!(policies.judge("shop", &function("a"), ORDINARY), shop, "{selector}");
        assert_eq!(policies.judge("web", &function("a"), ORDINARY), web, "{selector}");
    }
}

#[test]
fn an_empty_selector_is_nobody_and_still_counts_as_a_policy() {
    let policies =
        policies(&["{namespaceSelector: {}, functions: ['arn:*:lambda:*:*:function:*'], allow: [PublicURL]}"]);
    assert_eq!(policies.judge("shop", &function("a"), ORDINARY), Verdict::Denied);
}

#[test]
fn a_namespace_whose_labels_are_not_known_yet_is_neither_let_in_nor_thrown_out() {
    assert_eq!(policies(&[SHOP]).judge("new", &function("shop-orders"), ORDINARY), Verdict::Unknown);
    assert_eq!(AccessPolicies::default().judge("new", &function("shop-orders"), ORDINARY), Verdict::Permitted);
}

#[test]
fn a_changed_label_changes_the_verdict() {
    let policies = policies(&[SHOP]);
    let shop = Labels::from([("team".to_owned(), "shop".to_owned())]);
    assert_eq!(policies.clone().with_namespace("shop", Some(shop.clone())), policies, "no news");
    let policies = policies.with_namespace("web", Some(shop)).with_namespace("shop", Some(Labels::new()));
    assert_eq!(policies.judge("web", &function("shop-orders"), ORDINARY), Verdict::Permitted);
    assert_eq!(policies.judge("shop", &function("shop-orders"), ORDINARY), Verdict::Denied);
    let gone = policies.with_namespace("shop", None);
    assert_eq!(gone.judge("shop", &function("shop-orders"), ORDINARY), Verdict::Unknown);
}

#[test]
fn who_allows_everything_by_the_flag_allows_it_whatever_policies_say_and_only_then() {
    let everything = Demands { public_url: true, adopt: true, grants: true };
    for policies in [AccessPolicies::default(), policies(&[SHOP])] {
        for namespace in ["shop", "web", "new"] {
            let judged = |policies: AccessPolicies| policies.judge(namespace, &function("any"), everything);
            assert_eq!(judged(policies.clone().allowing_all(true)), Verdict::Permitted, "{namespace}");
            assert_ne!(judged(policies.clone().allowing_all(false)), Verdict::Permitted, "{namespace}");
        }
    }
}
