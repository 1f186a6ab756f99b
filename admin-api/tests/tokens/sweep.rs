//! Tries of an attacker who has the portal's secret, or a token of our issuer, and plays with their forms.

use edge::testing::Token;
use serde_json::{Value, json};

use super::is_refused;
use crate::support::{SERVICE_SECRET, TestApp, token_of_admin, token_of_portal};

const OWNER: &str = "owner@example.com";
const STRANGER: &str = "nobody@x.example";

/// A service token whose person is any value.
fn acting(app: &TestApp, person: impl Into<Value>) -> String {
    token_of_portal(&app.clock, STRANGER).claim("act", person.into()).signed_hs256(SERVICE_SECRET)
}

#[tokio::test]
async fn no_writing_of_a_path_or_a_method_leads_a_stranger_to_a_tenant() {
    let app = TestApp::default();
    app.given_tenant("acme-corp").await;
    let webhook = app.given_webhook("acme-corp").await;
    let before = app.database.dump();
    let paths = [
        "/tenants/acme-corp",
        "/tenants/acme-corp/",
        "/tenants//acme-corp",
        "//tenants/acme-corp",
        "/tenants/ACME-CORP",
        "/tenants/acme%2Dcorp",
        "/tenants/acme%2dcorp",
        "/tenants/acme-corp%2F",
        "/tenants/acme-corp%2fwebhooks",
        "/tenants%2Facme-corp",
        "/tenants/./acme-corp",
        "/tenants/x-corp/../acme-corp",
        "/tenants/x-corp/%2e%2e/acme-corp",
        "/tenants/x-corp%2f..%2facme-corp",
        "/tenants/acme-corp;x=1",
        "/tenants/acme-corp%00",
        "/tenants/acme-corp%20",
        "/tenants/acme-corp?orgId=x-corp",
        "/tenants/acme-corp?act=owner@example.com",
        "/Tenants/acme-corp",
        "/tenants/%61cme-corp",
        "/tenants/acme-corp/webhooks",
        "/tenants/acme-corp/webhooks/",
        "/tenants/acme-corp/members",
        "/tenants/acme-corp/transitions",
        "/api-keys?orgId=acme-corp",
        "/api-keys/?orgId=acme-corp",
        "/api-keys?orgId=x-corp&orgId=acme-corp",
        "/api-keys/acme-corp",
        &webhook,
        &format!("{webhook}/"),
        &format!("{webhook}/rotate-secret"),
    ];
    for path in paths {
        for method in ["GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE", "TRACE", "PROPFIND", "get"]
        {
            let caller = app.portal(STRANGER);
            for caller in [
                caller.request(method, path),
                caller
                    .request(method, path)
                    .header("x-http-method-override", "DELETE")
                    .header("x-original-url", "/tenants/acme-corp")
                    .header("x-forwarded-user", OWNER)
                    .header("act", OWNER),
            ] {
                let answer = caller.send().await;
                assert!(answer.status.is_client_error(), "{method} {path}: {}", answer.text);
                assert!(!answer.text.contains("example.com"), "{method} {path}: {}", answer.text);
            }
        }
    }
    assert_eq!(app.database.dump(), before);
}

#[tokio::test]
async fn no_writing_of_an_address_passes_for_the_owner_s() {
    let app = TestApp::default();
    app.given_tenant("acme-corp").await;
    for same in [OWNER, "OWNER@EXAMPLE.COM", "Owner@Example.com"] {
        app.bearer(&acting(&app, same)).get("/tenants/acme-corp").await.is(200);
    }
    for other in [
        json!(" owner@example.com"),
        json!("owner@example.com "),
        json!("owner@example.com\n"),
        json!("owner@example.com\0"),
        json!("owner@example.com."),
        json!("owner@example.com,nobody@x.example"),
        json!("nobody@x.example owner@example.com"),
        json!("owner@example.com@x.example"),
        json!("owner+x@example.com"),
        json!("own.er@example.com"),
        json!("\"owner\"@example.com"),
        json!("owner(x)@example.com"),
        json!("<owner@example.com>"),
        json!("mailto:owner@example.com"),
        json!("own\u{435}r@example.com"),
        json!("owner@ex\u{430}mple.com"),
        json!("owner@\u{ff45}xample.com"),
        json!("owner\u{ff20}example.com"),
        json!("owner@example\u{3002}com"),
        json!("owner\u{200b}@example.com"),
        json!("owner\u{ad}@example.com"),
        json!("owner@example.co\u{1d0d}"),
        json!("%6fwner@example.com"),
        json!("owner%@example.com"),
        json!("%"),
        json!("_wner@example.com"),
        json!("' OR 1=1 --@example.com"),
        json!([OWNER]),
        json!({"email": OWNER}),
        json!(true),
        json!(1),
    ] {
        let token = acting(&app, other.clone());
        for path in ["/tenants/acme-corp", "/tenants"] {
            let answer = app.bearer(&token).get(path).await;
            let is_empty = answer.status == 200 && path == "/tenants" && answer.body["total"] == 0;
            assert!([401, 404].contains(&answer.status.as_u16()) || is_empty, "{other}: {}", answer.text);
            assert!(!answer.text.contains("acme"), "{other}: {}", answer.text);
        }
    }
}

