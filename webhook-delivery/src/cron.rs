//! The cron run of each minute.

use serde_json::json;
use shared::courier::Courier;
use shared::join::join_all;

use crate::service::WebhookDelivery;

/// Wakes what is overdue, deletes what is old, seals anew what an old key sealed, and tells operators of what is filling up, in
/// all shards side by side. Where a part fails, the others run all the same, and the next run tries again.
pub async fn run(delivery: WebhookDelivery) {
    let shards = delivery.couriers.all();
    let pairs = delivery.config.queue_pairs.get();
    // The first shard of those that share a pair of Queues looks after the pair.
    let is_first =
        |place: usize| place == 0 || (place - 1) * pairs / shards.len() != place * pairs / shards.len();
    join_all(shards.iter().enumerate().map(|(place, courier)| run_shard(courier, place, is_first(place))))
        .await;
}

async fn run_shard(courier: &Courier, place: usize, is_first: bool) {
    let done = [
        courier.watch_room(place, is_first).await,
        courier.sweep().await.map(|_| ()),
        courier.clean().await.map(|_| ()),
        courier.seal_anew().await.map(|_| ()),
    ];
    for error in done.into_iter().filter_map(Result::err) {
        let detail = error.to_string();
        courier.log.write(json!({"message": "cron run failed", "level": "error", "detail": detail}));
    }
}
