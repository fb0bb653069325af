//! Snapshots, changes and epochs.

use lambdaroute_proxy_config::v1alpha1::limit_share::Share;
use lambdaroute_proxy_config::v1alpha1::{
    AuthType, FunctionUrl, InvokeMode, KeySet, LimitShare, RateShare, SnapshotBegin, SnapshotEnd, route::Upstream,
};

use super::*;

pub(crate) fn version(epoch: u64, counter: u64) -> Option<Version> {
    Some(Version { epoch, counter })
}

pub(crate) fn route(id: &str, port: u16, counter: u64) -> Resource {
    let url = FunctionUrl {
        host: "abc.lambda-url.eu-west-1.on.aws".to_owned(),
        region: "eu-west-1".to_owned(),
        auth_type: AuthType::AwsIam.into(),
        invoke_mode: InvokeMode::Buffered.into(),
        function_arn: "arn:aws:lambda:eu-west-1:111122223333:function:orders".to_owned(),
    };
    let route = Route {
        namespace: "shop".to_owned(),
        name: id.to_owned(),
        port: port.into(),
        requires: vec![feature::FUNCTION_URL.to_owned()],
        upstream: Some(Upstream::FunctionUrl(url)),
        ..Route::default()
    };
    Resource { id: id.to_owned(), version: version(1, counter), resource: Some(Kind::Route(route)) }
}

pub(crate) fn begin(epoch: u64, counter: u64) -> Message {
    Message::SnapshotBegin(SnapshotBegin { version: version(epoch, counter) })
}

pub(crate) fn end(epoch: u64, counter: u64) -> Message {
    Message::SnapshotEnd(SnapshotEnd { version: version(epoch, counter), kept: vec![] })
}

pub(crate) fn set(epoch: u64, counter: u64, set: Vec<Resource>) -> Message {
    Message::Change(Change { version: version(epoch, counter), set, removed: vec![] })
}

fn table() -> Table {
    Table::new(SUPPORTED)
}

fn words(applied: &Applied) -> Vec<String> {
    let word = |step: &Step| match step {
        Step::Remove(r) => format!("remove {}", r.id),
        Step::Refuse(r, reason, _) => format!("refuse {} {}", r.id, reason.as_str_name()),
        Step::Serve(r, ..) => format!("serve {}", r.id),
    };
    applied.steps.iter().map(word).collect()
}

fn ids(table: &Table) -> Vec<String> {
    let mut ids: Vec<_> = table.resources().map(|kept| kept.resource().id).collect();
    ids.sort_unstable();
    ids
}

#[test]
fn a_snapshot_is_served_piece_by_piece_and_whole_at_its_end() {
    let mut table = table();
    assert_eq!(table.apply(begin(1, 1)).unwrap(), Applied::default());
    let piece = table.apply(set(1, 1, vec![route("a", 10_000, 1), route("b", 10_001, 1)])).unwrap();
    assert_eq!((words(&piece), piece.whole), (vec!["serve a".to_owned(), "serve b".to_owned()], false));
    assert_eq!(table.version(), None, "no version before the table is whole");
    assert!(table.apply(end(1, 1)).unwrap().whole);
    assert_eq!(table.version(), version(1, 1));
}

#[test]
fn until_the_end_of_a_snapshot_the_old_table_stays() {
    let mut table = table();
    for message in [begin(1, 1), set(1, 1, vec![route("a", 10_000, 1), route("b", 10_001, 1)]), end(1, 1), begin(1, 5)]
    {
        table.apply(message).unwrap();
    }
    table.apply(set(1, 5, vec![route("b", 10_001, 5)])).unwrap();
    assert_eq!(ids(&table), ["a", "b"]);
    let applied = table.apply(end(1, 5)).unwrap();
    assert_eq!(words(&applied), ["remove a"]);
    assert_eq!(ids(&table), ["b"]);
}

#[test]
fn a_snapshot_that_a_stream_did_not_finish_removes_nothing() {
    let mut table = table();
    for message in [begin(1, 1), set(1, 1, vec![route("a", 10_000, 1)]), end(1, 1), begin(1, 2)] {
        table.apply(message).unwrap();
    }
    table.begin_stream();
    for message in [begin(1, 3), set(1, 3, vec![route("a", 10_000, 1)])] {
        table.apply(message).unwrap();
    }
    assert_eq!(table.apply(end(1, 3)).unwrap().steps, []);
}

