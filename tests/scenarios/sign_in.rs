//! Signing in on workerd with a provider that misbehaves, and a client that tampers with cookies and forms.
//!
//! The same cases run natively in `partner-portal/tests`; here WebCrypto verifies, workerd fetches, and D1 remembers.

use edge::testing::{Misbehaviour, bad_sign_ins};
use futures_util::future::join_all;
use http::Method;
use local::cookies::Cookies;
use local::stack::StackOptions;
use tests::client::{Answer, Client};
use tests::poll::{SOON, eventually};
use tests::provider::{CLIENT_ID, CLIENT_SECRET, Provider};
use tests::world::{World, run_alone};

/// So many requests at once.
const CROWD: usize = 12;
const EMAIL: &str = "owner@signing-in.com";
const SESSION: &str = "__Host-session";
const TRANSACTION: &str = "__Host-transaction-";

/// A client that keeps cookies, as a browser does.
#[derive(Clone)]
struct Visitor {
    portal: Client,
    cookies: Cookies,
}

impl Visitor {
    fn new(world: &World) -> Self {
        Self { portal: world.portal(), cookies: Cookies::default() }
    }

    async fn get(&mut self, path: &str) -> Answer {
        self.send(Method::GET, path, None).await
    }

    /// Sends a form as a browser does under `Referrer-Policy: no-referrer`.
    async fn post(&mut self, path: &str, form: &str) -> Answer {
        self.send(Method::POST, path, Some(form.as_bytes().to_vec())).await
    }

    async fn send(&mut self, method: Method, path: &str, body: Option<Vec<u8>>) -> Answer {
        let mut portal = self.portal.clone().with("cookie", &self.cookies.header());
        if body.is_some() {
            portal = portal
                .with("content-type", "application/x-www-form-urlencoded")
                .with("origin", "null")
                .with("sec-fetch-site", "same-origin");
        }
        let answer = portal.send(method, path, body).await;
        self.cookies.keep(&answer.headers);
        answer
    }

    /// Sends a form with the client's own headers only.
    async fn post_as_is(&self, path: &str, form: &str) -> Answer {
        let client = self.portal.clone().with("cookie", &self.cookies.header());
        let client = client.with("content-type", "application/x-www-form-urlencoded");
        client.send(Method::POST, path, Some(form.as_bytes().to_vec())).await
    }

    /// Goes to the provider. Returns the path to which the provider sends the person back.
    async fn visit(&mut self, provider: &Provider) -> String {
        let login = self.get("/login?return_to=/organizations").await;
        assert_eq!(login.status, 303, "{}", login.text);
        provider.sign_in(location(&login), EMAIL, true)
    }
}

fn location(answer: &Answer) -> &str {
    answer.headers.get("location").map(|value| value.to_str().unwrap()).unwrap_or_default()
}

fn csrf(page: &Answer) -> String {
    let (_, rest) = page.text.split_once("name=\"csrf\" value=\"").expect("a form");
    rest.split('"').next().unwrap().to_owned()
}

/// Requires that nobody is signed in, and that the page does not blame the portal.
async fn assert_anonymous(visitor: &mut Visitor, what: &str) {
    let page = visitor.get("/dashboard").await;
    assert_eq!(page.status, 303, "{what}: {}", page.text);
    assert!(location(&page).starts_with("/login?"), "{what}");
}

