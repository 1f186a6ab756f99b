//! The whole system on this machine under the rules of stage, over HTTPS.

use local::stack::StackOptions;
use serde_json::json;
use tests::tenant::Tenant;
use tests::world::{World, run_alone};

mod sweep;

#[test]
fn what_is_refused_in_stage_is_refused_here() {
    let options = StackOptions::on_free_ports("test-stage").unwrap().environment(Some("stage")).fresh();
    // The admin's token comes from an issuer that is https, as the rules of stage demand.
    let world = World::start(options);
    assert!(world.credentials().admin_api_url.starts_with("https://admin-api.localhost:"));
    let (address, urls) = (world.stack().address(), world.credentials());
    for url in [&urls.admin_api_localhost_url, &urls.portal_localhost_url, &urls.delivery_localhost_url] {
        assert!(url.starts_with("https://localhost:"), "{url}");
        assert_eq!(address.client(url).unwrap().get("/health").unwrap().status, 200, "{url}");
    }
    run_alone(async {
        let health = world.delivery().get("/health").await.json();
        // The local runtime makes a version up at each start.
        let version = health["version"].as_str().unwrap();
        assert_eq!(health, json!({"status": "ok", "environment": "stage", "version": version}));

        let (admin, tenant) = (world.admin(), Tenant::register(&world).await);
        let webhooks = format!("/tenants/{}/webhooks", tenant.org_id);
        for (url, status) in [
            ("https://hooks.acme-corp.com/smartphonekey", 201),
            ("http://hooks.acme-corp.com/smartphonekey", 400),
            (&format!("{}/acme", world.credentials().inbox_url), 400),
            ("https://127.0.0.1/acme", 400),
            ("https://printer.local/acme", 400),
            ("https://admin-api.spk-stage.workers.dev/acme", 400),
            ("https://127-0-0-1.example.com/acme", 400),
            ("https://a.localtest.me/acme", 400),
            ("https://github.io/acme", 400),
            ("https://foo.kawasaki.jp/acme", 400),
            ("https://exa\u{ad}mple.com/acme", 400),
            ("https://hooks.acme-corp.com./acme", 400),
            ("https://acme.github.io/acme", 201),
        ] {
            let answer = admin.post(&webhooks, &json!({"url": url})).await;
            assert_eq!(answer.status, status, "{url}: {}", answer.text);
        }
        for (name, status) in [
            ("X-Acme-Token", 201),
            ("X-Forwarded-Access-Token", 400),
            ("X_Remote_User_Token", 400),
            ("X-Team", 400),
        ] {
            let auth = json!({"type": "apiKeyHeader", "headerName": name});
            let body = json!({"url": "https://hooks.acme-corp.com/named", "auth": auth});
            let answer = admin.post(&webhooks, &body).await;
            assert_eq!(answer.status, status, "{name}: {}", answer.text);
        }
        sweep::tokens_of_the_issuer(&world).await;
        sweep::tokens_of_the_portal(&world).await;
        sweep::hosts_and_header_names(&world, &tenant).await;
        // A hundred failures a minute are allowed, and a minute may end meanwhile.
        let stranger = world.partner(&"a".repeat(40));
        let mut asked = 0;
        while asked <= 200 {
            let status = stranger.get("/api-keys/self").await.status;
            if status == 429 {
                break;
            }
            assert_eq!(status, 401);
            asked += 1;
        }
        assert!((100..=200).contains(&asked), "{asked}");
        let issued = admin.post("/api-keys", &json!({"orgId": tenant.org_id})).await;
        assert_eq!(issued.status, 201, "admins are not counted: {}", issued.text);
        world.stack().trigger_cron().unwrap();
    });
}
