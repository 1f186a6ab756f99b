//! Endpoints that answer oddly: the status decides, and nothing after it.

use std::time::Duration;

use local::stack::StackOptions;
use serde_json::{Value, json};
use shared::time::Timestamp;
use tests::endpoint::{Behavior, Endpoint};
use tests::event::Event;
use tests::tenant::{Tenant, Webhook};
use tests::world::{World, run_alone};

/// An answer with this status, these header lines and this body, as the bytes of a socket.
fn answer(status: u16, headers: &str, body: &[u8]) -> Vec<u8> {
    let head = format!("HTTP/1.1 {status} Told\r\nconnection: close\r\n{headers}\r\n");
    [head.as_bytes(), body].concat()
}

/// Odd answers with a status, by name.
fn oddities(status: u16) -> Vec<(&'static str, Behavior)> {
    let raw = |headers: &str, body: &[u8]| Behavior::Raw(answer(status, headers, body));
    vec![
        ("empty, said to be gzip", raw("content-encoding: gzip\r\ncontent-length: 0\r\n", b"")),
        (
            "said to be gzip, and is none",
            raw("content-encoding: gzip\r\ncontent-length: 9\r\n", b"no gzip.."),
        ),
        ("said to be brotli, and is none", raw("content-encoding: br\r\ncontent-length: 4\r\n", b"none")),
        ("of an encoding that nobody knows", raw("content-encoding: rot13\r\ncontent-length: 2\r\n", b"bx")),
        (
            "gzip that is cut",
            raw("content-encoding: gzip\r\ncontent-length: 10\r\n", b"\x1f\x8b\x08\0\0\0\0\0\0\x03"),
        ),
        ("shorter than it says", raw("content-length: 1000\r\n", b"cut")),
        ("chunked wrongly", raw("transfer-encoding: chunked\r\n", b"zz\r\nno chunk\r\n")),
        ("chunked, and cut", raw("transfer-encoding: chunked\r\n", b"ff\r\ncut")),
        ("without an end", Behavior::Endless(status)),
        ("stalled after its head", Behavior::Stall(answer(status, "content-length: 10\r\n", b""))),
        (
            "stalled in its body",
            Behavior::Stall(answer(
                status,
                "content-encoding: gzip\r\ntransfer-encoding: chunked\r\n",
                b"a\r\n\x1f\x8b",
            )),
        ),
    ]
}

struct Odd {
    name: String,
    path: String,
    webhook: Webhook,
    event: Event,
}

/// A webhook for each oddity of this status; five to a tenant.
async fn given(world: &World, endpoint: &Endpoint, status: u16, headers: &str) -> Vec<Odd> {
    let mut all = Vec::new();
    for (index, (name, behavior)) in oddities(status).into_iter().enumerate() {
        let behavior = match behavior {
            Behavior::Raw(bytes) => {
                let text = [b"\r\n", headers.as_bytes()].concat();
                let at = bytes.windows(2).position(|pair| pair == b"\r\n").unwrap();
                Behavior::Raw([&bytes[..at], &text, &bytes[at + 2..]].concat())
            }
            other => other,
        };
        let path = format!("/{status}/{index}");
        endpoint.behave(&path, behavior);
        let tenant = Tenant::register(world).await;
        let webhook = tenant.webhook(&endpoint.url(&path)).await;
        all.push(Odd { name: format!("{status}, {name}"), path, webhook, event: tenant.event("KeyAdded") });
    }
    all
}

#[test]
fn the_status_decides_whatever_the_body_is() {
    let options = StackOptions::on_free_ports("test-answers").unwrap().fresh();
    let world = World::start(options.set("webhook-delivery", "ATTEMPT_TIMEOUT_SECONDS", "5"));
    run_alone(async {
        let endpoint = Endpoint::start();
        let taken = given(&world, &endpoint, 200, "").await;
        let gone = given(&world, &endpoint, 410, "").await;
        let busy = given(&world, &endpoint, 429, "retry-after: 3000\r\n").await;
        let refused = given(&world, &endpoint, 404, "").await;
        let failed = given(&world, &endpoint, 503, "").await;
        for all in [&taken, &gone, &busy, &refused, &failed] {
            let events: Vec<Event> = all.iter().map(|odd| odd.event.clone()).collect();
            world.publish_all(&events).await;
        }

        for odd in &taken {
            let delivery = odd.webhook.delivery_in("delivered", &odd.event).await;
            assert_eq!(delivery["attempts"].as_array().unwrap().len(), 1, "{}", odd.name);
            let took = delivery["attempts"][0]["durationMilliseconds"].as_u64().unwrap();
            assert!(took < 4_000, "{}: {took} ms, though the status was there at once", odd.name);
        }
        for odd in &gone {
            let delivery = odd.webhook.delivery_in("failed", &odd.event).await;
            assert_eq!(delivery["reason"], "answered 410", "{}", odd.name);
            assert_eq!(odd.webhook.now().await["status"], "disabled", "{}", odd.name);
        }
        for (all, status) in [(&busy, 429), (&refused, 404), (&failed, 503)] {
            for odd in all {
                let tried = |delivery: &Value| delivery["attempts"][0]["status"] == status;
                let delivery = odd.webhook.delivery_when(&odd.name, &odd.event, tried).await;
                assert_eq!(delivery["state"], "pending", "{}", odd.name);
                assert_eq!(delivery["attempts"][0]["error"], format!("answered {status}"), "{}", odd.name);
            }
        }
        // The answers with headers of ours asked for 3000 seconds.
        for odd in busy.iter().take(8) {
            let delivery = odd.webhook.delivery(&odd.event).await.unwrap();
            let time = |name: &str| delivery[name].as_str().unwrap().parse::<Timestamp>().unwrap();
            let wait = time("nextAttemptAt").since(time("createdAt"));
            assert!(wait >= Duration::from_secs(2_990), "{}: asked again after {wait:?}", odd.name);
        }

        // A challenge with such an answer verifies the webhook.
        let odd = &taken[0];
        let moved = endpoint.url("/moved");
        endpoint.behave(
            "/moved",
            Behavior::Raw(answer(200, "content-encoding: gzip\r\ncontent-length: 0\r\n", b"")),
        );
        let _ = world.admin().put(&odd.webhook.path, &json!({"url": moved})).await.expect(200);
        let _ = endpoint.at_least(1, "/moved").await;
        let _ = odd.webhook.in_status("active").await;

        // Nothing that was taken is sent again.
        for odd in &taken {
            assert_eq!(endpoint.received(&odd.path).len(), 1, "{}", odd.name);
        }
    });
}
