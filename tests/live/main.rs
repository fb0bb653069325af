//! The live suite: facts that only AWS itself can tell. It runs only where a function is named for it, see docs/live.md.

#![allow(clippy::print_stdout, reason = "the table is what it is run for")]

use std::io::Write;

use lambdaroute_tests::live::{FUNCTION, Settings, Verdict, run, table};

#[tokio::test(flavor = "multi_thread")]
async fn aws_is_as_the_product_takes_it_to_be() -> anyhow::Result<()> {
    let Some(settings) = Settings::from_environment()? else {
        // Past the harness, which keeps what a test that succeeds prints to itself.
        writeln!(std::io::stderr(), "skipped: {FUNCTION} isn't set (docs/live.md)")?;
        return Ok(());
    };
    let facts = run(&settings).await?;
    println!("{}", table(&facts));
    let other = facts.iter().filter(|fact| fact.verdict == Verdict::Other).count();
    anyhow::ensure!(other == 0, "{other} facts are other than the product takes them to be");
    Ok(())
}
