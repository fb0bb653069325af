//! What every Sid of ours is, whatever goes in.

use proptest::prelude::*;

use super::*;

prop_compose! {
    fn sids()(
        cluster in "[a-z0-9]{1,16}",
        target in "[0-9a-f]{12}",
        statement in "[0-9a-f]{12}",
        url in any::<bool>(),
        micros in proptest::option::of(any::<u64>()),
    ) -> Sid {
        Sid {
            cluster: cluster.parse().unwrap(),
            target,
            statement,
            kind: if url { Kind::Url } else { Kind::Fn },
            created: micros.map(|micros| Mark(base36(micros))),
        }
    }
}

proptest! {
    #[test]
    fn every_sid_is_one_that_lambda_accepts_and_reads_back_the_same(sid in sids()) {
        let text = sid.to_string();
        prop_assert!(text.len() <= MAX_LENGTH);
        prop_assert!(text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_'));
        prop_assert_eq!(text.parse::<Sid>().unwrap(), sid);
    }

    #[test]
    fn any_other_text_is_somebody_elses(text in ".{0,80}") {
        if let Ok(sid) = text.parse::<Sid>() {
            prop_assert_eq!(sid.to_string(), text);
        }
    }
}

#[test]
fn a_time_has_one_mark_however_it_is_written() {
    let mark = Mark::of("2026-11-21T09:30:00.123+0000").unwrap();
    assert_eq!(mark, Mark::of("2026-11-21T09:30:00.123Z").unwrap());
    assert_eq!(mark, Mark::of("2026-11-21T09:30:00.123000+00:00").unwrap());
    assert_ne!(mark, Mark::of("2026-11-21T09:30:00.124+0000").unwrap());
    assert_ne!(mark, Mark::of("2026-11-21T09:30:00.123001Z").unwrap());
}

#[test]
fn what_is_no_time_proves_nothing() {
    assert_eq!(Mark::of(""), None);
    assert_eq!(Mark::of("yesterday"), None);
    assert_eq!(Mark::of("1900-01-01T00:00:00Z"), None);
}

#[test]
fn a_cluster_without_an_id_takes_it_from_its_oldest_namespace() {
    assert_eq!(ClusterId::from_namespace_uid("5f0C-9a1b2c3d-e4").unwrap().to_string(), "5f0c9a1b");
    assert!(ClusterId::from_namespace_uid("5f0c").is_err());
    assert!("".parse::<ClusterId>().is_err());
    assert!("Prod".parse::<ClusterId>().is_err());
    assert!("a-b".parse::<ClusterId>().is_err());
    assert!("a2345678901234567".parse::<ClusterId>().is_err());
}
