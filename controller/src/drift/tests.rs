//! Kinds of drift.

use super::*;
use crate::step::RouteKey;
use crate::target::FunctionTarget;

#[test]
fn writes_in_kubernetes_are_no_drift_of_aws() {
    let target = FunctionTarget::parse_arn("arn:aws:lambda:eu-west-1:111122223333:function:orders").unwrap();
    let route = RouteKey { namespace: "shop".into(), name: "orders".into(), uid: "u1".into() };
    let steps = [
        Step::AddFinalizer { route: route.clone() },
        Step::RecordTarget { route, target: target.clone(), permissions: [].into() },
        Step::DeleteFunctionUrlConfig { target },
    ];
    assert_eq!(Drift::of_all(&steps), [Drift::FunctionUrlUnwanted]);
}

#[test]
fn what_is_left_is_not_repaired() {
    use Drift::{FunctionUrlMissing, PermissionMissing};
    let found = vec![PermissionMissing, PermissionMissing, FunctionUrlMissing];
    let (done, outstanding) = repaired(found.clone(), &[PermissionMissing]);
    assert_eq!((done.len(), outstanding), (2, vec![PermissionMissing]));
    assert_eq!(repaired(found.clone(), &found).0, []);
    assert_eq!(repaired(vec![], &found), (vec![], vec![]), "what was never found isn't repaired");
}
