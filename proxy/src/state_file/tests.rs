//! A table survives a restart; a damaged one is ignored.

use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use super::*;
use crate::table::tests::{route, version};
use crate::table::{SUPPORTED, Table};

fn stored(routes: u16) -> Stored {
    let resources = (0..routes).map(|n| Kept::of(&mut route(&format!("r{n}"), 10_000 + n, 1))).collect();
    Stored { version: version(3, 7), resources }
}

#[test]
fn a_table_comes_back_as_it_was_kept() {
    let directory = tempfile::tempdir().unwrap();
    let directory = directory.path().join("made");
    let file = StateFile::in_directory(&directory);
    assert!(file.load().unwrap().is_none(), "no file is no error");
    file.save(&stored(1)).unwrap();
    file.save(&stored(250)).unwrap();
    let (messages, _) = file.load().unwrap().unwrap();
    let mut table = Table::new(SUPPORTED);
    for message in messages {
        table.apply(message).unwrap();
    }
    assert_eq!((table.version(), table.len()), (version(3, 7), 250));
    let names: Vec<_> = fs::read_dir(&directory).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert_eq!(names, [NAME], "nothing else is left behind");
}

#[test]
fn the_file_is_the_proxys_alone() {
    let directory = tempfile::tempdir().unwrap();
    StateFile::in_directory(directory.path()).save(&stored(1)).unwrap();
    let mode = fs::metadata(directory.path().join(NAME)).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[test]
fn a_damaged_or_foreign_file_is_told_apart_and_never_believed() {
    let directory = tempfile::tempdir().unwrap();
    let file = StateFile::in_directory(directory.path());
    let path = directory.path().join(NAME);
    file.save(&stored(3)).unwrap();
    let good = fs::read(&path).unwrap();
    for length in FIRST_LINE.len()..good.len() {
        fs::write(&path, &good[..length]).unwrap();
        assert!(matches!(file.load(), Err(StateError::Damaged(_))), "{length} bytes of it");
    }
    let mut flipped = good.clone();
    let last = flipped.len() - 1;
    flipped[last] ^= 1;
    fs::write(&path, flipped).unwrap();
    assert!(matches!(file.load(), Err(StateError::Damaged(_))));
    for foreign in [&b""[..], b"\x7fELF", b"lambdaroute-proxy route table 2\n"] {
        fs::write(&path, foreign).unwrap();
        assert!(matches!(file.load(), Err(StateError::Foreign(_))));
    }
    file.save(&stored(3)).unwrap();
    assert!(file.load().unwrap().is_some(), "it is replaced by the next table");
}

#[test]
fn the_last_contact_is_kept_with_the_table() {
    let directory = tempfile::tempdir().unwrap();
    let file = StateFile::in_directory(directory.path());
    file.save(&stored(1)).unwrap();
    let heard = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000);
    file.touch(heard).unwrap();
    assert_eq!(file.load().unwrap().unwrap().1, heard);
}

#[test]
fn a_table_that_cannot_be_kept_takes_the_old_one_with_it() {
    let directory = tempfile::tempdir().unwrap();
    let file = StateFile::in_directory(directory.path());
    file.save(&stored(1)).unwrap();
    // A directory in the place of the next file: nothing can be written there, and it can't be removed as a file.
    let next = directory.path().join(NAME).with_extension("pb.next");
    fs::create_dir(&next).unwrap();
    assert!(matches!(file.save_or_discard(&stored(2)), Err(Unkept::Gone(_))));
    assert!(file.load().unwrap().is_none(), "the old table doesn't come back");
    assert!(matches!(file.save_or_discard(&stored(2)), Err(Unkept::Gone(_))), "nor was there one");
    fs::remove_dir(&next).unwrap();
    file.save_or_discard(&stored(2)).unwrap();
    assert!(file.load().unwrap().is_some());
}
