//! The map, kept while routes come, move and go.

use super::*;

fn target(name: &str) -> FunctionTarget {
    FunctionTarget::parse_arn(&format!("arn:aws:lambda:eu-west-1:111122223333:function:{name}")).unwrap()
}

fn name(name: &str) -> Name {
    ("shop".into(), name.into())
}

#[test]
fn a_route_that_moves_touches_both_targets_and_leaves_the_old_one() {
    let mut index = Index::default();
    index.set(&name("a"), "u1", [target("f")].into());
    index.set(&name("b"), "u2", [target("f")].into());
    assert_eq!(index.routes(&target("f")), [name("a"), name("b")]);
    assert_eq!(index.set(&name("a"), "u1", [target("g")].into()), [target("f"), target("g")].into());
    assert_eq!(index.routes(&target("f")), [name("b")]);
    assert_eq!(index.name("u1"), Some(name("a")));
    assert_eq!(index.remove(&name("a"), "u1"), [target("g")].into());
    assert_eq!((index.routes(&target("g")), index.name("u1")), (vec![], None));
}
