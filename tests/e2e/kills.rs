//! The controller is killed before and after every single write in a route's life. The next one brings about what an
//! undisturbed life would have: nothing doubled, nothing left but the `Unproven` URL config, nothing foreign touched.
//!
//! The writes are those that an undisturbed life of each kind shows at the gates, and every kind of step that
//! `docs/writes.md` tells must be among them: a step without a kill is an error here. Many routes live side by side, each
//! held at a write of its own, so that one kill is many.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use futures::future::try_join_all;
use lambdaroute_tests::functions::{Function, Handler};
use lambdaroute_tests::gate::{Held, Match, Rule};
use lambdaroute_tests::stack::{Shape, Stack, unhurried};
use lambdaroute_tests::target;

use self::lives::Life;
use self::outcome::{Outcome, outcome};
use self::writes::{Write, writes_of};

mod lives;
mod outcome;
mod writes;

/// Two undisturbed lives show which writes there always are: statuses and slices are gathered, once so and once so.
const UNDISTURBED: usize = 2;
/// So many routes are held for one kill: fewer than the controller has workers.
const AT_ONCE: usize = 40;
/// AWS's own limits would only make it slow.
const FAST: &str = "--aws-rate=control-plane=1000,get-policy=1000,get-function=1000";
/// A write that this life happened not to need was overtaken by its end.
const HELD_WITHIN: Duration = Duration::from_secs(30);

/// On which side of its write a controller dies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Side {
    Before,
    After,
}

/// A route that is to be held at one of its writes.
struct Victim {
    name: String,
    life: Life,
    function: Function,
    write: Write,
}

/// What holds it.
struct Hold {
    held: Held,
    _lost: Option<Rule>,
}

