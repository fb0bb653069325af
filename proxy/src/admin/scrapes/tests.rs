//! How many texts there are.

use super::super::SCRAPES;
use super::*;

#[test]
fn who_takes_nothing_gets_no_text_of_his_own_beyond_a_few() {
    let mut scrapes = Scrapes::default();
    let mut number = 0;
    let mut tell = || {
        scrapes.tell(|| {
            number += 1;
            number.to_string()
        })
    };
    let taking: Vec<Bytes> = (0..SCRAPES * 3).map(|_| tell()).collect();
    let last = SCRAPES.to_string();
    assert_eq!(taking[0], "1");
    assert!(taking[SCRAPES - 1..].iter().all(|text| *text == last), "{taking:?}");
    drop(taking);
    assert_eq!(tell(), (SCRAPES + 1).to_string(), "once they are taken, all is new");
}