#[tokio::test]
async fn no_form_of_a_token_says_more_than_its_claims() {
    let app = TestApp::default();
    let admin = || token_of_admin(&app.clock);
    let with = |change: &dyn Fn(Token) -> Token| change(admin()).signed();
    for (what, token) in [
        ("crit", with(&|token| token.header("crit", json!(["exp"])))),
        ("crit without a name", with(&|token| token.header("crit", json!([])))),
        ("crit of b64", with(&|token| token.header("crit", json!(["b64"])).header("b64", false))),
        ("b64", with(&|token| token.header("b64", false).header("crit", json!(["b64"])))),
        ("alg as a list", with(&|token| token.header("alg", json!(["RS256"])))),
        ("alg in lower case", with(&|token| token.header("alg", "rs256"))),
        ("alg with a space", with(&|token| token.header("alg", "RS256 "))),
        ("alg null", with(&|token| token.header("alg", Value::Null))),
        ("PS256", with(&|token| token.header("alg", "PS256"))),
        ("exp beyond all numbers", with(&|token| token.claim("exp", 1e308))),
        ("exp negative", with(&|token| token.claim("exp", -1))),
        ("exp as text", with(&|token| token.claim("exp", "9999999999"))),
        ("exp as a list", with(&|token| token.claim("exp", json!([9_999_999_999_u64])))),
        ("iat as an object", with(&|token| token.claim("iat", json!({})))),
        ("iat negative", with(&|token| token.claim("iat", -1e18))),
        ("iss as a list", with(&|token| token.claim("iss", json!(["https://issuer.smartphonekey.test/"])))),
        ("aud as an object", with(&|token| token.claim("aud", json!({"aud": "x"})))),
        ("a huge claim", with(&|token| token.claim("x", "y".repeat(20_000)))),
        ("a deep claim", with(&|token| token.claim("x", (0..200).fold(json!(1), |inner, _| json!([inner]))))),
        ("a token within a token", with(&|token| token.header("cty", "JWT").claim("exp", Value::Null))),
        ("typ of an ID token for somebody else", with(&|token| token.claim("aud", "another-client"))),
        ("kid as a path", with(&|token| token.header("kid", "../../dev/null"))),
        ("kid as SQL", with(&|token| token.header("kid", "x' UNION SELECT 'key"))),
        ("kid as a list", with(&|token| token.header("kid", json!(["key-1"])))),
        ("zip", with(&|token| token.header("zip", "DEF").claim("exp", Value::Null))),
        ("zip and claims as they are", with(&|token| token.header("zip", "DEF"))),
        ("cty and claims as they are", with(&|token| token.header("cty", "JWT"))),
        ("enc", with(&|token| token.header("enc", "A256GCM"))),
        ("typ of a logout token", with(&|token| token.header("typ", "logout+jwt"))),
        ("typ of a proof of possession", with(&|token| token.header("typ", "dpop+jwt"))),
        ("typ of a security event", with(&|token| token.header("typ", "secevent+jwt"))),
        ("typ of encryption", with(&|token| token.header("typ", "JWE"))),
        ("typ empty", with(&|token| token.header("typ", ""))),
        ("typ as a list", with(&|token| token.header("typ", json!(["JWT"])))),
        ("typ null", with(&|token| token.header("typ", Value::Null))),
    ] {
        is_refused(&app, what, &token).await;
    }
    let token = admin().signed();
    let (head, rest) = token.split_once('.').unwrap();
    let (claims, signature) = rest.split_once('.').unwrap();
    for (what, token) in [
        ("padding", format!("{head}=.{claims}.{signature}")),
        ("padding behind", format!("{token}=")),
        ("a dot behind", format!("{token}.")),
        ("a dot in front", format!(".{token}")),
        ("five parts", format!("{token}.{claims}.{signature}")),
        ("no signature", format!("{head}.{claims}.")),
        ("claims twice", format!("{head}.{claims}{claims}.{signature}")),
        ("parts in another order", format!("{claims}.{head}.{signature}")),
        ("a line end", format!("{head}.{claims}\t.{signature}")),
        (
            "the other alphabet",
            format!("{head}.{claims}.{}", signature.replace('-', "+").replace('_', "/") + "+"),
        ),
        (
            "JSON serialization",
            format!("{{\"payload\":\"{claims}\",\"protected\":\"{head}\",\"signature\":\"{signature}\"}}"),
        ),
    ] {
        is_refused(&app, what, &token).await;
    }
}
