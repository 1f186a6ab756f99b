//! A database is exported, lost and restored: everything is there again, and events go on.

use local::export::{export, restore, rows};
use local::stack::StackOptions;
use serde_json::Value;
use tests::endpoint::Endpoint;
use tests::tenant::Tenant;
use tests::world::{World, run_alone};
use xtask::smoke::Smoke;

/// Everything that the Admin API says of the tenants and the webhook.
async fn snapshot(world: &World, paths: &[&str]) -> Vec<Value> {
    let mut said = Vec::new();
    for path in paths {
        said.push(world.admin().get(path).await.expect(200));
    }
    said
}

#[test]
fn an_exported_database_is_restored_with_all_that_was_in_it() {
    let world = World::start(StackOptions::on_free_ports("test-leaving").unwrap().fresh());
    run_alone(async {
        let (tenant, endpoint) = (Tenant::register(&world).await, Endpoint::start());
        let key = tenant.api_key().await;
        let webhook = tenant.webhook(&endpoint.url("/")).await;
        let event = tenant.event("KeyAdded");
        world.publish(&event).await;
        let _ = webhook.delivery_in("delivered", &event).await;
        let org = format!("/tenants/{}", tenant.org_id);
        let (log, transitions) = (format!("{}/deliveries", webhook.path), format!("{org}/transitions"));
        let paths = [&*org, &webhook.path, &log, &transitions, "/tenants", "/dead-letters"];
        let before = snapshot(&world, &paths).await;

        let (wrangler, folder) = world.stack().d1(1).unwrap();
        let file = folder.join("tenants-0.sql");
        export(&wrangler, "tenants-0", &file).unwrap();
        // The database is lost: what comes in its place knows nobody.
        for table in ["api_keys", "members", "transitions", "webhooks", "deliveries", "tenants"] {
            let sql = format!("DELETE FROM {table}");
            wrangler(&["d1", "execute", "tenants-0", "--yes", "--command", &sql]).unwrap();
        }
        assert_eq!(world.admin().get(&org).await.status, 404);
        assert_eq!(rows(&wrangler, "tenants-0", "tenants").unwrap(), 0);

        restore(&wrangler, "tenants-0", &file).unwrap();
        assert_eq!(rows(&wrangler, "tenants-0", "tenants").unwrap(), 1);
        assert_eq!(snapshot(&world, &paths).await, before);
        let _ = world.partner(&key).get("/webhooks").await.expect(200);
        let next = tenant.event("KeyAdded");
        world.publish(&next).await;
        let _ = webhook.delivery_in("delivered", &next).await;
    });

    // The smoke test of deployed environments, on the stack that is here: it leaves no tenant.
    let credentials = world.credentials();
    let smoke = Smoke {
        admin_api: credentials.admin_api_localhost_url.clone(),
        delivery: credentials.delivery_localhost_url.clone(),
        inbox: credentials.inbox_url.clone(),
        admin_api_key: credentials.admin_api_key.clone(),
        token: credentials.admin_jwt.clone(),
        events_key: credentials.events_key.clone(),
    };
    smoke.run("0123abcd4567").unwrap();
    let wrong = Smoke { events_key: "wrong".to_owned(), ..smoke };
    let said = format!("{:#}", wrong.run("0123abcd4568").unwrap_err());
    assert!(said.contains("the smoke test failed: the event was answered with 401"), "{said}");
    run_alone(async {
        let tenants = world.admin().get("/tenants").await.expect(200);
        assert!(!tenants.to_string().contains("smoke-test"), "{tenants}");
    });
}
