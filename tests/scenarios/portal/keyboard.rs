//! Without a mouse: everything is reached by Tab, and the focus can be seen.

use serde_json::Value;
use tests::browser::Browser;
use tests::world::run;
use thirtyfour::Key;

use super::Partner;

/// More stops than any page has.
const MOST_STOPS: usize = 40;

/// The element that has the focus, and whether the focus can be seen.
const FOCUS: &str = r#"
const one = document.activeElement, style = getComputedStyle(one), box = one.getBoundingClientRect();
const names = [one.id && `#${one.id}`, one.getAttribute("href"), one.form && one.form.getAttribute("action"), one.textContent.trim()];
return {
  name: one === document.body ? "" : [one.localName, ...names.filter(Boolean)].join(" "),
  outlined: style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2,
  inView: box.width > 0 && box.right > 0 && box.bottom > 0 && box.left < innerWidth && box.top < innerHeight,
};
"#;

/// Presses Tab until the focus is on an element with this text in its name. Returns the names of all elements that had it.
async fn tab_to(browser: &Browser, wanted: &str) -> Vec<String> {
    let mut stops = Vec::new();
    while stops.len() < MOST_STOPS {
        browser.press(Key::Tab).await;
        let focus: Value = browser.script(FOCUS, vec![]).await;
        let name = focus["name"].as_str().unwrap().to_owned();
        assert!(name.is_empty() || focus["outlined"] == true, "the focus on {name} is not visible");
        assert!(name.is_empty() || focus["inView"] == true, "{name} has the focus out of view");
        let found = name.contains(wanted);
        stops.push(name);
        if found {
            return stops;
        }
    }
    panic!("Tab does not reach {wanted}: {stops:#?}");
}

#[test]
fn a_partner_is_onboarded_by_keyboard() {
    run(|world| async move {
        let (partner, browser) = (Partner::new(world), Browser::start(world).await);
        browser.open("/").await;
        let stops = tab_to(&browser, "/login").await;
        assert_eq!(stops[0], "a #main Skip to the content", "first of all, past the top bar");
        browser.press(Key::Enter).await;
        browser.sees("h1", "Sign in").await;
        browser.types(&partner.email).await;
        browser.press(Key::Enter).await;
        browser.is_at("/onboarding").await;

        let _ = tab_to(&browser, "#orgId").await;
        browser.types(&partner.org_id).await;
        let _ = tab_to(&browser, "#orgName").await;
        browser.types("Acme Corporation").await;
        let _ = tab_to(&browser, "button /onboarding").await;
        browser.press(Key::Enter).await;
        browser.sees("h1", "Acme Corporation").await;

        let _ = tab_to(&browser, "Reveal API key").await;
        browser.press(Key::Enter).await;
        let key = browser.text("#key").await;
        assert_eq!(partner.status_of_key(&key).await, 200);
        let _ = tab_to(&browser, "#copy").await;
        browser.press(Key::Enter).await;
        browser.sees("#copied", "Copied.").await;
        assert_eq!(browser.clipboard().await, key);
        let _ = tab_to(&browser, "I have saved the key").await;
        browser.press(Key::Enter).await;
        browser.sees("h1", "Acme Corporation").await;
        let _ = tab_to(&browser, "#url").await;
        browser.types(&partner.inbox_url("keys")).await;
        browser.press(Key::Enter).await;
        browser.sees(".current code", &partner.inbox_url("keys")).await;

        let stops = tab_to(&browser, "Rotate API key…").await;
        for form in ["Sign out", "#eventType", "/webhook/test", "/webhook/secret", "#url", "Change URL"] {
            assert!(stops.iter().any(|stop| stop.contains(form)), "{form} is not among {stops:#?}");
        }
        browser.open("/dashboard").await;
        let _ = tab_to(&browser, "button /webhook/test").await;
        browser.press(Key::Enter).await;
        let _ = partner.inbox_has("keys", 1).await;
        browser.sees("h1", "Delivered").await;
        browser.open("/dashboard").await;

        // A question is answered by keyboard too, and what the question hides is no stop before.
        let stops = tab_to(&browser, "Rotate API key…").await;
        browser.press(Key::Enter).await;
        assert!(!stops.iter().any(|stop| stop.contains("Yes, rotate")));
        let _ = tab_to(&browser, "Yes, rotate API key").await;
        let stops = tab_to(&browser, "/deliveries/").await;
        assert!(stops.iter().any(|name| name.contains("Show the numbers as a table")), "{stops:#?}");
        assert!(!stops.iter().any(|name| name.starts_with("div")), "nothing scrolls: {stops:#?}");
        browser.press(Key::Enter).await;
        browser.sees("h1", "Delivered").await;
        let _ = tab_to(&browser, "Sign out").await;
        browser.press(Key::Enter).await;
        browser.sees("[role=status]", "You are signed out.").await;
    });
}
