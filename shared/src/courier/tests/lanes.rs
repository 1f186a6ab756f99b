//! How many requests are under way, and to whom.

use std::collections::BTreeSet;
use std::time::Duration;

use super::message;
use crate::testing::{Fixture, Reply};
use crate::time::Timestamp;

/// The most requests that were under way at once, in all and to one webhook, each taking 20 ms.
fn most_at_once(fixture: &Fixture) -> (usize, usize, Vec<String>) {
    let requests = fixture.endpoints.take_timed();
    let open_at = |at: Timestamp, url: Option<&str>| {
        let open = requests.iter().filter(|(began, request)| {
            *began <= at
                && at.since(*began) < Duration::from_millis(20)
                && url.is_none_or(|url| request.url == url)
        });
        open.count()
    };
    let all = requests.iter().map(|(at, _)| open_at(*at, None)).max().unwrap_or_default();
    let one = requests.iter().map(|(at, request)| open_at(*at, Some(&request.url))).max().unwrap_or_default();
    (all, one, requests.into_iter().map(|(_, request)| request.url).collect())
}

/// Delivers ten events to each of so many webhooks, all of which answer with this status.
async fn ten_each(webhooks: usize, status: u16) -> (usize, usize, Vec<String>) {
    let fixture = Fixture::default();
    for index in 0..webhooks {
        let org = fixture.tenant(&format!("tenant-{index:02}")).await;
        let url = format!("https://hooks.example.com/{index:02}");
        fixture.webhook(&org, &url, &[]).await;
        fixture.endpoints.always(&url, Reply::Status(status));
    }
    let events = (0..webhooks * 10)
        .map(|index| message(&format!("e-{index}"), "KeyAdded", &format!("tenant-{:02}", index % webhooks)));
    fixture.deliver_events(&events.collect::<Vec<_>>()).await;
    most_at_once(&fixture)
}

#[tokio::test]
async fn six_requests_are_under_way_and_never_more_nor_four_to_one_webhook() {
    let (all, one, sent) = ten_each(20, 200).await;
    assert_eq!((all, sent.len()), (6, 200));
    assert!(one <= 4, "{one}");
    assert_eq!(ten_each(1, 200).await.1, 4, "once it has answered well");
}

#[tokio::test]
async fn a_webhook_has_one_request_under_way_until_it_has_answered_well() {
    let (_, one, sent) = ten_each(2, 404).await;
    assert_eq!((one, sent.len()), (1, 20));
}

#[tokio::test]
async fn webhooks_take_turns() {
    let (_, _, sent) = ten_each(3, 404).await;
    let first: BTreeSet<&String> = sent.iter().take(3).collect();
    assert_eq!(first.len(), 3, "{sent:?}");
}