#[test]
fn removals_come_before_what_may_use_their_port() {
    let mut table = table();
    table.apply(set(1, 1, vec![route("a", 10_000, 1)])).unwrap();
    let gone = ResourceRef { r#type: ResourceType::Route.into(), id: "a".to_owned(), version: version(1, 2) };
    let change = Change { version: version(1, 2), set: vec![route("b", 10_000, 2)], removed: vec![gone.clone()] };
    let applied = table.apply(Message::Change(change)).unwrap();
    assert_eq!(words(&applied), ["remove a", "serve b"]);
    assert_eq!(applied.steps[0], Step::Remove(gone), "the outcome carries the reference that was sent");
}

#[test]
fn a_leader_of_the_past_is_refused_and_changes_nothing() {
    let mut table = table();
    for message in [begin(3, 1), set(3, 1, vec![route("a", 10_000, 1)]), end(3, 1)] {
        table.apply(message).unwrap();
    }
    for message in [begin(2, 9), end(2, 9), set(2, 9, vec![route("b", 10_001, 9)])] {
        let stale = table.apply(message).unwrap_err();
        assert_eq!((stale.followed, stale.claimed), (3, 2));
        assert!(!stale.outcomes.is_empty());
        for outcome in stale.outcomes {
            let Some(outcome::Outcome::Refused(refusal)) = outcome.outcome else { panic!("{outcome:?}") };
            assert_eq!(refusal.reason(), RefusalReason::StaleEpoch);
        }
    }
    assert_eq!(ids(&table), ["a"]);
    assert!(table.apply(begin(3, 1)).is_ok() && table.apply(begin(4, 0)).is_ok());
}

#[test]
fn what_the_proxy_does_not_know_is_refused_and_never_read_as_a_default() {
    let mut lacks = route("lacks", 10_000, 1);
    let mut auth = route("auth", 10_001, 1);
    let mut kind = route("kind", 10_002, 1);
    if let Some(Kind::Route(route)) = &mut lacks.resource {
        route.requires.push("jwt".to_owned());
    }
    if let Some(Kind::Route(route)) = &mut auth.resource
        && let Some(Upstream::FunctionUrl(url)) = &mut route.upstream
    {
        url.auth_type = 99;
    }
    kind.resource = None;
    let applied = table().apply(set(1, 1, vec![lacks, auth, kind, route("", 1, 1)])).unwrap();
    assert_eq!(
        words(&applied),
        [
            "refuse lacks REFUSAL_REASON_UNSUPPORTED_FEATURE",
            "refuse auth REFUSAL_REASON_INVALID",
            "refuse kind REFUSAL_REASON_UNSUPPORTED_FEATURE",
            "refuse  REFUSAL_REASON_INVALID",
        ]
    );
}

fn rate_share(id: &str, route_id: &str, limit: &str, millirequests: u64) -> Resource {
    let rate = RateShare { millirequests, burst_millirequests: millirequests };
    let share = LimitShare { route_id: route_id.to_owned(), limit: limit.to_owned(), share: Some(Share::Rate(rate)) };
    Resource { id: id.to_owned(), version: version(1, 1), resource: Some(Kind::LimitShare(share)) }
}

fn remove(type_: ResourceType, id: &str, counter: u64) -> Message {
    let gone = ResourceRef { r#type: type_.into(), id: id.to_owned(), version: version(1, counter) };
    Message::Change(Change { version: version(1, counter), set: vec![], removed: vec![gone] })
}

fn share_words(applied: &Applied) -> Vec<String> {
    let word = |step: &ShareStep| match step {
        ShareStep::Set(share) => format!("set {}/{}", share.route_id, share.limit),
        ShareStep::Remove(share) => format!("remove {}/{}", share.route_id, share.limit),
    };
    applied.shares.iter().map(word).collect()
}

#[test]
fn key_sets_are_acknowledged_and_shares_are_not() {
    let key_set =
        Resource { id: "k".to_owned(), version: version(1, 1), resource: Some(Kind::KeySet(KeySet::default())) };
    let mut table = table();
    let applied = table.apply(set(1, 1, vec![key_set, rate_share("s", "a", "all", 500)])).unwrap();
    assert_eq!((words(&applied), share_words(&applied)), (vec!["serve k".to_owned()], vec!["set a/all".to_owned()]));
    assert_eq!(ids(&table), ["k", "s"], "both are kept");
    let applied = table.apply(remove(ResourceType::LimitShare, "s", 2)).unwrap();
    assert_eq!((words(&applied), share_words(&applied)), (vec![], vec!["remove a/all".to_owned()]));
}

#[test]
fn a_key_set_that_a_new_leader_does_not_know_yet_is_kept_as_it_is() {
    let key_set = |id: &str| Resource {
        id: id.to_owned(),
        version: version(1, 1),
        resource: Some(Kind::KeySet(KeySet::default())),
    };
    let mut table = table();
    for message in [begin(1, 1), set(1, 1, vec![key_set("known"), key_set("unused")]), end(1, 1), begin(2, 1)] {
        table.apply(message).unwrap();
    }
    let kept = |id: &str| ResourceRef { r#type: ResourceType::KeySet.into(), id: id.to_owned(), version: None };
    let kept = vec![kept("known"), kept("never-had")];
    let applied = table.apply(Message::SnapshotEnd(SnapshotEnd { version: version(2, 1), kept })).unwrap();
    assert_eq!(words(&applied), ["remove unused"]);
    assert_eq!(ids(&table), ["known"]);
}

#[test]
fn resources_of_different_types_may_have_the_same_id() {
    let mut table = table();
    table.apply(set(1, 1, vec![route("a", 10_000, 1), rate_share("a", "a", "all", 1)])).unwrap();
    let applied = table.apply(remove(ResourceType::LimitShare, "a", 2)).unwrap();
    assert_eq!(words(&applied), [""; 0]);
    assert!(matches!(table.resources().next().unwrap().resource().resource, Some(Kind::Route(_))));
}

#[test]
fn a_share_of_an_unknown_kind_keeps_the_one_before() {
    let mut table = table();
    table.apply(set(1, 1, vec![rate_share("s", "a", "all", 500)])).unwrap();
    let unknown = LimitShare { route_id: "a".to_owned(), limit: "all".to_owned(), share: None };
    let unknown = Resource { id: "s".to_owned(), version: version(1, 2), resource: Some(Kind::LimitShare(unknown)) };
    table.apply(begin(1, 2)).unwrap();
    let applied = table.apply(set(1, 2, vec![unknown])).unwrap();
    assert_eq!((words(&applied), share_words(&applied)), (vec![], vec![]));
    assert_eq!(share_words(&table.apply(end(1, 2)).unwrap()), [""; 0], "it has come, so it isn't gone");
    assert_eq!(ids(&table), ["s"]);
}

#[test]
fn a_share_that_moves_to_another_limit_leaves_the_first() {
    let mut table = table();
    table.apply(set(1, 1, vec![rate_share("s", "a", "all", 500)])).unwrap();
    let applied = table.apply(set(1, 2, vec![rate_share("s", "a", "each", 500)])).unwrap();
    assert_eq!(share_words(&applied), ["remove a/all", "set a/each"]);
}

#[test]
fn a_share_that_a_snapshot_lacks_is_gone() {
    let mut table = table();
    table.apply(set(1, 1, vec![rate_share("s", "a", "all", 500)])).unwrap();
    table.apply(begin(1, 2)).unwrap();
    let applied = table.apply(end(1, 2)).unwrap();
    assert_eq!((words(&applied), share_words(&applied)), (vec![], vec!["remove a/all".to_owned()]));
}

#[test]
fn a_new_leader_is_followed_from_its_first_message_on() {
    let mut table = table();
    for message in [begin(6, 1), set(6, 1, vec![route("a", 10_000, 1)]), end(6, 1)] {
        table.apply(message).unwrap();
    }
    assert_eq!(table.kept_version(), version(6, 1));
    for message in [begin(7, 3), set(7, 3, vec![route("a", 10_001, 3)])] {
        table.apply(message).unwrap();
    }
    assert_eq!((table.version(), table.kept_version()), (version(6, 1), version(7, 0)));
    // Its stream breaks, and the leader before it is met again.
    table.begin_stream();
    for message in [begin(6, 2), set(6, 2, vec![route("a", 10_000, 2)]), end(6, 2)] {
        let stale = table.apply(message).unwrap_err();
        assert_eq!((stale.followed, stale.claimed), (7, 6));
    }
}
