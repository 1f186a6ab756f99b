//! The cron run of each minute.

use serde_json::json;
use shared::courier::Courier;
use shared::join::join_all;

use crate::service::WebhookDelivery;

/// Wakes what is overdue, deletes what is old, and seals anew what an old key sealed, in all shards side by side. Where a
/// part fails, the others run all the same, and the next run tries again.
pub async fn run(delivery: WebhookDelivery) {
    join_all(delivery.couriers.all().iter().map(run_shard)).await;
}

async fn run_shard(courier: &Courier) {
    let done = [
        courier.sweep().await.map(|_| ()),
        courier.clean().await.map(|_| ()),
        courier.seal_anew().await.map(|_| ()),
    ];
    for error in done.into_iter().filter_map(Result::err) {
        let detail = error.to_string();
        courier.log.write(json!({"message": "cron run failed", "level": "error", "detail": detail}));
    }
}
