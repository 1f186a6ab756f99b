//! Two shards behind one consumer.

use std::sync::Arc;
use std::time::Duration;

use super::super::Settlement::{Acknowledge, Retry};
use super::super::{Courier, Outage};
use super::message;
use crate::actor::Actor;
use crate::app::App;
use crate::app::tenants::TenantFilter;
use crate::event::message::{EventMessage, RetryMessage};
use crate::ports::{Queue, Statement};
use crate::shard::{Bucket, ShardCount, Shards};
use crate::shared_text::SharedText;
use crate::tenant::OrgId;
use crate::testing::{Fixture, MemoryQueue, Reply, SqliteDatabase, admins};
use crate::time::Timestamp;

/// Two databases, with everything else of one fixture.
struct Two {
    fixture: Fixture,
    databases: [Arc<SqliteDatabase>; 2],
    couriers: Shards<Courier>,
    apps: Shards<App>,
}

fn two() -> Two {
    let fixture = Fixture::default();
    let databases = [fixture.database.clone(), Arc::new(SqliteDatabase::migrated())];
    let count = ShardCount::parse("2").unwrap();
    let couriers = Shards::make(count, |place| Courier {
        database: databases[place].clone(),
        outage: Outage::default(),
        ..fixture.courier.clone()
    });
    let apps = Shards::make(count, |place| App { database: databases[place].clone(), ..fixture.app.clone() });
    Two { fixture, databases, couriers, apps }
}

impl Two {
    /// So many tenants, each with a webhook, and the place of each one's shard.
    async fn tenants(&self, count: usize) -> Vec<(OrgId, usize)> {
        let mut tenants = Vec::new();
        for index in 0..count {
            let org_id = OrgId::parse(&format!("tenant-{index:02}")).unwrap();
            let place = self.apps.place(&org_id);
            let of_shard = Fixture { app: self.apps.all()[place].clone(), ..Fixture::default() };
            of_shard.tenant(org_id.as_str()).await;
            let id = of_shard.webhook(&org_id, &url(&org_id), &[]).await.webhook_id;
            assert_eq!(id.bucket(), Bucket::from(&org_id));
            tenants.push((org_id, place));
        }
        tenants
    }

    fn delivered(&self, place: usize) -> usize {
        let sql = "SELECT 1 AS one FROM deliveries WHERE stage = 0";
        self.databases[place].query(Statement::new(sql)).len()
    }
}

fn url(org_id: &OrgId) -> String {
    format!("https://hooks.example.com/{org_id}")
}

fn events(tenants: &[(OrgId, usize)], name: &str) -> Vec<String> {
    tenants
        .iter()
        .map(|(org_id, _)| message(&format!("{name}-{org_id}"), "KeyAdded", org_id.as_str()))
        .collect()
}

#[tokio::test]
async fn a_batch_goes_to_the_shards_of_its_tenants_six_requests_at_a_time() {
    let two = two();
    let tenants = two.tenants(20).await;
    let in_first = tenants.iter().filter(|(_, place)| *place == 0).count();
    assert!((1..20).contains(&in_first), "both have some");
    let batch = two.fixture.messages(&events(&tenants, "e"));
    let settled = two.fixture.drive(two.couriers.deliver_events(&batch));
    assert_eq!(settled, [Acknowledge; 20]);
    assert_eq!((two.delivered(0), two.delivered(1)), (in_first, 20 - in_first));
    let requests = two.fixture.endpoints.take_timed();
    let open = |at: Timestamp| {
        requests
            .iter()
            .filter(|(began, _)| *began <= at && at.since(*began) < Duration::from_millis(20))
            .count()
    };
    assert_eq!(requests.iter().map(|(at, _)| open(*at)).max(), Some(6));
}

#[tokio::test]
async fn one_shards_outage_holds_up_its_own_tenants_only() {
    let two = two();
    let tenants = two.tenants(12).await;
    let deliver = |name: &str| {
        let batch = two.fixture.messages(&events(&tenants, name));
        two.fixture.drive(two.couriers.deliver_events(&batch))
    };
    two.databases[1].fail(Some("gone"));
    for ((_, place), settled) in tenants.iter().zip(deliver("unread")) {
        assert_eq!(matches!(settled, Retry(_)), *place == 1, "{place}");
    }
    two.databases[1].fail(None);
    two.databases[1].refuse_writes(|_| true);
    assert!(deliver("unwritten").iter().all(|settled| *settled == Acknowledge), "the outcomes travel");
    let first = tenants.iter().filter(|(_, place)| *place == 0).count();
    assert_eq!((two.delivered(0), two.delivered(1)), (first * 2, 0));
    let records = two.fixture.retries.take();
    assert!(!records.is_empty());
    for record in &records {
        let Ok(RetryMessage::Record(record)) = RetryMessage::decode(&record.body) else { continue };
        assert_eq!(record.by_shard(two.couriers.count())[0].0, 1);
    }
    // What is paused is the second shard.
    for ((_, place), settled) in tenants.iter().zip(deliver("paused")) {
        assert_eq!(matches!(settled, Retry(_)), *place == 1, "{place}");
    }
    two.databases[1].take_writes();
    two.fixture.clock.advance(Duration::from_secs(60));
    let texts: Vec<SharedText> = records.into_iter().map(|record| record.body).collect();
    let settled = two.fixture.drive(two.couriers.deliver_retries(&two.fixture.messages(&texts)));
    assert!(settled.iter().all(|settled| *settled == Acknowledge));
    assert_eq!(two.delivered(1), 12 - first);
}

