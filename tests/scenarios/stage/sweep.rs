//! Tokens of the issuer, tokens of the portal, hosts and header names that nobody should get through with, sent to the running
//! Workers. The same kinds are tried natively, with more members of each.

use edge::testing::{TestKey, Token};
use local::clock::milliseconds;
use serde_json::json;
use tests::tenant::Tenant;
use tests::world::World;

/// The claims of Auth0's access tokens, as `ADMIN_EMAIL_CLAIM` names them in stage.
const EMAIL: &str = "https://smartphonekey.com/email";
const VERIFIED: &str = "https://smartphonekey.com/email_verified";
const OWNER: &str = "Owner@Swept-Corp.com";

/// What is tried, and the token.
type Case = (&'static str, Token);

/// Requires that the issuer's tokens get in if all their claims are right, and that every other token gets the one refusal.
pub(super) async fn tokens_of_the_issuer(world: &World) {
    let (key, now) = (world.issuer_key(), milliseconds() / 1_000);
    let claims = json!({
        "iss": world.credentials().issuer, "aud": "https://admin-api.smartphonekey.com", "sub": "auth0|1", "iat": now, "exp": now + 3_600,
        EMAIL: "someone@smartphonekey.com", VERIFIED: true,
    });
    let good = || Token::rs256(&claims).header("kid", key.id);
    let sign = |token: Token| token.signed_with(|signed| key.sign_rs256(signed));
    for (what, token) in [
        ("as Auth0 makes them", good()),
        ("typ of an access token", good().header("typ", "at+jwt")),
        ("a parameter that says nothing", good().header("x", "y")),
        (
            "an audience among others",
            good().claim("aud", json!([claims["aud"], "https://x.example/userinfo"])),
        ),
    ] {
        let answer = world.with_token(&sign(token)).get("/tenants").await;
        assert_eq!(answer.status, 200, "{what}: {}", answer.text);
    }
    let refusal = world.with_token("no-token").get("/tenants").await.without_request_id();
    let headers: [Case; 16] = [
        ("alg none", good().header("alg", "none")),
        ("alg in lower case", good().header("alg", "rs256")),
        ("PS256", good().header("alg", "PS256")),
        ("HS256 with a signature of RSA", good().header("alg", "HS256")),
        ("a key of its own", good().header("jwk", key.jwk())),
        ("a URL of keys", good().header("jku", "https://keys.example.com/")),
        ("a certificate", good().header("x5c", json!(["MIIB"]))),
        ("a critical extension", good().header("crit", json!(["exp"]))),
        ("b64", good().header("b64", false)),
        ("zip", good().header("zip", "DEF")),
        ("cty", good().header("cty", "JWT")),
        ("typ of a logout token", good().header("typ", "logout+jwt")),
        ("a key that is not there", good().header("kid", "unknown")),
        ("a key that is a path", good().header("kid", "../../keys")),
        ("a key that is a number", good().header("kid", 1)),
        ("a parameter twice", good().header_text(|text| text.replacen('{', r#"{"alg":"none","#, 1))),
    ];
    let claimed: [Case; 19] = [
        ("no exp", good().without_claim("exp")),
        ("exp as text", good().claim("exp", (now + 60).to_string())),
        ("exp with a fraction", good().claim("exp", 0.5 + 4_000_000_000.0)),
        (
            "exp beyond all numbers",
            good().claims_text(|text| text.replace(&(now + 3_600).to_string(), "1e400")),
        ),
        ("exp as a power", good().claims_text(|text| text.replace(&(now + 3_600).to_string(), "2e9"))),
        ("exp below zero", good().claim("exp", -1)),
        ("exp as a list", good().claim("exp", json!([now + 60]))),
        ("exp passed", good().claim("iat", now - 3_600).claim("exp", now - 61)),
        ("exp not after iat", good().claim("exp", now)),
        ("a life above an hour", good().claim("exp", now + 3_602)),
        ("iat to come", good().claim("iat", now + 120)),
        ("no iat", good().without_claim("iat")),
        ("nbf to come", good().claim("nbf", now + 120)),
        ("another issuer", good().claim("iss", "https://issuer.example.com/")),
        ("the issuer as a list", good().claim("iss", json!([claims["iss"]]))),
        ("another audience", good().claim("aud", "another")),
        ("the audience in a list of a list", good().claim("aud", json!([[claims["aud"]]]))),
        ("a claim twice", good().claims_text(|text| text.replacen('{', r#"{"sub":"another","#, 1))),
        ("claims deeper than any", good().claim("x", (0..200).fold(json!(1), |inner, _| json!([inner])))),
    ];
    for (what, token) in headers.into_iter().chain(claimed) {
        let answer = world.with_token(&sign(token)).get("/tenants").await;
        assert_eq!((answer.status, answer.without_request_id()), (401, refusal.clone()), "{what}");
    }
    let token = sign(good());
    let (signed, signature) = token.rsplit_once('.').unwrap();
    let (head, body) = signed.split_once('.').unwrap();
    for (what, token) in [
        ("padding", format!("{token}==")),
        ("padding in front", format!("{head}=.{body}.{signature}")),
        ("no signature", format!("{signed}.")),
        ("detached claims", format!("{head}..{signature}")),
        ("a fourth part", format!("{token}.{signature}")),
        ("parts in another order", format!("{body}.{head}.{signature}")),
        ("a stranger's signature", good().signed_with(|signed| TestKey::second().sign_rs256(signed))),
        ("another hash", good().signed_with(|signed| key.sign_rs384(signed))),
        ("PSS", good().signed_with(|signed| key.sign_ps256(signed))),
        (
            "the portal's secret",
            good().header("alg", "HS256").signed_hs256(&world.secret("SERVICE_JWT_SECRET")),
        ),
        ("the public key as secret", good().header("alg", "HS256").signed_hs256(&hex_of(&key.modulus()))),
    ] {
        let answer = world.with_token(&token).get("/tenants").await;
        assert_eq!((answer.status, answer.without_request_id()), (401, refusal.clone()), "{what}");
    }
    for email in [
        json!("someone@sub.smartphonekey.com"),
        json!("someone@notsmartphonekey.com"),
        json!("someone@smartphonekey.com.example.com"),
        json!("someone@smartphonekey.com."),
        json!("someone@smartphone\u{212a}ey.com"),
        json!("a@b@smartphonekey.com"),
        json!(["someone@smartphonekey.com"]),
        json!(null),
    ] {
        let answer = world.with_token(&sign(good().claim(EMAIL, email.clone()))).get("/tenants").await;
        assert_eq!(answer.expect(403)["error"], "email_domain_not_allowed", "{email}");
    }
    for verified in [json!(false), json!("true"), json!(1), json!(null)] {
        let answer = world.with_token(&sign(good().claim(VERIFIED, verified))).get("/tenants").await;
        assert_eq!(answer.expect(403)["error"], "email_domain_not_allowed");
    }
    let unsaid = sign(good().without_claim(VERIFIED));
    assert_eq!(world.with_token(&unsaid).get("/tenants").await.status, 403, "outside local it must be said");
}

fn hex_of(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Requires that the portal's tokens speak for one member, on the portal's routes, for a minute.
pub(super) async fn tokens_of_the_portal(world: &World) {
    let (secret, now) = (world.secret("SERVICE_JWT_SECRET"), milliseconds() / 1_000);
    let registered = json!({"orgName": "Swept", "ownerEmail": OWNER});
    let _ = world.admin().post("/tenants/swept-corp/register", &registered).await.expect(201);
    let claims = json!({
        "iss": "partner-portal", "aud": "admin-api", "iat": now, "exp": now + 60, "email": "partner-portal@smartphonekey.com", "act": OWNER,
    });
    let good = || Token::hs256(&claims);
    let portal = |token: Token| world.with_token(&token.signed_hs256(&secret));
    let _ = portal(good()).get("/tenants/swept-corp").await.expect(200);
    let refused: [Case; 16] = [
        ("a life above a minute", good().claim("exp", now + 120)),
        ("iat to come", good().claim("iat", now + 30)),
        ("no iat", good().without_claim("iat")),
        ("no exp", good().without_claim("exp")),
        ("exp passed", good().claim("iat", now - 200).claim("exp", now - 140)),
        ("exp as text", good().claim("exp", (now + 60).to_string())),
        ("another issuer", good().claim("iss", "portal")),
        ("another audience", good().claim("aud", "partner-portal")),
        ("another address of ours", good().claim("email", "someone@smartphonekey.com")),
        ("no person", good().without_claim("act")),
        ("a list of people", good().claim("act", json!([OWNER]))),
        ("an object, as RFC 8693 has it", good().claim("act", json!({"sub": OWNER}))),
        ("a person with a space", good().claim("act", format!("{OWNER} "))),
        ("HS512", good().header("alg", "HS512")),
        ("a critical extension", good().header("crit", json!(["exp"]))),
        ("a person twice", good().claims_text(|text| text.replacen('{', r#"{"act":"x@y.example","#, 1))),
    ];
    for (what, token) in refused {
        let answer = portal(token).get("/tenants/swept-corp").await;
        assert_eq!(answer.status, 401, "{what}: {}", answer.text);
    }
    let before = world.admin().get("/tenants/swept-corp/transitions").await.expect(200);
    let org = "/tenants/swept-corp";
    for person in [
        "nobody@x.example",
        "owner@swept-corp.co",
        "owner@swept-corp.com.x.example",
        "%",
        "someone@smartphonekey.com",
    ] {
        let stranger = portal(good().claim("act", person));
        for path in [
            org.to_owned(),
            format!("{org}/webhooks"),
            format!("{org}/members"),
            format!("{org}/transitions"),
        ] {
            let status = stranger.get(&path).await.status;
            assert!([401, 404].contains(&status), "{person} {path}: {status}");
        }
        for (path, body) in [
            ("/api-keys".to_owned(), json!({"orgId": "swept-corp"})),
            ("/api-keys/swept-corp/rotate".to_owned(), json!({})),
            (format!("{org}/webhooks"), json!({"url": "https://hooks.swept-corp.com/"})),
        ] {
            let status = stranger.post(&path, &body).await.status;
            assert!([401, 404].contains(&status), "{person} {path}: {status}");
        }
    }
    for path in [org.to_owned(), "/api-keys/swept-corp".to_owned(), "/no/such/path".to_owned()] {
        assert_eq!(portal(good()).delete(&path).await.expect(403)["error"], "not_for_the_portal", "{path}");
    }
    for path in ["/webhook-health", "/dead-letters", "/api-keys?orgId=swept-corp"] {
        assert_eq!(portal(good()).get(path).await.expect(403)["error"], "not_for_the_portal", "{path}");
    }
    for id in ["admin", "api", "www", "spk", "smartphonekey", "spk-x", "smartphonekey-x"] {
        let body = json!({"orgName": "Mine", "ownerEmail": OWNER});
        let answer = portal(good()).post(&format!("/tenants/{id}/register"), &body).await;
        assert_eq!(answer.expect(409)["error"], "org_id_reserved", "{id}");
    }
    assert_eq!(world.admin().get("/tenants/swept-corp/transitions").await.expect(200), before);
}

/// Requires that a webhook's URL names a public host that somebody has registered, and its token's header a credential.
pub(super) async fn hosts_and_header_names(world: &World, tenant: &Tenant) {
    let (admin, webhooks) = (world.admin(), format!("/tenants/{}/webhooks", tenant.org_id));
    let hosts = "
        127.1 0x7f.1 2130706433 [::1] [::ffff:127.0.0.1] １２７.０.０.１ 1.2.3.4.5 example.0x1 localhost a.localhost ⓛocalhost printer.local
        metadata.google.internal metadata.tencentyun.com kubernetes.default.svc.cluster.local x.zz x.test x.home.arpa co.uk ＣＯ.ＵＫ 公司.cn
        xn--55qx5d.cn github.io a.run.app eu-central-1.compute.amazonaws.com anything.ck smartphonekey.com smartphone\u{212a}ey.com
        x.spk-prod.workers.dev 127-0-0-1.example.com x.192.168.0.1.example.com 10.0.0.1.nip.io a.lvh.me x.localh.st hooks.acme.com. a..b.com
        a_b.com user@acme.com acme.com:22 acme.com:0 acme.com#x";
    for host in hosts.split_whitespace() {
        let answer = admin.post(&webhooks, &json!({"url": format!("https://{host}/hook")})).await;
        assert!(answer.expect(400)["fields"]["url"].is_string(), "{host}: {}", answer.text);
    }
    let names = "
        X-Forwarded-Access-Token X_Remote_User_Token X.Auth.Request.Token X-MS-Token-Aad-Id-Token X-Amzn-Oidc-Accesstoken Cf-Access-Token
        X-Goog-Iap-Token X-Clerk-Auth-Token X-Vouch-Token GAP-Auth X-CommonAccessToken X-SsoToken XJwtToken X-Pre-Auth X-Trust-Key
        MS-ASPNETCORE-TOKEN X-Atlassian-Token X-Kong-Key X-Team Webhook-Secret Content-Token Proxy-Auth Idempotency-Key";
    for name in names.split_whitespace() {
        let auth = json!({"type": "apiKeyHeader", "headerName": name});
        let answer =
            admin.post(&webhooks, &json!({"url": "https://hooks.acme-corp.com/", "auth": auth})).await;
        let fault = answer.expect(400)["fields"].to_string();
        assert!(fault.contains("choose X-Api-Key or X-Webhook-Token"), "{name}: {}", answer.text);
    }
}
