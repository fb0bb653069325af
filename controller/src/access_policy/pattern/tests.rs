//! What patterns name, and what they never reach.

use super::*;

fn names(pattern: &str, arn: &str) -> bool {
    FunctionPattern::parse(pattern).unwrap().matches(&FunctionTarget::parse_arn(arn).unwrap())
}

#[test]
fn a_star_stands_for_anything_within_a_part() {
    let arn = "arn:aws:lambda:eu-west-1:111122223333:function:shop-orders";
    for pattern in [
        arn,
        "arn:aws:lambda:eu-west-1:111122223333:function:shop-*",
        "arn:aws:lambda:eu-*-1:111122223333:function:*-orders",
        "arn:*:lambda:*:*:function:*",
        "arn:aws:lambda:eu-west-1:1111*3333:function:s*p-*r*s",
        "arn:aws:lambda:eu-west-1:111122223333:function:**orders**",
    ] {
        assert!(names(pattern, arn), "{pattern}");
    }
    for pattern in [
        "arn:aws:lambda:eu-west-1:111122223333:function:shop-",
        "arn:aws:lambda:eu-west-1:111122223333:function:*shop",
        "arn:aws:lambda:eu-west-2:111122223333:function:*",
        "arn:aws:lambda:eu-west-1:999999999999:function:*",
        "arn:aws-cn:lambda:*:*:function:*",
        "arn:aws:lambda:eu-west-1:111122223333:function:Shop-*",
        "arn:aws:lambda:eu-west-1:111122223333:function:shop-*orders*s",
    ] {
        assert!(!names(pattern, arn), "{pattern}");
    }
}

#[test]
fn what_begins_and_what_ends_a_name_never_overlap() {
    let function = |name: &str| format!("arn:aws:lambda:eu-west-1:111122223333:function:{name}");
    assert!(!names(&function("aba*ba"), &function("aba")));
    assert!(names(&function("aba*ba"), &function("ababa")));
    assert!(!names(&function("a*b*b"), &function("ab")));
}

#[test]
fn a_pattern_without_an_alias_names_the_function_with_all_its_aliases() {
    let pattern = "arn:aws:lambda:eu-west-1:111122223333:function:shop-*";
    assert!(names(pattern, "arn:aws:lambda:eu-west-1:111122223333:function:shop-a"));
    assert!(names(pattern, "arn:aws:lambda:eu-west-1:111122223333:function:shop-a:PROD"));
}

#[test]
fn a_pattern_with_an_alias_names_nothing_but_such_aliases() {
    let arn = "arn:aws:lambda:eu-west-1:111122223333:function:a";
    let (prod, stage) = (format!("{arn}:PROD"), format!("{arn}:STAGE"));
    assert!(names(&prod, &prod) && !names(&prod, &stage) && !names(&prod, arn));
    let any = format!("{arn}:*");
    assert!(names(&any, &prod) && names(&any, &stage));
    assert!(!names(&any, arn), "the function without an alias is $LATEST, which changes with every deployment");
    let latest = format!("{arn}:$LATEST");
    assert!(names(&latest, arn) && !names(&latest, &prod));
}

#[test]
fn what_is_no_arn_of_a_function_is_no_pattern() {
    for text in ["*", "shop-*", "arn:aws:lambda:*", "arn:aws:sns:eu-west-1:1:function:a", "arn:aws:lambda:a:b:c:d", ""]
    {
        assert_eq!(FunctionPattern::parse(text), None, "{text}");
    }
}