#[test]
fn a_provider_that_misbehaves_signs_nobody_in() {
    run_alone(async {
        let provider = Provider::start();
        let options = StackOptions::on_free_ports("test-sign-in").unwrap().fresh();
        let options = options
            .set("partner-portal", "AUTH0_ISSUER", provider.issuer())
            .set("partner-portal", "AUTH0_CLIENT_ID", CLIENT_ID)
            .set("partner-portal", "AUTH0_CLIENT_SECRET", CLIENT_SECRET);
        let world = World::start(options);

        // First a provider that behaves, so that each later refusal has its own reason.
        let mut good = Visitor::new(&world);
        let callback = good.visit(&provider).await;
        let signed_in = good.get(&callback).await;
        assert_eq!((signed_in.status, location(&signed_in)), (303, "/organizations"), "{}", signed_in.text);

        for bad in bad_sign_ins(CLIENT_ID, EMAIL) {
            let mut visitor = Visitor::new(&world);
            let callback = visitor.visit(&provider).await;
            provider.misbehave(bad.misbehaviour);
            let refused = visitor.get(&callback).await;
            assert_eq!(refused.status, bad.status, "{}: {}", bad.name, refused.text);
            assert!(!visitor.cookies.0.contains_key(SESSION), "{}", bad.name);
            assert_anonymous(&mut visitor, &bad.name).await;
        }

        callbacks_nobody_asked_for(&world, &provider).await;
        of_one_callback_in_two_browsers_one_counts(&world, &provider).await;
        tampered_cookies(&good, &provider).await;
        tampered_forms(good.clone()).await;
        forms_of_other_sites(&mut good).await;
        of_reveals_in_two_browsers_one_shows_the_key(&mut good).await;

        a_dashboard_asks_the_admin_api_once(&world, good).await;

        // The provider publishes one key, so a token need not name it.
        let mut visitor = Visitor::new(&world);
        let callback = visitor.visit(&provider).await;
        provider.misbehave(Misbehaviour::without_key_id());
        assert_eq!(visitor.get(&callback).await.status, 303);
        // The provider is away: the page says so, and leads on to where the person was going.
        let mut visitor = Visitor::new(&world);
        let callback = visitor.visit(&provider).await;
        provider.set_down(true);
        let page = visitor.get(&callback).await;
        assert_eq!(page.status, 503, "{}", page.text);
        assert!(page.text.contains("href=\"/login?return_to=%2Forganizations\""), "{}", page.text);
    });
}

/// Requires that each of these callbacks is a 400 and causes no token request.
async fn callbacks_nobody_asked_for(world: &World, provider: &Provider) {
    let mut visitor = Visitor::new(world);
    let callback = visitor.visit(provider).await;
    let (asked, state) = (provider.token_requests(), callback.split("state=").nth(1).unwrap());
    for (what, mut visitor, path) in [
        ("no state", visitor.clone(), "/callback?code=code-0".to_owned()),
        ("an empty state", visitor.clone(), "/callback?code=code-0&state=".to_owned()),
        ("another state", visitor.clone(), format!("{callback}x")),
        ("another browser", Visitor::new(world), callback.clone()),
        ("two codes", visitor.clone(), format!("{callback}&code=another")),
        ("markup", visitor.clone(), "/callback?error=%3Cscript%3Ealert(1)%3C/script%3E".to_owned()),
    ] {
        let page = visitor.get(&path).await;
        assert_eq!(page.status, 400, "{what}: {}", page.text);
        assert!(!page.text.contains("<script>"), "{what}");
    }
    let mut error = visitor.clone();
    let path = format!("/callback?state={state}&error=access_denied&error_description=%3Cb%3Eno%3C/b%3E");
    let page = error.get(&path).await;
    assert_eq!(page.status, 400, "{}", page.text);
    assert!(page.text.contains("&#60;b&#62;no") && !page.text.contains("<b>no"), "{}", page.text);
    // The state is used up by then, whatever cookie comes with it.
    assert_eq!(visitor.get(&callback).await.status, 400, "a state that was used");
    assert_eq!(provider.token_requests(), asked);
}

/// Requires that of one callback that two browsers with the same cookies load many times at once, one makes a session and asks for
/// a token.
async fn of_one_callback_in_two_browsers_one_counts(world: &World, provider: &Provider) {
    let mut visitor = Visitor::new(world);
    let callback = visitor.visit(provider).await;
    let asked = provider.token_requests();
    let load = async |mut browser: Visitor| {
        let answer = browser.get(&callback).await;
        (answer.status, browser)
    };
    let answers = join_all((0..CROWD).map(|_| load(visitor.clone()))).await;
    let (signed_in, refused): (Vec<_>, Vec<_>) = answers.into_iter().partition(|(status, _)| *status == 303);
    assert_eq!((signed_in.len(), refused.len()), (1, CROWD - 1));
    assert_eq!(provider.token_requests(), asked + 1);
    for (status, mut browser) in refused {
        assert_eq!(status, 400);
        assert!(!browser.cookies.0.contains_key(SESSION));
        assert_anonymous(&mut browser, "a callback that came second").await;
    }
}

