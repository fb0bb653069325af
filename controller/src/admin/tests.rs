//! What the admin port answers.

use http_body_util::BodyExt;

use super::*;

async fn get(admin: &Admin, path: &str) -> (u16, String) {
    let response = answer(admin, &Method::GET, path);
    let status = response.status().as_u16();
    let body = response.into_body().collect().await.expect("a body").to_bytes();
    (status, String::from_utf8(body.to_vec()).expect("text"))
}

#[tokio::test]
async fn readiness_names_what_is_missing() {
    let readiness = Readiness::default();
    let admin = Admin { readiness: readiness.clone(), registry: Registry::default() };
    assert_eq!(get(&admin, "/readyz").await, (200, "ok\n".to_owned()));
    let pods = readiness.require("pods", "not listed yet");
    assert_eq!(get(&admin, "/readyz").await, (503, "pods: not listed yet\n".to_owned()));
    assert_eq!(get(&admin, "/livez").await.0, 200);
    pods.met();
    assert_eq!(get(&admin, "/readyz").await.0, 200);
    assert_eq!(get(&admin, "/other").await.0, 404);
}

#[tokio::test]
async fn metrics_have_the_prefix() {
    let mut registry = Registry::with_prefix("lambdaroute_controller");
    let table = crate::table::RouteTable::new(crate::table::Settings::default());
    let metrics = crate::metrics::Metrics::register(&mut registry, table);
    metrics.leading(7);
    metrics.reported("function_error", 2);
    metrics.reported("no such cause", 5);
    let admin = Admin { readiness: Readiness::default(), registry };
    let (status, body) = get(&admin, "/metrics").await;
    assert_eq!(status, 200);
    for line in [
        "lambdaroute_controller_leader 1",
        "lambdaroute_controller_leader_epoch 7",
        "lambdaroute_controller_reported_causes_total{cause=\"function_error\"} 2",
        "lambdaroute_controller_connected_proxies 0",
    ] {
        assert!(body.contains(line), "{line} is missing in\n{body}");
    }
    assert!(!body.contains("no such cause"));
}
