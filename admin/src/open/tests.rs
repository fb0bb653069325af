//! Who makes room for whom.

use super::*;

const FEW: [u8; 4] = [10, 0, 0, 1];
const MANY: [u8; 4] = [10, 0, 0, 2];

async fn add(open: &mut Open, from: [u8; 4]) -> tokio::task::JoinHandle<()> {
    let connection = tokio::spawn(std::future::pending());
    open.add(from.into(), connection.abort_handle());
    tokio::task::yield_now().await;
    connection
}

#[tokio::test]
async fn whoever_has_the_most_makes_room_for_himself_and_for_everybody_else() {
    let mut open = Open::new(4);
    let few = add(&mut open, FEW).await;
    let mut many = Vec::new();
    for _ in 0..5 {
        many.push(add(&mut open, MANY).await);
    }
    assert!(!few.is_finished(), "it was the oldest");
    let ended: Vec<_> = many.iter().map(tokio::task::JoinHandle::is_finished).collect();
    assert_eq!(ended, [true, true, false, false, false], "the oldest went first");
    let other = add(&mut open, [10, 0, 0, 3]).await;
    assert!(!few.is_finished() && !other.is_finished() && many[2].is_finished());
    assert_eq!(open.connections.len(), 4);
}

#[tokio::test]
async fn what_has_ended_by_itself_takes_no_room() {
    let mut open = Open::new(2);
    let first = add(&mut open, MANY).await;
    let second = add(&mut open, MANY).await;
    second.abort();
    tokio::task::yield_now().await;
    add(&mut open, MANY).await;
    assert!(!first.is_finished());
}