/// Requires that of many reveals at once, from two browsers with the same session and the same key, one shows the key.
async fn of_reveals_in_two_browsers_one_shows_the_key(good: &mut Visitor) {
    let form = format!("csrf={}&orgId=foreign-corp", csrf(&good.get("/dashboard").await));
    let rotated = good.post("/api-key/rotate", &form).await;
    assert_eq!(rotated.status, 303, "{}", rotated.text);
    let reveal = async |mut browser: Visitor| browser.post("/api-key/reveal", &form).await;
    let answers = join_all((0..CROWD).map(|_| reveal(good.clone()))).await;
    let shown = answers.iter().filter(|answer| answer.text.contains("id=\"key\""));
    assert_eq!(shown.count(), 1);
    assert!(answers.iter().all(|answer| [200, 303].contains(&answer.status)));
}

/// Requires that a cookie of the portal that is changed in any way signs nobody in.
async fn tampered_cookies(good: &Visitor, provider: &Provider) {
    let mut leaving = good.clone();
    let callback = leaving.visit(provider).await;
    let name = format!("{TRANSACTION}{}", callback.split("state=").nth(1).unwrap());
    let transaction = leaving.cookies.0[&name].clone();
    let session = good.cookies.0[SESSION].clone();
    let flipped = |value: &str, at: usize| {
        let mut bytes = value.as_bytes().to_vec();
        bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
        String::from_utf8(bytes).unwrap()
    };
    let parts: Vec<&str> = session.split('.').collect();
    for bad in [
        String::new(),
        flipped(&session, 3),
        flipped(&session, parts[0].len() + 5),
        flipped(&session, session.len() - 5),
        format!("{}.{}.", parts[0], parts[1]),
        transaction.clone(),
        "x".repeat(5_000),
        format!("{session}; {SESSION}={session}"),
        format!("eyJhbGciOiJub25lIn0.{}.", parts[1]),
        "%00".to_owned(),
    ] {
        let mut visitor = good.clone();
        visitor.cookies.0.insert(SESSION.to_owned(), bad.clone());
        assert_anonymous(&mut visitor, &bad).await;
    }
    for bad in [String::new(), flipped(&transaction, 20), session, "x".repeat(5_000)] {
        let mut visitor = leaving.clone();
        visitor.cookies.0.insert(name.clone(), bad.clone());
        let page = visitor.get(&callback).await;
        assert_eq!(page.status, 400, "{bad}: {}", page.text);
    }
    for (name, bad) in [
        ("__Host-notice", "<b>"),
        ("__Host-unread-key-foreign-corp", "a.b"),
        ("__Host-draft", "x.y"),
        ("__Host-shown", "x"),
    ] {
        let mut visitor = good.clone();
        visitor.cookies.0.insert(name.to_owned(), bad.to_owned());
        let page = visitor.get("/onboarding").await;
        assert!(page.status == 200 && !page.text.contains("<b>"), "{name}: {}", page.text);
    }
}

/// Requires that requests from another site are refused, and that every page has its security headers.
async fn forms_of_other_sites(good: &mut Visitor) {
    let onboarding = good.get("/onboarding").await;
    let form = format!("csrf={}&orgId=foreign-corp&orgName=Foreign", csrf(&onboarding));
    for (origin, site) in [
        ("https://evil.example", None),
        ("https://evil.example", Some("same-origin")),
        ("null", None),
        ("null", Some("cross-site")),
        ("null", Some("same-site")),
    ] {
        let mut foreign = good.portal.clone().with("origin", origin);
        if let Some(site) = site {
            foreign = foreign.with("sec-fetch-site", site);
        }
        let foreign = Visitor { portal: foreign, cookies: good.cookies.clone() };
        let refused = foreign.post_as_is("/onboarding", &form).await;
        assert_eq!(refused.status, 403, "{origin} {site:?}: {}", refused.text);
    }
    for path in ["/", "/onboarding", "/no/such/page", "/health", "/logout"] {
        let page = good.get(path).await;
        let header =
            |name: &str| page.headers.get(name).map(|value| value.to_str().unwrap()).unwrap_or_default();
        let policy = header("content-security-policy");
        assert!(
            policy.starts_with("default-src 'none'") && policy.contains("frame-ancestors 'none'"),
            "{path}"
        );
        assert_eq!(
            (header("referrer-policy"), header("cache-control")),
            ("no-referrer", "no-store"),
            "{path}"
        );
        assert!(header("strict-transport-security").contains("max-age="), "{path}");
        assert_eq!(header("cross-origin-opener-policy"), "same-origin", "{path}");
    }
    assert_eq!(location(&good.get("/dashboard").await), "/onboarding", "nothing was registered");

    // A request that only fetches ahead does not use up the one reading of the key.
    let registered = good.post("/onboarding", &form).await;
    assert_eq!(location(&registered), "/dashboard", "{}", registered.text);
    let shown = "id=\"key\"";
    let mut ahead = Visitor {
        portal: good.portal.clone().with("sec-purpose", "prefetch"),
        cookies: good.cookies.clone(),
    };
    assert_eq!(ahead.get("/dashboard").await.status, 403);
    let reveal = format!("csrf={}&orgId=foreign-corp", csrf(&good.get("/dashboard").await));
    let mut thief = good.clone();
    assert!(good.post("/api-key/reveal", &reveal).await.text.contains(shown));
    assert!(!good.post("/api-key/reveal", &reveal).await.text.contains(shown));
    assert!(!thief.post("/api-key/reveal", &reveal).await.text.contains(shown), "the cookie again");
}

