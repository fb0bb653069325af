//! What is printed.

use super::*;
use crate::uninstall::leftover::Statements;

fn route() -> RouteKey {
    RouteKey { namespace: "shop".into(), name: "orders".into(), uid: "u1".into() }
}

fn target() -> FunctionTarget {
    FunctionTarget::parse_arn("arn:aws:lambda:eu-west-1:111122223333:function:orders").unwrap()
}

#[test]
fn where_all_went_well_three_lines_say_so() {
    let report = Report { routes: 3, slices: 2, clean: 1, ..Report::default() };
    assert!(report.is_complete());
    assert_eq!(
        report.to_string(),
        "LambdaRoutes let go: 3 (they and their Services stay)\nEndpointSlices emptied: 2\nFunctions taken back in AWS: 1\n"
    );
}

#[test]
fn all_that_is_left_is_printed_by_name() {
    let leftover = Leftover {
        target: target(),
        url: None,
        statements: Statements::Named(vec!["lr1-a".into(), "lr1-b".into()]),
        why: "AccessDenied".into(),
    };
    let report = Report {
        filled: vec!["shop/orders-ipv4-1".into()],
        kept: vec![(route(), target().arn())],
        shared: vec![(target(), ["c2".parse().unwrap()].into())],
        left: vec![leftover],
        held: vec![(route(), "no answer".into())],
        ..Report::default()
    };
    assert!(!report.is_complete(), "an object with our finalizer could never be deleted");
    let text = report.to_string();
    for line in [
        "  shop/orders-ipv4-1\n",
        "  shop/orders: arn:aws:lambda:eu-west-1:111122223333:function:orders\n",
        "  arn:aws:lambda:eu-west-1:111122223333:function:orders: c2\n",
        "Left in AWS, of arn:aws:lambda:eu-west-1:111122223333:function:orders (AccessDenied):\n  lr1-a: aws lambda remove-permission",
        "  shop/orders: no answer: kubectl -n shop patch lambdaroute orders --type=merge -p '{\"metadata\":{\"finalizers\":null}}'\n",
    ] {
        assert!(text.contains(line), "{line:?} is missing:\n{text}");
    }
}
