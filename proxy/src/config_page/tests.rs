//! Everything but secrets.

use lambdaroute_proxy_config::v1alpha1::{
    ApiKeyAuth, AuthMethod, Consumer, Consumers, RateShare, RequestHeaders, SetHeader,
};

use super::*;
use crate::table::tests::{route, version};

fn resource(id: &str, kind: Kind) -> Resource {
    Resource { id: id.to_owned(), version: version(1, 2), resource: Some(kind) }
}

#[test]
fn a_page_tells_routes_key_sets_and_shares_and_no_secret() {
    let mut orders = route("orders", 10_000, 1);
    if let Some(Kind::Route(route)) = &mut orders.resource {
        let keys = ApiKeyAuth { header: "x-api-key".to_owned(), key_sets: vec!["k".to_owned()] };
        let method = AuthMethod { name: "keys".to_owned(), method: Some(Method::ApiKey(keys)) };
        route.auth = Some(Auth { methods: vec![method] });
        let set = vec![SetHeader { name: "x-gateway-key".to_owned(), value: b"planted-value".to_vec() }];
        route.request_headers = Some(RequestHeaders { set, remove: vec!["cookie".to_owned()] });
    }
    let consumers = vec![Consumer { name: "web".to_owned(), sha256: vec![b"planted-digest".to_vec()] }];
    let keys = KeySet { keys: Some(Keys::Consumers(Consumers { consumers })) };
    let share = Share::Rate(RateShare { millirequests: 250, burst_millirequests: 500 });
    let share = LimitShare { route_id: "orders".to_owned(), limit: "all".to_owned(), share: Some(share) };
    let resources = [orders, resource("k", Kind::KeySet(keys)), resource("s", Kind::LimitShare(share))];
    let flags = Flags::from([("log-level".to_owned(), vec!["info".to_owned()])]);
    let page = page(Running {
        flags: &flags,
        features: &["function-url"],
        table: version(1, 2),
        resources: resources.iter().map(|resource| (resource, "serving")),
    });
    assert_eq!(page["flags"]["log-level"][0], "info");
    assert_eq!(page["table"], json!({"epoch": 1, "counter": 2}));
    let route = &page["routes"][0];
    assert_eq!(
        (&route["name"], &route["port"], &route["state"]),
        (&"orders".into(), &10_000.into(), &"serving".into())
    );
    assert_eq!(route["requestHeaders"], json!({"set": ["x-gateway-key"], "remove": ["cookie"]}));
    assert_eq!(route["auth"][0]["type"], "APIKey");
    assert_eq!(
        page["keySets"][0],
        json!({"id": "k", "version": {"epoch": 1, "counter": 2}, "type": "Consumers", "consumers": 1})
    );
    assert_eq!(page["limitShares"][0]["rate"], json!({"millirequests": 250, "burstMillirequests": 500}));
    assert!(!page.to_string().contains("planted"), "{page}");
    assert!(!page.to_string().contains(&format!("{:?}", b"planted-digest".to_vec()).replace(' ', "")), "{page}");
}

#[test]
fn a_proxy_without_a_table_says_so() {
    let flags = Flags::default();
    let page = page(Running { flags: &flags, features: &[], table: None, resources: std::iter::empty() });
    assert_eq!((&page["table"], &page["routes"]), (&Value::Null, &json!([])));
}