/// The state of an organization with a webhook: itself, its webhooks, and the deliveries of the first.
async fn a_dashboard_asks_the_admin_api_once(world: &World, mut good: Visitor) {
    let dashboard = good.get("/dashboard").await;
    let inbox = format!("{}/three", world.credentials().inbox_url).replace(':', "%3A").replace('/', "%2F");
    let form = format!("csrf={}&orgId=foreign-corp&url={inbox}", csrf(&dashboard));
    let set = good.post("/webhook", &form).await;
    assert_eq!(location(&set), "/dashboard", "{}", set.text);
    let calls = || world.log().lines("admin-api", "request").len();
    let requests = || world.log().lines("partner-portal", "request").len();
    let (before, rendered) = (calls(), requests());
    assert_eq!(good.get("/dashboard").await.status, 200);
    let logged =
        eventually(SOON, "the line of this request", async || (requests() > rendered).then(calls)).await;
    assert_eq!(logged - before, 1);
}

/// Sends every form with each field changed: the answer is a 4xx or the form's page, and nothing changes.
async fn tampered_forms(mut good: Visitor) {
    let onboarding = good.get("/onboarding").await;
    let token = csrf(&onboarding);
    let refused = format!("csrf={}&orgId=tampered-corp&orgName=Tampered", token.replace(&token[..2], "zz"));
    let csrf_faults = [
        "orgId=tampered-corp&orgName=Tampered".to_owned(),
        "csrf=&orgId=tampered-corp&orgName=Tampered".to_owned(),
        refused,
        format!("csrf={token}0&orgId=tampered-corp&orgName=Tampered"),
    ];
    for form in csrf_faults {
        assert_eq!(good.post("/onboarding", &form).await.status, 403, "{form}");
    }
    for (form, shown) in [
        ("orgId=&orgName=Tampered", "orgId-fault"),
        ("orgId=../admin&orgName=Tampered", "orgId-fault"),
        ("orgId=tampered-corp&orgName=", "orgName-fault"),
        ("orgId=tampered-corp&orgName=%E2%80%AEevil", "orgName-fault"),
        ("orgId=tampered-corp&orgName=a%00b", "orgName-fault"),
        ("orgName=Tampered", "orgId-fault"),
    ] {
        let page = good.post("/onboarding", &format!("csrf={token}&{form}")).await;
        assert!((400..500).contains(&page.status), "{form}: {}", page.status);
        assert!(page.text.contains(shown), "{form}: {}", page.text);
    }
    for form in ["orgId=a&orgId=b&orgName=c", "orgId=%ff&orgName=c"] {
        let page = good.post("/onboarding", &format!("csrf={token}&{form}")).await;
        assert!((400..500).contains(&page.status), "{form}: {}", page.status);
    }
    let somebody_elses = good.post("/organizations", &format!("csrf={token}&orgId=acme-corp")).await;
    assert!(somebody_elses.status < 500 && location(&somebody_elses) != "/dashboard", "another's tenant");
    assert_eq!(location(&good.get("/dashboard").await), "/onboarding", "nothing was registered");
}
