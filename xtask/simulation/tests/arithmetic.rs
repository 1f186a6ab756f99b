//! The simulation against arithmetic: what must come out can be computed by hand.

use anyhow::Result;
use shared::shard::ShardCount;
use simulation::{Arrivals, MINUTE, Measured, Misbehaviour, SECOND, Scenario, Story, run, scenario};

fn one_shard(rate: f64) -> Result<Scenario> {
    Scenario::new(rate, ShardCount::ONE)
}

fn near(found: f64, expected: f64, part: f64) {
    assert!((found / expected - 1.0).abs() <= part, "{found} instead of {expected}");
}

#[test]
fn every_event_is_delivered_or_dead_or_somewhere() -> Result<()> {
    for story in Story::all() {
        for shards in [1, 4] {
            // In the middle of the trouble, with everything under way.
            let scenario = Scenario { until: 150 * SECOND, ..scenario(story, 100, shards)? };
            let measured = run(&scenario)?;
            let Measured { arrived, delivered, dead, left, .. } = measured;
            assert!(arrived > 10_000 && delivered > 0, "{story:?}");
            assert_eq!(i64::try_from(arrived - delivered - dead)?, left, "{story:?}, {shards} shards");
        }
    }
    Ok(())
}

#[test]
fn once_nothing_comes_in_and_nothing_fails_everything_arrives() -> Result<()> {
    for story in Story::all() {
        let scenario = scenario(story, 100, 4)?;
        let trouble_until = 3 * MINUTE;
        let shorter = |stretch: simulation::Stretch| simulation::Stretch { until: trouble_until, ..stretch };
        let scenario = Scenario {
            arrive_until: 4 * MINUTE,
            trouble_until,
            outage: scenario.outage.map(shorter),
            no_writes: scenario.no_writes.map(shorter),
            until: 10 * 60 * MINUTE,
            ends_recovered: false,
            ..scenario
        };
        let measured = run(&scenario)?;
        assert_eq!((measured.delivered, measured.left), (measured.arrived, 0), "{story:?}");
    }
    Ok(())
}

#[test]
fn a_batch_takes_as_long_as_its_requests_by_six() -> Result<()> {
    let scenario = Scenario {
        arrivals: Arrivals::Together(100),
        arrive_until: 1,
        answers: (20.0, 0.0),
        measured_from: 0,
        ..one_shard(1.0)?
    };
    let measured = run(&scenario)?;
    // Taken in at 5,000 a second, a read, and 17 rounds of six, of 20 ms each.
    near(measured.healthy.quantile(1.0).unwrap_or_default(), 0.020 + 0.001 + 17.0 * 0.020, 0.03);
    assert_eq!((measured.delivered, measured.requests), (100, 100));
    // One read, one write, and what the cron runs ask: six of each, and one to delete.
    let cron = 4.0 * (6.0 * 0.001 + 6.0 * 0.005) + 0.005;
    near(measured.busiest * 5.0 * 60.0, 0.001 + 0.005 + cron, 0.01);
    Ok(())
}

#[test]
fn a_queue_takes_five_thousand_a_second_and_no_more() -> Result<()> {
    let measured = run(&one_shard(20_000.0)?.lasting(0, 20))?;
    near(measured.delivered as f64 / 20.0, 5_000.0, 0.1);
    // The last look is after 19 seconds.
    near(measured.most(|sample| sample.fresh) as f64, 15_000.0 * 19.0, 0.02);
    // With room for a fifth more, two pairs carry 8,000.
    let two = Scenario::new(8_000.0, ShardCount::parse("2").unwrap_or(ShardCount::ONE))?.lasting(5, 20);
    assert_eq!(two.pairs.get(), 2);
    assert!(run(&two)?.most(|sample| sample.fresh) < 1_000);
    Ok(())
}

#[test]
fn consumers_and_connections_bound_what_is_delivered() -> Result<()> {
    // 250 consumers with six connections each, 1.2 seconds a request: a batch of 100 takes 17 rounds. Within the first ten
    // seconds all get their first.
    let scenario = Scenario { answers: (1_200.0, 0.0), ..one_shard(2_500.0)? }.lasting(0, 120);
    let measured = run(&scenario)?;
    assert_eq!(measured.most(|sample| sample.consumers), 250);
    near(measured.delivered as f64 / 115.0, 250.0 * 100.0 / (17.0 * 1.2), 0.02);
    Ok(())
}

#[test]
fn a_database_is_as_busy_as_its_batches_make_it() -> Result<()> {
    let scenario = Scenario { answers: (20.0, 0.0), ..one_shard(4_000.0)? }.lasting(0, 60);
    let measured = run(&scenario)?;
    // 40 batches a second, full before they have waited, and over within one write.
    near(measured.busiest, 40.0 * 0.006, 0.05);
    near(measured.operations.rows_written / measured.delivered as f64, 3.0, 0.02);
    Ok(())
}

#[test]
fn a_circuit_opens_after_five_strikes_and_then_costs_a_probe_now_and_then() -> Result<()> {
    let scenario = Scenario {
        tenants: 100,
        trouble: Some((Misbehaviour::Fails, 2)),
        measured_from: 0,
        until: 60 * MINUTE,
        ..one_shard(10.0)?
    };
    let measured = run(&scenario)?;
    // One tenant's two webhooks: five strikes each, and probes after 30, 60, 120, 240, 480 and then 900 seconds.
    let failed = measured.requests - measured.delivered;
    assert!((2 * (5 + 6)..=2 * (5 + 8)).contains(&failed), "{failed}");
    Ok(())
}

#[test]
fn a_seed_gives_the_same_again_and_another_does_not() -> Result<()> {
    let told = |seed: u64| -> Result<_> {
        let story = Story::Trouble(Misbehaviour::Hangs, 10);
        let measured = run(&Scenario { seed, ..scenario(story, 100, 4)? })?;
        Ok((measured.arrived, measured.requests, measured.healthy.quantile(0.99).map(f64::to_bits)))
    };
    assert_eq!(told(1)?, told(1)?);
    assert_ne!(told(1)?, told(2)?);
    Ok(())
}
