//! Whatever is sent, the answer is never our own fault, and what is refused is not half-written.

use std::sync::OnceLock;

use proptest::prelude::*;
use serde_json::{Map, Value, json};
use tokio::runtime::Runtime;

use crate::support::{Answer, TestApp};

/// A route that takes a body, and the fields it knows.
const BODIES: [(&str, &str, &[&str]); 8] = [
    ("POST", "/tenants/new-corp/register", &["orgName", "ownerEmail"]),
    ("PATCH", "/tenants/acme-corp", &["orgName", "ownerEmail"]),
    ("POST", "/api-keys", &["orgId", "orgName", "expiresAt"]),
    ("POST", "/api-keys/acme-corp/rotate", &["expiresAt", "graceSeconds"]),
    ("POST", "/tenants/acme-corp/webhooks", &["url", "events", "secret", "auth"]),
    ("PUT", "/tenants/acme-corp/webhooks/{id}", &["url", "events", "secret", "auth"]),
    ("POST", "/tenants/acme-corp/webhooks/{id}/rotate-secret", &["secret", "overlapSeconds"]),
    ("PATCH", "/webhooks/{id}", &["url"]),
];

struct Given {
    runtime: Runtime,
    app: TestApp,
    key: String,
    webhook_id: String,
}

fn given() -> Given {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let app = TestApp::default();
    let (key, path) =
        runtime.block_on(async { (app.given_key("acme-corp").await, app.given_webhook("acme-corp").await) });
    let webhook_id = path.rsplit('/').next().unwrap().to_owned();
    Given { runtime, app, key, webhook_id }
}

impl Given {
    fn send(&self, (method, path): (&str, &str), body: Vec<u8>) -> Answer {
        let path = path.replace("{id}", &self.webhook_id);
        let caller = match method {
            "PATCH" if path.starts_with("/webhooks") => self.app.partner(&self.key),
            _ => self.app.admin(),
        };
        self.runtime.block_on(caller.request(method, &path).json_bytes(body).send())
    }

    /// Sends, and checks what must hold of any answer.
    fn check(&mut self, route: (&str, &str), body: Vec<u8>) {
        let before = self.app.database.dump();
        let answer = self.send(route, body);
        let status = answer.status.as_u16();
        assert!(status < 500 && status != 401, "{route:?}: {}", answer.text);
        if status >= 400 {
            assert_eq!(answer.body["requestId"].as_str().unwrap().len(), 36, "{}", answer.text);
            assert_eq!(self.app.database.dump(), before, "{route:?}: half-written");
        } else {
            // A rotated key or the twentieth webhook would stop the next one at the door.
            *self = given();
        }
    }
}

fn value() -> impl Strategy<Value = Value> {
    let text = prop_oneof![
        any::<String>(),
        "[a-z0-9-]{1,70}",
        "https://[a-z0-9.-]{1,30}(:[0-9]{1,6})?/[ -~]{0,10}",
        "whsec_[A-Za-z0-9+/]{0,100}={0,2}",
        "[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]{8}(\\.[0-9]{0,12})?(Z|[+-][0-9]{2}:[0-9]{2})",
        "[!-~]{1,20}@[a-z.]{1,20}",
    ];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        (0..1_000_000_u64).prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        text.prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 12, 4, |inner| {
        let key = prop_oneof![
            any::<String>(),
            Just("type".to_owned()),
            Just("token".to_owned()),
            Just("headerName".to_owned())
        ];
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map(key, inner, 0..4)
                .prop_map(|members| Value::from(members.into_iter().collect::<Map<_, _>>())),
        ]
    })
}

/// What each field of a sound body holds.
fn sound(field: &str) -> Value {
    match field {
        "orgName" => json!("ACME"),
        "ownerEmail" => json!("owner@acme-corp.com"),
        "orgId" => json!("acme-corp"),
        "expiresAt" => json!("2030-01-01T00:00:00Z"),
        "graceSeconds" | "overlapSeconds" => json!(60),
        "url" => json!("https://hooks.acme-corp.com/in"),
        "events" => json!(["KeyAdded"]),
        "secret" => json!("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"),
        "auth" => json!({"type": "bearerToken"}),
        other => panic!("{other}"),
    }
}

#[test]
fn sound_bodies_are_taken() {
    for (method, path, fields) in BODIES {
        let body: Map<_, _> = fields.iter().map(|field| ((*field).to_owned(), sound(field))).collect();
        let mut given = given();
        if path == "/api-keys" {
            given = without_key();
        }
        let answer = given.send((method, path), Value::from(body).to_string().into_bytes());
        assert!(answer.status.is_success(), "{method} {path}: {}", answer.text);
    }
}

fn without_key() -> Given {
    let given = given();
    given.runtime.block_on(async { given.app.admin().delete("/api-keys/acme-corp").await.is(200).clone() });
    given
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn bytes(bodies in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..200), BODIES.len())) {
        let mut given = given();
        for ((method, path, _), body) in BODIES.into_iter().zip(bodies) {
            given.check((method, path), body);
        }
    }

    #[test]
    fn a_value_in_any_field(values in prop::collection::vec(value(), 4)) {
        let mut given = given();
        for (method, path, fields) in BODIES {
            for (field, value) in fields.iter().zip(&values) {
                let mut body: Map<_, _> = fields.iter().map(|name| ((*name).to_owned(), sound(name))).collect();
                body.insert((*field).to_owned(), value.clone());
                given.check((method, path), Value::from(body).to_string().into_bytes());
            }
        }
    }

    #[test]
    fn an_object_of_any_members(members in prop::collection::btree_map(any::<String>(), value(), 0..4)) {
        let mut given = given();
        let body = Value::from(members.into_iter().collect::<Map<_, _>>()).to_string();
        for (method, path, _) in BODIES {
            given.check((method, path), body.clone().into_bytes());
        }
    }

    #[test]
    fn paths_and_queries(name in any::<String>(), query in any::<String>()) {
        static GIVEN: OnceLock<std::sync::Mutex<Given>> = OnceLock::new();
        let given = GIVEN.get_or_init(|| given().into()).lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let encode = |text: &str| text.bytes().map(|byte| format!("%{byte:02X}")).collect::<String>();
        let (name, query) = (encode(&name), encode(&query));
        for path in [
            format!("/tenants/{name}"),
            format!("/tenants/{name}/transitions?cursor={query}"),
            format!("/tenants/acme-corp/webhooks/{name}"),
            format!("/tenants/acme-corp/webhooks/{name}/deliveries?cursor={query}&since={query}&eventType={query}"),
            format!("/tenants/acme-corp/webhooks/{}/deliveries/{name}", given.webhook_id),
            format!("/api-keys?orgId={query}"),
            format!("/tenants?limit={query}&offset={query}&ownerEmail={query}"),
            format!("/tenants?{query}={name}"),
        ] {
            let answer = given.send(("GET", &path), Vec::new());
            prop_assert!(answer.status.as_u16() < 500 && answer.status != 401, "{path}: {}", answer.text);
        }
    }
}
