//! What passes, what is restarted, and that both headers say the same.

use super::*;

const PARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
const SAME_FOR_X_RAY: &str = "Root=1-4bf92f35-77b34da6a3ce929d0e0e4736;Parent=00f067aa0ba902b7;Sampled=1";

const FRESH: Fresh = Fresh { seconds: 0x6601_0203, random: [0xab; 20] };
const FRESH_PARENT: &str = "00-66010203abababababababababababab-abababababababab-00";
const FRESH_FOR_X_RAY: &str = "Root=1-66010203-abababababababababababab";

/// `traceparent`, `tracestate` and `X-Amzn-Trace-Id` as they go on.
fn propagated(lines: &[(&'static str, &str)]) -> [String; 3] {
    let mut headers = HeaderMap::new();
    for (name, value) in lines {
        headers.append(*name, HeaderValue::from_str(value).unwrap());
    }
    let trace_id = propagate(&mut headers, || FRESH);
    let told = ["traceparent", "tracestate", "x-amzn-trace-id"].map(|name| {
        let values: Vec<_> = headers.get_all(name).iter().map(|value| value.to_str().unwrap()).collect();
        values.join(", ")
    });
    assert_eq!(told[0].as_bytes()[3..35], trace_id);
    let root = told[2].replace("Root=1-", "").replacen('-', "", 1);
    assert_eq!(root.as_bytes()[..32], trace_id, "both headers name one trace");
    told
}

#[test]
fn a_valid_traceparent_passes_with_its_state_and_x_ray_joins() {
    let state = "congo=t61rcWkgMzE,rojo=00f067aa0ba902b7";
    assert_eq!(
        propagated(&[("traceparent", PARENT), ("tracestate", state), ("x-amzn-trace-id", FRESH_FOR_X_RAY)]),
        [PARENT, state, SAME_FOR_X_RAY]
    );
    let unsampled = PARENT.replace("-01", "-00");
    assert_eq!(propagated(&[("traceparent", &unsampled)])[2], SAME_FOR_X_RAY.replace("Sampled=1", "Sampled=0"));
    let random_flag = PARENT.replace("-01", "-03");
    assert_eq!(propagated(&[("traceparent", &random_flag)]), [&random_flag, "", SAME_FOR_X_RAY]);
}

#[test]
fn a_later_version_passes_by_the_fields_that_it_shares() {
    let later = PARENT.replacen("00-", "cc-", 1);
    assert_eq!(propagated(&[("traceparent", &later)])[0], later);
    let longer = format!("{later}-what-the-future-holds");
    assert_eq!(propagated(&[("traceparent", &longer)])[0], longer);
    assert_eq!(propagated(&[("traceparent", &format!("{later}.what"))])[0], FRESH_PARENT);
}

#[test]
fn an_invalid_traceparent_is_restarted_without_its_state() {
    for invalid in [
        "",
        "00",
        "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
        "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
        "00-4bf92f3577b34da6a3ce929d0e0e473-00f067aa0ba902b7-011",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-0x",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more",
        "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        "0x-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        "00_4bf92f3577b34da6a3ce929d0e0e4736_00f067aa0ba902b7_01",
    ] {
        let told = propagated(&[("traceparent", invalid), ("tracestate", "a=1")]);
        assert_eq!(told, [FRESH_PARENT, "", FRESH_FOR_X_RAY], "{invalid}");
    }
    let twice = propagated(&[("traceparent", PARENT), ("traceparent", PARENT)]);
    assert_eq!(twice, [FRESH_PARENT, "", FRESH_FOR_X_RAY]);
}

#[test]
fn a_state_without_a_parent_is_dropped() {
    assert_eq!(propagated(&[("tracestate", "a=1")]), [FRESH_PARENT, "", FRESH_FOR_X_RAY]);
}

#[test]
fn a_trace_of_x_ray_is_honoured_where_there_is_no_other() {
    let told = propagated(&[("x-amzn-trace-id", SAME_FOR_X_RAY)]);
    assert_eq!(told, [PARENT, "", SAME_FOR_X_RAY]);
    let root = "Root=1-4bf92f35-77b34da6a3ce929d0e0e4736";
    let told = propagated(&[("x-amzn-trace-id", &format!("Self=1-1-1; {root};Sampled=?;Lineage=a:1|b:0"))]);
    assert_eq!(told, ["00-4bf92f3577b34da6a3ce929d0e0e4736-abababababababab-00", "", root]);
}

#[test]
fn an_invalid_trace_of_x_ray_is_replaced() {
    for invalid in [
        "",
        "Parent=00f067aa0ba902b7;Sampled=1",
        "Root=4bf92f3577b34da6a3ce929d0e0e4736",
        "Root=1-4bf92f35-77b34da6a3ce929d0e0e473",
        "Root=1-4bf92f35-77b34da6a3ce929d0e0e47366",
        "Root=1-4bf92f35.77b34da6a3ce929d0e0e4736",
        "Root=1-00000000-000000000000000000000000",
        "Root=1-4bf92f35-77b34da6a3ce929d0e0e4736;Parent=zz",
        "Root=1-4bf92f35-77b34da6a3ce929d0e0e4736;Sampled=maybe",
        "Root=2-4bf92f35-77b34da6a3ce929d0e0e4736",
    ] {
        assert_eq!(propagated(&[("x-amzn-trace-id", invalid)]), [FRESH_PARENT, "", FRESH_FOR_X_RAY], "{invalid}");
    }
}

#[test]
fn ids_are_never_all_zeros() {
    let mut headers = HeaderMap::new();
    propagate(&mut headers, || Fresh { seconds: 0, random: [0; 20] });
    assert!(parse_traceparent(headers["traceparent"].as_bytes()).is_some(), "{headers:?}");
}
