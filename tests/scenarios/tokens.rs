//! Tokens that a real OpenID provider has issued are accepted, and tampered ones are not.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use tests::client::Client;
use tests::world::{World, run};

/// A token of the local provider with these parameters in its request.
async fn token(world: &World, parameters: &str) -> String {
    let secret = world.secret("CREDENTIALS_CLIENT_SECRET");
    let issuer = world.credentials().issuer.trim_end_matches('/').to_owned();
    let provider = Client::new(&issuer).with("content-type", "application/x-www-form-urlencoded");
    let form =
        format!("grant_type=client_credentials&client_id=credentials&client_secret={secret}&{parameters}");
    let granted = provider.post_text("/oauth/token", &form).await.expect(200);
    granted["access_token"].as_str().unwrap().to_owned()
}

#[test]
fn a_good_token_with_the_key_gets_in() {
    run(|world| async move {
        let token = token(world, "email=Someone.Else@SmartphoneKey.com").await;
        let registered = json!({"orgName": "By Someone", "ownerEmail": "owner@by-someone.com"});
        let _ = world.with_token(&token).post("/tenants/by-someone/register", &registered).await.expect(201);
        let tenant = world.admin().get("/tenants/by-someone").await.expect(200);
        let by = tenant["createdBy"].as_str().unwrap();
        assert!(by.eq_ignore_ascii_case("someone.else@smartphonekey.com"), "{by}");
    });
}

#[test]
fn a_good_token_of_somebody_else_is_forbidden() {
    run(|world| async move {
        let stranger = world.stack().credentials(Some("someone@example.com")).unwrap().admin_jwt;
        let unverified = token(world, "email=someone@smartphonekey.com&email_verified=false").await;
        let look_alike = token(world, "email=someone@notsmartphonekey.com").await;
        let below = token(world, "email=someone@mail.smartphonekey.com").await;
        for token in [stranger, unverified, look_alike, below] {
            let answer = world.with_token(&token).get("/tenants").await;
            assert_eq!(answer.expect(403)["error"], "email_domain_not_allowed");
        }
    });
}

#[test]
fn half_of_the_credentials_and_tampered_ones_are_one_and_the_same_refusal() {
    run(|world| async move {
        let good = &world.credentials().admin_jwt;
        let parts: Vec<&str> = good.split('.').collect();
        let (header, claims, signature) = (parts[0], parts[1], parts[2]);
        let encode = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let flipped = if signature.starts_with('A') { "B" } else { "A" };
        let mut other_claims: Value =
            serde_json::from_slice(&URL_SAFE_NO_PAD.decode(claims).unwrap()).unwrap();
        other_claims["email"] = json!("ceo@smartphonekey.com");
        let key_id =
            serde_json::from_slice::<Value>(&URL_SAFE_NO_PAD.decode(header).unwrap()).unwrap()["kid"].clone();
        let tampered = [
            format!("{header}.{claims}.{flipped}{}", &signature[1..]),
            format!("{header}.{claims}."),
            format!("{header}.{claims}"),
            format!("{header}.{}.{signature}", encode(&other_claims)),
            format!("{}.{claims}.", encode(&json!({"alg": "none", "typ": "JWT"}))),
            format!("{}.{claims}.", encode(&json!({"alg": "nOnE", "kid": key_id}))),
            format!("{}.{claims}.{signature}", encode(&json!({"alg": "HS256", "kid": key_id}))),
            format!("{}.{claims}.{signature}", encode(&json!({"alg": "RS256", "kid": "unknown"}))),
            good.replace('.', " "),
            "x".repeat(20_000),
        ];
        let mut refused = vec![
            world.admin_api().get("/tenants").await,
            world.admin_api().with("authorization", &format!("Bearer {good}")).get("/tenants").await,
            world
                .admin_api()
                .with("x-admin-api-key", &world.credentials().admin_api_key)
                .get("/tenants")
                .await,
            world.admin().with("x-admin-api-key", "wrong").get("/tenants").await,
            world.admin().with("authorization", &format!("Basic {good}")).get("/tenants").await,
        ];
        for token in tampered {
            refused.push(world.with_token(&token).get("/tenants").await);
        }
        for answer in &refused {
            assert_eq!(answer.status, 401, "{answer:?}");
            assert_eq!(answer.without_request_id(), refused[0].without_request_id());
            assert_eq!(answer.json()["error"], "unauthorized");
        }
    });
}

#[test]
fn what_is_not_there_is_told_to_those_who_may_know() {
    run(|world| async move {
        let _ = world.admin_api().get("/no/such/path").await.expect(401);
        assert_eq!(world.admin().get("/no/such/path").await.expect(404)["error"], "not_found");
        assert_eq!(world.admin().delete("/tenants").await.expect(405)["error"], "method_not_allowed");
        let _ = world.admin_api().delete("/tenants").await.expect(401);
        let _ = world.delivery().get("/no/such/path").await.expect(401);
        let _ = world.event_bridge().get("/no/such/path").await.expect(404);
        assert_eq!(world.admin_api().get("/health").await.expect(200)["status"], "ok");
        assert_eq!(world.delivery().get("/health").await.expect(200)["status"], "ok");
    });
}
