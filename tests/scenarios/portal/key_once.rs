//! The API key is in one response, which is shown once.

use http::Method;
use tests::browser::Browser;
use tests::world::run;

use super::Partner;

#[test]
fn the_key_is_shown_once_whatever_buttons_are_pressed() {
    run(|world| async move {
        let (partner, browser) = (Partner::new(world), Browser::start(world).await);
        browser.sign_in(&partner.email).await;
        browser.register(&partner.org_id, "Acme Corporation").await;
        browser.sees(".unread", "Nobody has seen the new key yet.").await;
        browser.look("dashboard-unread").await;
        let key = browser.open_key().await;
        let masked = format!("{}…{}", &key[..8], &key[36..]);
        browser.look("key").await;

        let tab = browser.source_in_another_tab("/dashboard").await;
        assert!(tab.contains(&masked) && !tab.contains(&key), "another tab");
        browser.open("/no/such/page").await;
        for button in ["back", "forward", "back", "reload", "forward"] {
            match button {
                "back" => browser.back().await,
                "forward" => browser.forward().await,
                _ => browser.reload().await,
            }
            assert!(!browser.source().await.contains(&key), "{button}");
        }
        browser.open("/dashboard").await;
        browser.sees("section[aria-labelledby=api-key] code", &masked).await;
        assert!(!browser.source().await.contains(&key), "the dashboard anew");
        assert!(!browser.cookies().await.contains(&unread(&partner)));
    });
}

/// The name of the cookie that opens the partner's key.
fn unread(partner: &Partner) -> String {
    format!("__Host-unread-key-{}", partner.org_id)
}

#[test]
fn the_cookie_that_opens_a_key_opens_it_once() {
    run(|world| async move {
        let (partner, browser) = (Partner::new(world), Browser::start(world).await);
        browser.sign_in(&partner.email).await;
        browser.register(&partner.org_id, "Acme Corporation").await;
        browser.is_at("/dashboard").await;
        let name = unread(&partner);
        let cookies = browser.cookies().await;
        let cookie = cookies.split("; ").find_map(|pair| pair.strip_prefix(&name)?.strip_prefix('='));
        let cookie = cookie.expect("the cookie that opens the key").to_owned();
        let csrf = browser.value("form[action='/api-key/reveal'] input[name=csrf]").await;
        let key = browser.reveal_key().await;
        assert_eq!(partner.status_of_key(&key).await, 200);

        // The browser has the cookie again, and somebody else has it, too.
        browser.put_cookie(&name, &cookie).await;
        browser.reload().await;
        browser.sees("section[aria-labelledby=api-key] code", &format!("{}…{}", &key[..8], &key[36..])).await;
        let source = browser.source().await;
        assert!(!source.contains(&key) && !source.contains("/api-key/reveal"), "the browser's replay");
        let replayed =
            world.portal().with("cookie", &format!("{}; {name}={cookie}", browser.cookies().await));
        let form = replayed.with("content-type", "application/x-www-form-urlencoded");
        let body = format!("csrf={csrf}&orgId={}", partner.org_id).into_bytes();
        let answer = form.send(Method::POST, "/api-key/reveal", Some(body)).await;
        assert!(answer.status == 303 && !answer.text.contains(&key), "another's replay: {}", answer.text);
    });
}
