//! Secrets that our own parts share are rotated without a refused request: while the previous value is set, both are taken.

use std::sync::Arc;

use edge::testing::Token;
use secrecy::{ExposeSecret, SecretBox};
use shared::sealer::{Sealer, SealingKey};
use shared::testing::{AesGcm, SeededRandom};

use super::is_refused;
use crate::support::{ADMIN_KEY, Caller, SERVICE_SECRET, TestApp, token_of_admin, token_of_portal};

const NEW_ADMIN_KEY: &str = "new-admin-key-of-the-tests-0123456789abc";
const NEW_SERVICE_SECRET: &str = "new-service-secret-of-the-tests-01234567";

/// An admin with this key.
fn admin<'a>(app: &'a TestApp, key: &str) -> Caller<'a> {
    let bearer = format!("Bearer {}", token_of_admin(&app.clock).signed());
    app.anybody().with("x-admin-api-key", key).with("authorization", bearer)
}

fn portal(app: &TestApp) -> Token {
    token_of_portal(&app.clock, "owner@acme-corp.com")
}

#[tokio::test]
async fn the_admin_key_is_rotated_without_a_refused_request() {
    // Given callers with the old key.
    let before = TestApp::default();
    admin(&before, ADMIN_KEY).get("/tenants").await.is(200);
    admin(&before, NEW_ADMIN_KEY).get("/tenants").await.is(401);

    // When the API gets both keys, callers change over at their leisure.
    let both =
        before.deployed_with(&[("ADMIN_API_KEY", NEW_ADMIN_KEY), ("ADMIN_API_KEY_PREVIOUS", ADMIN_KEY)]);
    for key in [ADMIN_KEY, NEW_ADMIN_KEY, ADMIN_KEY] {
        admin(&both, key).get("/tenants").await.is(200);
    }
    for wrong in ["", &format!("{NEW_ADMIN_KEY}{ADMIN_KEY}"), &format!("{NEW_ADMIN_KEY}, {ADMIN_KEY}")] {
        admin(&both, wrong).get("/tenants").await.is(401);
    }
    admin(&both, ADMIN_KEY).with("x-admin-api-key", NEW_ADMIN_KEY).get("/tenants").await.is(401);

    // Then the old key ends with its setting.
    let after = both.deployed_with(&[("ADMIN_API_KEY", NEW_ADMIN_KEY)]);
    admin(&after, NEW_ADMIN_KEY).get("/tenants").await.is(200);
    admin(&after, ADMIN_KEY).get("/tenants").await.is(401);
}

#[tokio::test]
async fn the_service_secret_is_rotated_without_a_refused_request() {
    let before = TestApp::default();
    before.bearer(&portal(&before).signed_hs256(SERVICE_SECRET)).get("/tenants").await.is(200);

    let both = before.deployed_with(&[
        ("SERVICE_JWT_SECRET", NEW_SERVICE_SECRET),
        ("SERVICE_JWT_SECRET_PREVIOUS", SERVICE_SECRET),
    ]);
    for secret in [SERVICE_SECRET, NEW_SERVICE_SECRET] {
        both.bearer(&portal(&both).signed_hs256(secret)).get("/tenants").await.is(200);
    }
    is_refused(&both, "another secret", &portal(&both).signed_hs256(ADMIN_KEY)).await;
    is_refused(&both, "no secret", &portal(&both).signed_hs256("")).await;

    let after = both.deployed_with(&[("SERVICE_JWT_SECRET", NEW_SERVICE_SECRET)]);
    after.bearer(&portal(&after).signed_hs256(NEW_SERVICE_SECRET)).get("/tenants").await.is(200);
    is_refused(&after, "the old secret", &portal(&after).signed_hs256(SERVICE_SECRET)).await;
}

#[tokio::test]
async fn what_one_worker_seals_another_opens_in_any_order_of_deployments() {
    // The key after each step of the runbook, and the other key that opens.
    let steps = [(1, None), (1, Some(2)), (2, Some(1)), (2, None)];
    let at = |step: usize| {
        let (current, other): (u8, Option<u8>) = steps[step];
        let key = |byte| SealingKey::of(SecretBox::new(Box::new([byte; 32])));
        Sealer::new(key(current), other.map(key), Arc::new(AesGcm), Arc::new(SeededRandom::new(1)))
    };
    for (api, delivery) in [(0, 0), (1, 0), (0, 1), (1, 1), (2, 1), (1, 2), (2, 2), (3, 2), (2, 3), (3, 3)] {
        let sealed = at(api).seal("a secret", "whsec_").await.unwrap();
        let opened = at(delivery).open("a secret", &sealed).await.unwrap();
        assert_eq!(opened.expose_secret(), "whsec_", "API at {api}, delivery at {delivery}");
        // What is sealed anew at either end is opened at the other.
        let anew = at(delivery).seal_anew("a secret", &sealed).await.unwrap();
        assert!(at(api).open("a secret", &anew).await.is_ok(), "API at {api}, delivery at {delivery}");
    }
    // The step that is not to be left out.
    let sealed = at(2).seal("a secret", "whsec_").await.unwrap();
    assert!(at(0).open("a secret", &sealed).await.is_err());
}
