//! The simulation against the real courier over SQLite, with the same tenants, events and endpoints.

#![allow(clippy::unwrap_used, reason = "tests stop at the first surprise")]

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::Result;
use shared::environment::Environment;
use shared::event::catalogue::catalogue;
use shared::event::message::EventMessage;
use shared::ports::{Clock, Queue, QueuedMessage, Random};
use shared::shard::ShardCount;
use shared::testing::{Fixture, Reply, SeededRandom, Simulation};
use simulation::{Arrivals, MINUTE, Misbehaviour, SECOND, Scenario, run};

const TENANTS: usize = 50;
const BURSTS: u64 = 40;
const TOGETHER: u32 = 100;
/// Bursts during which endpoints misbehave.
const TROUBLED: std::ops::Range<u64> = 5..25;

/// What both sides tell.
struct Told {
    delivered: u64,
    requests: u64,
    median: f64,
    slowest: f64,
}

/// A burst of events every minute, through the real courier; three of ten tenants answer with `reply` for a while.
async fn real(reply: Option<Reply>) -> Told {
    let fixture = Fixture::new(Environment::Prod);
    let dice = SeededRandom::new(1);
    let below = |most: usize| {
        let mut bytes = [0; 8];
        dice.fill(&mut bytes);
        usize::try_from(u64::from_le_bytes(bytes) % most as u64).unwrap()
    };
    let types: Vec<&str> =
        catalogue().iter().filter(|entry| entry.republished).map(|entry| entry.name).collect();
    let mut troubled = Vec::new();
    for tenant in 0..TENANTS {
        let org = fixture.tenant(&format!("tenant-{tenant:02}")).await;
        for each in 0..2 {
            let url = format!("https://hooks.example.com/{tenant}/{each}");
            let names: Vec<&str> = types.iter().copied().skip(each).step_by(2).collect();
            fixture.webhook(&org, &url, &names).await;
            if reply.is_some() && (1..TENANTS * 3 / 10).contains(&tenant) {
                troubled.push(url);
            }
        }
    }
    let mut simulation = Simulation::new(&fixture);
    let (mut sent, began) = (BTreeMap::new(), fixture.clock.now());
    for burst in 0..BURSTS {
        let at = began.plus(Duration::from_secs(60 * burst));
        simulation.run(at.since(fixture.clock.now())).await;
        for url in &troubled {
            match &reply {
                Some(reply) if TROUBLED.contains(&burst) => fixture.endpoints.always(url, reply.clone()),
                _ => fixture.endpoints.forget(url),
            }
        }
        let messages = (0..TOGETHER).map(|number| {
            let id = format!("event-{burst}-{number}");
            sent.insert(id.clone(), fixture.clock.now());
            let body = format!(
                r#"{{"id":"{id}","source":"spk.api","detail-type":"{}","time":"2026-04-02T10:00:00Z","detail":{{"partnerId":"tenant-{:02}"}}}}"#,
                types[below(types.len())],
                below(TENANTS)
            );
            QueuedMessage { body: EventMessage::Envelope(body.into()).encode(), delay: Duration::ZERO }
        });
        fixture.events.send(messages.collect()).await.unwrap();
    }
    assert!(simulation.run(Duration::from_secs(2 * 86_400)).await, "it comes to rest");
    let requests = fixture.endpoints.take_timed();
    let healthy = requests.iter().filter(|(_, request)| !troubled.contains(&request.url));
    let mut latencies: Vec<f64> = healthy
        .map(|(at, request)| {
            let id = request.headers.iter().find(|(name, _)| name == "webhook-id").map(|(_, id)| id).unwrap();
            at.since(sent[id]).as_secs_f64() + 0.020
        })
        .collect();
    latencies.sort_by(f64::total_cmp);
    Told {
        delivered: sent.len() as u64,
        requests: requests.len() as u64,
        median: latencies[latencies.len() / 2],
        slowest: latencies[latencies.len() * 99 / 100],
    }
}

fn simulated(misbehaviour: Option<Misbehaviour>) -> Result<Told> {
    let scenario = Scenario {
        rate: f64::from(TOGETHER) / 60.0,
        arrivals: Arrivals::Together(TOGETHER),
        arrive_until: BURSTS * MINUTE - SECOND,
        tenants: TENANTS,
        answers: (20.0, 0.0),
        trouble: misbehaviour.map(|misbehaviour| (misbehaviour, TENANTS * 3 / 10)),
        trouble_until: TROUBLED.end * MINUTE,
        measured_from: TROUBLED.start * MINUTE,
        consumers: 1,
        until: 2 * 24 * 60 * MINUTE,
        ..Scenario::new(1.0, ShardCount::ONE)?
    };
    let measured = run(&scenario)?;
    assert_eq!(measured.delivered, measured.arrived);
    // The real one's Queue takes a hundred messages in no time, and its database reads in no time.
    let latency = |part: f64| measured.healthy.quantile(part).unwrap_or_default() - 0.021;
    Ok(Told {
        delivered: measured.delivered,
        requests: measured.requests,
        median: latency(0.5),
        slowest: latency(0.99),
    })
}

fn close(what: &str, simulated: f64, real: f64, part: f64) {
    assert!((simulated / real - 1.0).abs() <= part, "{what}: {simulated} simulated, {real} real");
}

#[tokio::test]
async fn without_trouble_both_take_as_long() -> Result<()> {
    let (simulated, real) = (simulated(None)?, real(None).await);
    assert_eq!((simulated.delivered, simulated.requests), (real.delivered, real.requests));
    close("median", simulated.median, real.median, 0.1);
    close("p99", simulated.slowest, real.slowest, 0.1);
    Ok(())
}

#[tokio::test]
async fn endpoints_that_fail_cost_both_as_many_requests() -> Result<()> {
    let (simulated, real) = (simulated(Some(Misbehaviour::Fails))?, real(Some(Reply::Status(500))).await);
    assert_eq!(simulated.delivered, real.delivered);
    let failed = |told: &Told| (told.requests - told.delivered) as f64;
    close("failed requests", failed(&simulated), failed(&real), 0.1);
    close("median", simulated.median, real.median, 0.12);
    Ok(())
}

#[tokio::test]
async fn endpoints_that_hang_cost_both_as_many_requests() -> Result<()> {
    let (simulated, real) = (simulated(Some(Misbehaviour::Hangs))?, real(Some(Reply::Hang)).await);
    assert_eq!(simulated.delivered, real.delivered);
    let failed = |told: &Told| (told.requests - told.delivered) as f64;
    close("failed requests", failed(&simulated), failed(&real), 0.25);
    Ok(())
}
