//! Controllers whose wall clocks are wrong: what proves to be ours in AWS is AWS's time, a Lease ends by nobody's clock, and what
//! one leader wrote down in its time another one doesn't misread.

use std::time::{Duration, Instant};

use http::StatusCode;
use lambdaroute_crds::Ownership;
use lambdaroute_tests::functions::{Function, Handler};
use lambdaroute_tests::gate::{Match, Operation};
use lambdaroute_tests::http::get;
use lambdaroute_tests::stack::{Shape, Stack};

/// AWS takes signatures of five minutes before and after its own time.
const WRONG: i64 = 240;
/// The stack's own `--lease-duration`, and the steps in which a Lease is looked at, twice, with room for a busy machine.
const TAKEN_OVER_WITHIN: Duration = Duration::from_secs(8 + 6);

fn spec(function: &Function) -> String {
    format!("{{function: {{name: {}}}}}", function.name())
}

async fn with_clocks(name: &str, clocks: &[i64], flags: &[&str]) -> anyhow::Result<Stack> {
    let shape = Shape {
        proxies: 1,
        controllers: clocks.len(),
        controller_clocks: clocks.to_vec(),
        controller_flags: flags.iter().map(ToString::to_string).collect(),
        ..Shape::default()
    };
    Stack::with(name, shape).await
}

/// Takes one statement away, and waits until all are back as they were.
async fn repairs(stack: &Stack, function: &Function) -> anyhow::Result<()> {
    let before = stack.statements(function, None).await?;
    let url = before.iter().filter_map(|statement| statement["Sid"].as_str()).find(|sid| sid.ends_with("-url"));
    stack.remove_statement(function, None, url.unwrap_or_default()).await?;
    stack
        .eventually("the very statements to be back", async || {
            let after = stack.statements(function, None).await?;
            Ok((after.len() == before.len() && after.iter().all(|it| before.contains(it))).then_some(()))
        })
        .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_controller_whose_clock_is_wrong_proves_and_takes_back_exactly_what_is_ours() -> anyhow::Result<()> {
    for ahead in [WRONG, -WRONG] {
        let stack = with_clocks("wrong", &[ahead], &["--drift-interval=2s"]).await?;
        let (ours, replaced) = tokio::try_join!(stack.function(Handler::Echo), stack.function(Handler::Echo))?;
        stack.route("orders", &spec(&ours)).await?;
        stack.route("others", &spec(&replaced)).await?;
        stack.ready("others").await?;
        let target = stack.ready("orders").await?.status.unwrap_or_default().targets.remove(0);
        assert_eq!(target.ownership, Some(Ownership::Created), "{ahead} s ahead");
        let said = target.last_sync_time.as_ref().map(|time| time.0.as_second()).unwrap_or_default();
        let apart = said - jiff::Timestamp::now().as_second();
        assert!((apart - ahead).abs() < 60, "its clock isn't {ahead} s ahead but {apart}");
        assert_eq!(get(&stack.url("orders").await?).await?.status, StatusCode::OK, "{ahead} s ahead");
        repairs(&stack, &ours).await?;

        // Between this CreationTime and ours there are seconds, not minutes.
        stack.replace_url(&replaced).await?;
        let theirs = replaced.url(None).await?;
        stack
            .eventually("the foreigner's URL to be told as theirs", async || {
                let target = stack.get("others").await?.status.unwrap_or_default().targets.remove(0);
                Ok((target.ownership == Some(Ownership::Unproven)).then_some(()))
            })
            .await?;
        stack.delete("others").await?;
        stack.delete("orders").await?;
        assert_eq!((ours.url(None).await?, replaced.url(None).await?), (None, theirs), "{ahead} s ahead");
        for function in [&ours, &replaced] {
            assert!(stack.statements(function, None).await?.is_empty(), "{ahead} s ahead");
        }
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_leader_goes_on_from_one_whose_clock_was_ahead_or_behind_without_haste_or_delay() -> anyhow::Result<()> {
    for (first, second) in [(WRONG, -WRONG), (-WRONG, WRONG)] {
        let mut stack = with_clocks("after", &[first], &["--drift-interval=6s"]).await?;
        let function = stack.function(Handler::Echo).await?;
        stack.route("orders", &spec(&function)).await?;
        stack.ready("orders").await?;
        stack.kill_controller(0).await?;
        stack.set_controller_clock(0, second)?;
        stack.free_lease().await?;
        stack.start_controller(0).await?;
        let other = stack.function(Handler::Echo).await?;
        stack.route("after", &spec(&other)).await?;
        stack.ready("after").await?;

        // Looks go on, one a period and none without a pause; what they find is repaired.
        let looks = Match::operation(Operation::GetPolicy).function(function.name());
        let (before, begun) = (stack.aws.count(&looks), Instant::now());
        stack.aws.wait_for(&looks, before + 2).await?;
        repairs(&stack, &function).await?;
        let (made, periods) = (stack.aws.count(&looks) - before, begun.elapsed().as_secs_f64() / (6.0 * 0.8));
        // Besides the test's own, of which each wait makes many.
        let own = administrators(&stack, &looks);
        assert!((made - own) as f64 <= periods + 2.0, "{} looks in {periods} periods after {first} s", made - own);
        assert_eq!(get(&stack.url("orders").await?).await?.status, StatusCode::OK);
        stack.delete("orders").await?;
        assert_eq!(function.url(None).await?, None);
    }
    Ok(())
}

fn administrators(stack: &Stack, of: &Match) -> usize {
    let key = stack.principals().admin.credentials.access_key_id.clone();
    let of = of.clone().when("of the administrator", move |seen| {
        seen.header("authorization").unwrap_or_default().contains(key.as_str())
    });
    stack.aws.count(&of)
}

#[tokio::test(flavor = "multi_thread")]
async fn nobodys_clock_ends_a_lease_or_makes_it_last() -> anyhow::Result<()> {
    // The other one takes what the leader wrote for minutes old, or for minutes ahead.
    for clocks in [[-WRONG, WRONG], [WRONG, -WRONG]] {
        let mut stack = with_clocks("lease", &clocks, &[]).await?;
        let leader = stack.leader().await?;
        stack
            .still(Duration::from_secs(10), "the leader that lives leads on", async || {
                Ok(stack.leader().await? == leader)
            })
            .await?;
        let begun = Instant::now();
        stack.kill_controller(leader).await?;
        stack
            .eventually("the other controller to lead", async || Ok((stack.leader().await? != leader).then_some(())))
            .await?;
        assert!(begun.elapsed() <= TAKEN_OVER_WITHIN, "{clocks:?}: it took {:?}", begun.elapsed());
        let function = stack.function(Handler::Echo).await?;
        stack.route("orders", &spec(&function)).await?;
        stack.ready("orders").await?;
    }
    Ok(())
}
