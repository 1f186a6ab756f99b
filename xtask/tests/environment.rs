//! The whole system on this machine under a deployed environment's rules. Needs the built Workers: `cargo xtask test`
//! runs it after the release build.
#![allow(clippy::unwrap_used, reason = "tests stop at the first surprise")]

use serde_json::{Value, json};
use ureq::Agent;
use ureq::tls::{Certificate, RootCerts, TlsConfig};
use xtask::credentials::Credentials;
use xtask::stack::{Stack, StackOptions};

struct Caller {
    agent: Agent,
    credentials: Credentials,
    port: u16,
}

impl Caller {
    /// Asks the Admin API as an admin.
    fn post(&self, path: &str, body: &Value) -> (u16, Value) {
        let request = self.agent.post(format!("https://127.0.0.1:{}{path}", self.port));
        let answer = request
            .header("host", format!("admin-api.localhost:{}", self.port))
            .header("x-admin-api-key", &self.credentials.admin_api_key)
            .header("authorization", format!("Bearer {}", self.credentials.admin_jwt))
            .send_json(body);
        let mut answer = answer.unwrap();
        (answer.status().as_u16(), answer.body_mut().read_json().unwrap())
    }

    /// Asks whose a key is that nobody has: the status.
    fn ask_with_a_made_up_key(&self) -> u16 {
        let request = self.agent.get(format!("https://127.0.0.1:{}/api-keys/self", self.port));
        let request = request.header("host", format!("admin-api.localhost:{}", self.port));
        request.header("x-api-key", "a".repeat(40)).call().unwrap().status().as_u16()
    }
}

#[test]
#[ignore = "needs the built Workers; `cargo xtask test` runs it"]
fn what_is_refused_in_stage_is_refused_here() {
    let options = StackOptions::on_free_ports("test-stage").unwrap().environment(Some("stage")).fresh();
    let mut stack = Stack::start(options).unwrap();
    let pem = std::fs::read(stack.certificate().unwrap()).unwrap();
    let trusted = RootCerts::from([Certificate::from_pem(&pem).unwrap()]);
    let agent = Agent::config_builder()
        .http_status_as_error(false)
        .proxy(None)
        .tls_config(TlsConfig::builder().root_certs(trusted).build())
        .build()
        .new_agent();
    // Its token comes from an issuer that is https, as the rules of stage demand.
    let caller = Caller { agent, credentials: stack.credentials(None).unwrap(), port: stack.port() };
    assert!(caller.credentials.admin_api_url.starts_with("https://admin-api.localhost:"));

    let health = caller.agent.get(format!("https://127.0.0.1:{}/health", stack.port()));
    let health = health.header("host", format!("webhook-delivery.localhost:{}", stack.port())).call();
    let health: Value = health.unwrap().body_mut().read_json().unwrap();
    // The local runtime makes a version up at each start.
    let version = health["version"].as_str().unwrap();
    assert_eq!(health, json!({"status": "ok", "environment": "stage", "version": version}));

    let tenant = json!({"orgName": "ACME Corporation", "ownerEmail": "owner@acme-corp.com"});
    assert_eq!(caller.post("/tenants/acme-corp/register", &tenant).0, 201);
    for (url, status) in [
        ("https://hooks.acme-corp.com/smartphonekey", 201),
        ("http://hooks.acme-corp.com/smartphonekey", 400),
        (&format!("{}/acme", caller.credentials.inbox_url), 400),
        ("https://127.0.0.1/acme", 400),
        ("https://printer.local/acme", 400),
        ("https://admin-api.spk-stage.workers.dev/acme", 400),
    ] {
        let (answered, body) = caller.post("/tenants/acme-corp/webhooks", &json!({ "url": url }));
        assert_eq!(answered, status, "{url}: {body}");
    }
    // A minute allows 300, and may end while they are asked.
    let answers: Vec<u16> =
        (0..=600).map(|_| caller.ask_with_a_made_up_key()).take_while(|status| *status != 429).collect();
    assert!((300..=600).contains(&answers.len()), "{}", answers.len());
    assert!(answers.iter().all(|status| *status == 401));
    assert_eq!(caller.post("/api-keys", &json!({"orgId": "acme-corp"})).0, 201, "admins are not counted");
    stack.trigger_cron().unwrap();
    stack.stop();
}
