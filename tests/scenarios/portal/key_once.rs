//! The API key is in one response, which is shown once.

use http::Method;
use tests::browser::Browser;
use tests::world::run;

use super::Partner;

const UNREAD: &str = "__Host-unread-key";

#[test]
fn the_key_is_shown_once_whatever_buttons_are_pressed() {
    run(|world| async move {
        let (partner, browser) = (Partner::new(world), Browser::start(world).await);
        browser.sign_in(&partner.email).await;
        browser.register(&partner.org_id, "Acme Corporation").await;
        let key = browser.reveal_key().await;
        let masked = format!("{}…{}", &key[..8], &key[36..]);
        browser.look("dashboard-revealed").await;

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
        assert!(!browser.cookies().await.contains(UNREAD));
    });
}

#[test]
fn the_cookie_that_opens_a_key_opens_it_once() {
    run(|world| async move {
        let (partner, browser) = (Partner::new(world), Browser::start(world).await);
        browser.sign_in(&partner.email).await;
        browser.register(&partner.org_id, "Acme Corporation").await;
        let _ = browser.reveal_key().await;

        // Somebody with this browser's session gets the answer to the rotation.
        let csrf = browser.value("form[action='/api-key/rotate'] input[name=csrf]").await;
        let session = browser.cookies().await;
        let listener = world.portal().with("cookie", &session);
        let form = listener.clone().with("content-type", "application/x-www-form-urlencoded");
        let body = format!("csrf={csrf}&orgId={}", partner.org_id).into_bytes();
        let rotated = form.send(Method::POST, "/api-key/rotate", Some(body)).await;
        assert_eq!(rotated.status, 303, "{}", rotated.text);
        let cookies = rotated.headers.get_all("set-cookie").iter().map(|value| value.to_str().unwrap());
        let unread = cookies
            .filter_map(|cookie| cookie.strip_prefix(UNREAD)?.strip_prefix('=')?.split(';').next())
            .find(|value| !value.is_empty());
        let unread = unread.expect("the cookie that opens the key").to_owned();

        browser.put_cookie(UNREAD, &unread).await;
        browser.open("/dashboard").await;
        let key = browser.reveal_key().await;
        assert_eq!(partner.status_of_key(&key).await, 200);
        browser.put_cookie(UNREAD, &unread).await;
        browser.reload().await;
        browser.sees("section[aria-labelledby=api-key] code", &format!("{}…{}", &key[..8], &key[36..])).await;
        assert!(!browser.source().await.contains(&key), "the browser's replay");
        let replayed = world.portal().with("cookie", &format!("{session}; {UNREAD}={unread}"));
        let page = replayed.get("/dashboard").await;
        assert!(page.status == 200 && !page.text.contains(&key), "another's replay");
    });
}