impl Victim {
    fn says(&self, side: Side) -> String {
        format!("{:?} {:?}#{} of {:?} ({})", side, self.write.kind, self.write.number, self.life, self.name)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_controller_killed_before_any_of_its_writes_is_finished_by_the_next() -> anyhow::Result<()> {
    kill_everywhere(Side::Before).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_controller_killed_after_any_of_its_writes_is_finished_by_the_next() -> anyhow::Result<()> {
    kill_everywhere(Side::After).await
}

async fn kill_everywhere(side: Side) -> anyhow::Result<()> {
    // Held calls must not be given up by the controller while others are on their way to their places.
    let mut flags = unhurried();
    flags.extend(["--workers=64", FAST].map(str::to_owned));
    let shape = Shape { proxies: 1, controller_flags: flags, ..Shape::default() };
    let mut stack = Stack::with(if side == Side::Before { "before" } else { "after" }, shape).await?;
    stack.allow(&["PublicURL", "Grants", "CrossAccount"]).await?;
    let undisturbed = undisturbed(&stack).await?;
    let mut victims = Vec::new();
    for (life, (writes, _)) in &undisturbed {
        for write in writes {
            let function = prepared_function(&stack).await?;
            victims.push(Victim { name: format!("v{:03}", victims.len()), life: *life, function, write: *write });
        }
    }
    for victims in victims.chunks(AT_ONCE) {
        kill_at(&mut stack, victims, side, &undisturbed).await?;
    }
    Ok(())
}

/// One kill, with each of these held at its write.
async fn kill_at(
    stack: &mut Stack,
    victims: &[Victim],
    side: Side,
    undisturbed: &BTreeMap<Life, (Vec<Write>, Outcome)>,
) -> anyhow::Result<()> {
    try_join_all(victims.iter().map(|victim| victim.life.begin(stack, &victim.name, &victim.function))).await?;
    let mut holds: Vec<Option<Hold>> = victims.iter().map(|_| None).collect();
    // The memory of ports is one for all routes: whoever is held at it stands in everybody's way, so it comes last.
    for shared in [false, true] {
        let these = |victim: &Victim| victim.write.kind.is_shared() == shared;
        for (victim, hold) in victims.iter().zip(&mut holds).filter(|(victim, _)| these(victim)) {
            *hold = Some(hold_at(stack, victim, side).await?);
        }
        let turns = victims.iter().filter(|victim| these(victim));
        try_join_all(turns.map(|victim| victim.life.turn(stack, &victim.name, &victim.function))).await?;
        let held = victims.iter().zip(&holds).filter(|(victim, _)| these(victim));
        try_join_all(held.map(|(victim, hold)| arrived(stack, victim, hold.as_ref(), side))).await?;
    }
    stack.kill_controller(0).await?;
    drop(holds);
    let stack_now = &*stack;
    let expected =
        victims.iter().map(async |victim| undisturbed[&victim.life].1.clone().given(stack_now, victim).await);
    let expected: Vec<Outcome> = try_join_all(expected).await?;
    stack.free_lease().await?;
    stack.start_controller(0).await?;
    let stack = &*stack;
    let ends = victims.iter().zip(&expected).map(async |(victim, expected)| {
        let what = format!("{} to end as undisturbed", victim.says(side));
        stack
            .eventually(&what, async || {
                let now = outcome(stack, victim.life, &victim.name, &victim.function).await?;
                if now == *expected {
                    return Ok(Some(()));
                }
                bail!("{}", expected.difference(&now))
            })
            .await
    });
    try_join_all(ends).await?;
    Ok(())
}

/// The writes of each life in their order, and how it ends; with every step of the controller among them.
async fn undisturbed(stack: &Stack) -> anyhow::Result<BTreeMap<Life, (Vec<Write>, Outcome)>> {
    let mut known = BTreeMap::new();
    let mut kinds = BTreeSet::new();
    for life in Life::ALL {
        let lives = (0..UNDISTURBED).map(async |number| {
            let name = format!("u{number}-{life:?}").to_lowercase();
            let function = prepared_function(stack).await?;
            life.begin(stack, &name, &function).await?;
            let begun = (stack.aws.calls().len(), stack.api.calls().len());
            let uid = stack.get(&name).await.ok().and_then(|route| route.metadata.uid);
            life.turn(stack, &name, &function).await?;
            life.ended(stack, &name).await?;
            let uid = match uid {
                Some(uid) => uid,
                None => stack.get(&name).await?.metadata.uid.unwrap_or_default(),
            };
            anyhow::Ok((name, uid, function, begun))
        });
        let lives = try_join_all(lives).await?;
        // A status or a slice may come a moment later.
        let first = stack
            .eventually(&format!("both to end {life:?} in the same way"), async || {
                let looks = lives.iter().map(|(name, _, function, _)| outcome(stack, life, name, function));
                let mut looks = try_join_all(looks).await?.into_iter();
                let first = looks.next().context("a life")?;
                match looks.find(|other| *other != first) {
                    Some(other) => bail!("{}", first.difference(&other)),
                    None => Ok(Some(first)),
                }
            })
            .await?;
        let mut each =
            lives.iter().map(|(name, uid, function, begun)| writes_of(stack, name, uid, function.name(), *begun));
        let mut writes = each.next().context("a life")??;
        for others in each {
            let others = others?;
            writes.retain(|write| others.contains(write));
        }
        ensure!(!writes.is_empty(), "{life:?} writes nothing");
        kinds.extend(writes.iter().map(|write| format!("{:?}", write.kind)));
        known.insert(life, (writes, first));
    }
    let page = std::fs::read_to_string(target::repository().join("docs/writes.md"))?;
    let steps: Vec<&str> = page
        .lines()
        .filter_map(|line| line.strip_prefix("| ")?.split(' ').next())
        .filter(|step| *step != "step")
        .collect();
    ensure!(steps.len() > 10, "docs/writes.md lost its table");
    for step in steps {
        ensure!(kinds.contains(step), "no life here writes {step}: the controller isn't killed there");
    }
    Ok(known)
}

/// A function with two aliases, and a statement of somebody else's on each.
async fn prepared_function(stack: &Stack) -> anyhow::Result<Function> {
    let function = stack.function(Handler::Echo).await?;
    let version = function.publish().await?;
    for alias in ["PROD", "NEXT"] {
        function.alias(alias, &version).await?;
    }
    stack.add_foreign_statement(&function, "theirs").await?;
    Ok(function)
}

async fn hold_at(stack: &Stack, victim: &Victim, side: Side) -> anyhow::Result<Hold> {
    let Write { kind, number } = victim.write;
    let uid = stack.get(&victim.name).await.ok().and_then(|route| route.metadata.uid).map(Arc::from);
    let (name, function) = (victim.name.clone(), victim.function.name().to_owned());
    let gate = if kind.is_in_aws() { &stack.aws } else { &stack.api };
    let here = Match::any().when(format!("{kind:?} of {name}"), move |seen| {
        writes::write_of(seen)
            .is_some_and(|(found, subject)| found == kind && subject.is_of(&name, uid.as_deref(), &function))
    });
    let rule = || gate.on(here.clone()).skip(number);
    Ok(match side {
        // What was held before it went through never arrives: the process died first.
        Side::Before => Hold { held: rule().hold_before(), _lost: Some(rule().once().drop_before()) },
        Side::After => Hold { held: rule().hold_after(), _lost: None },
    })
}

async fn arrived(stack: &Stack, victim: &Victim, hold: Option<&Hold>, side: Side) -> anyhow::Result<()> {
    let held = &hold.context("nothing holds it")?.held;
    // Only what isn't a step of its own may be gathered with another write; and where a Service goes, the garbage collector may
    // take its slices before they are emptied.
    let goes = victim.life == Life::Deletion && victim.write.kind == writes::Kind::Slice;
    if victim.write.kind.is_step() || victim.write.number == 0 && !goes {
        return held.arrived().await.map(drop).with_context(|| victim.says(side));
    }
    tokio::select! {
        arrived = tokio::time::timeout(HELD_WITHIN, held.arrived()) => {
            let _ = arrived;
            Ok(())
        }
        ended = victim.life.ended(stack, &victim.name) => ended.with_context(|| victim.says(side)),
    }
}