#[tokio::test]
async fn retries_probes_and_dead_letters_find_their_shard() {
    let two = two();
    let tenants = two.tenants(8).await;
    for (org_id, _) in &tenants {
        two.fixture.endpoints.reply(&url(org_id), &[Reply::Status(503)]);
    }
    two.fixture.drive(two.couriers.deliver_events(&two.fixture.messages(&events(&tenants, "e"))));
    assert_eq!(two.delivered(0) + two.delivered(1), 0);
    two.fixture.clock.advance(Duration::from_secs(60));
    let texts: Vec<SharedText> = two.fixture.retries.take().into_iter().map(|message| message.body).collect();
    two.fixture.drive(two.couriers.deliver_retries(&two.fixture.messages(&texts)));
    assert_eq!(two.delivered(0) + two.delivered(1), 8);

    let letters = events(&tenants, "letter");
    two.couriers.keep_dead_letters(&two.fixture.messages(&letters)).await;
    let mut listed = Vec::new();
    let mut cursor = None;
    loop {
        let (page, next) = two.apps.list_dead_letters(cursor, 3).await.unwrap();
        listed.extend(page);
        cursor = next;
        if cursor.is_none() {
            break;
        }
    }
    assert_eq!(listed.len(), 8);
    for letter in listed {
        two.apps.of(letter.id.bucket()).requeue_dead_letter(letter.id).await.unwrap();
    }
    assert_eq!(two.fixture.events.take().len(), 8);
}

#[tokio::test]
async fn lists_are_merged_with_an_exact_total_and_keys_name_their_shard() {
    let two = two();
    let tenants = two.tenants(9).await;
    let page = two
        .apps
        .list_tenants(&Actor::person("admin@smartphonekey.com"), TenantFilter::ByCreation(None, None), 4)
        .await
        .unwrap();
    assert_eq!((page.tenants.len(), page.total, page.next.is_some()), (4, Some(9), true));
    for (org_id, place) in tenants {
        let issued = two.apps.of(&org_id).issue_api_key(&admins(&org_id), None, None).await.unwrap();
        assert_eq!(two.apps.place(issued.key.digest().bucket()), place);
        let partner =
            two.apps.of(issued.key.digest().bucket()).authenticate_partner(&issued.key).await.unwrap();
        assert_eq!(partner.unwrap().org_id, org_id);
    }
}

#[tokio::test]
async fn each_group_of_shards_has_its_own_queue() {
    let two = two();
    let queues = [(); 2].map(|()| Arc::new(MemoryQueue::default()));
    let pairs = Shards::make(two.couriers.count(), |pair| queues[pair].clone() as Arc<dyn Queue>);
    let couriers = two.couriers.map_with_place(|place, courier| Courier {
        events: pairs.of_group(place, two.couriers.count()).clone(),
        ..courier.clone()
    });
    let ids: Vec<OrgId> = (0..20).map(|index| OrgId::parse(&format!("tenant-{index:02}")).unwrap()).collect();
    let array: Vec<String> = ids
        .iter()
        .map(|org_id| super::envelope(&format!("e-{org_id}"), "KeyAdded", org_id.as_str()))
        .collect();
    assert_eq!(couriers.publish(&format!("[{}]", array.join(","))).await, Ok(20));
    for (pair, queue) in queues.iter().enumerate() {
        let taken = queue.take();
        assert_eq!(taken.len(), ids.iter().filter(|org_id| couriers.place(*org_id) == pair).count());
        for message in taken {
            let Ok(EventMessage::Envelope(body)) = EventMessage::decode(&message.body) else {
                panic!("an envelope")
            };
            let event = crate::event::envelope::Event::parse(&body).unwrap();
            assert_eq!(couriers.place(&event), pair);
        }
    }
}
