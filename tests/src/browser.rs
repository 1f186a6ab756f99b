//! A real Chromium, driven over WebDriver: does what a person does, reads what a person sees, and asks axe-core.

mod driver;
mod gallery;

use serde_json::{Value, json};
use thirtyfour::error::WebDriverErrorInner::{
    ElementClickIntercepted, ElementNotInteractable, NoSuchElement, StaleElementReference,
};
use thirtyfour::error::WebDriverResult;
use thirtyfour::{By, Cookie, Key, WebDriver, WebElement};

use self::driver::Driver;
use crate::poll::{SOON, eventually};
use crate::world::World;

/// A browser with a profile of its own; it ends when it is dropped.
pub struct Browser {
    driver: WebDriver,
    portal: String,
    /// Dropped last: the browser ends with its driver.
    _process: Driver,
}

impl Browser {
    /// Starts a browser with nothing open.
    pub async fn start(world: &World) -> Self {
        let process = Driver::start();
        let driver = process.open().await;
        Self { driver, portal: world.credentials().portal_url.clone(), _process: process }
    }

    /// Switches scripts off from now on.
    pub async fn without_script(self) -> Self {
        self.devtools("Emulation.setScriptExecutionDisabled", json!({"value": true})).await;
        self
    }

    /// Opens a page of the portal.
    pub async fn open(&self, path: &str) {
        self.driver.goto(format!("{}{path}", self.portal)).await.unwrap();
    }

    /// Signs in as whoever has this address, and waits until the portal is there again.
    pub async fn sign_in(&self, email: &str) {
        self.open("/login").await;
        self.submit_sign_in(email).await;
    }

    /// Fills in the provider's form, which has to be open.
    pub async fn submit_sign_in(&self, email: &str) {
        self.fill("input[type=email]", email).await;
        self.click("button[type=submit]").await;
        self.wait("the way back to the portal", async || {
            let url = self.driver.current_url().await.ok()?;
            (url.as_str().starts_with(&self.portal) && !url.path().starts_with("/login")).then_some(())
        })
        .await;
    }

    /// Fills in the form that registers an organization, which has to be open.
    pub async fn register(&self, org_id: &str, org_name: &str) {
        self.fill("#orgId", org_id).await;
        self.fill("#orgName", org_name).await;
        self.click("main form button").await;
    }

    /// Sets or changes the webhook's URL, and waits until the dashboard shows it.
    pub async fn set_webhook_url(&self, url: &str) {
        self.fill("#url", url).await;
        self.click("form[action='/webhook'] button").await;
        self.sees(".current code", url).await;
    }

    /// Reveals the key that waits at the dashboard, and goes back to the dashboard.
    pub async fn reveal_key(&self) -> String {
        let key = self.open_key().await;
        self.click("main a[href='/dashboard']").await;
        self.sees("#api-key", "API Key").await;
        key
    }

    /// Reveals the key that waits at the dashboard, and stays on the page that shows the key.
    pub async fn open_key(&self) -> String {
        self.click("form[action='/api-key/reveal'] button").await;
        let key = self.text("#key").await;
        assert!(key.len() == 40 && key.bytes().all(|byte| byte.is_ascii_alphanumeric()), "no key: {key:?}");
        key
    }

    /// Clicks the first element that a selector finds, as soon as there is one.
    pub async fn click(&self, selector: &str) {
        self.on(selector, "be clicked", async |element: WebElement| element.click().await).await;
    }

    /// Types into a field, in place of the present text.
    pub async fn fill(&self, selector: &str, text: &str) {
        self.on(selector, "be filled in", async |element: WebElement| {
            element.clear().await?;
            element.send_keys(text).await
        })
        .await;
    }

    /// The visible text of the first element that a selector finds, as soon as there is one.
    pub async fn text(&self, selector: &str) -> String {
        self.on(selector, "be read", async |element: WebElement| element.text().await).await
    }

    /// The visible texts of all elements that a selector finds now; none while pages change.
    pub async fn texts(&self, selector: &str) -> Vec<String> {
        let script = "return [...document.querySelectorAll(arguments[0])].map((one) => one.innerText.trim())";
        let read = self.driver.execute(script, vec![json!(selector)]).await;
        read.and_then(|texts| texts.convert()).unwrap_or_default()
    }

    /// The text in a field.
    pub async fn value(&self, selector: &str) -> String {
        let read = async |element: WebElement| element.prop("value").await;
        self.on(selector, "be read", read).await.unwrap_or_default()
    }

    /// An attribute of the first element that a selector finds, as soon as there is one.
    pub async fn attribute(&self, selector: &str, name: &str) -> Option<String> {
        self.on(selector, "be read", async |element: WebElement| element.attr(name).await).await
    }

    /// Waits until an element shows a text.
    pub async fn sees(&self, selector: &str, text: &str) {
        let look = async || self.texts(selector).await.iter().any(|shown| shown.contains(text)).then_some(());
        self.wait(&format!("{selector} with {text:?}"), look).await;
    }

    /// Reloads the page until an element shows a text.
    pub async fn reloads_until(&self, selector: &str, text: &str) {
        let look = async || {
            self.reload().await;
            self.texts(selector).await.iter().any(|shown| shown.contains(text)).then_some(())
        };
        self.wait(&format!("{selector} with {text:?} after reloading"), look).await;
    }

    /// Waits until this page is open.
    pub async fn is_at(&self, path: &str) {
        self.wait(&format!("the page {path}"), async || (self.path().await == path).then_some(())).await;
    }

    /// The path of the page that is open.
    pub async fn path(&self) -> String {
        self.driver.current_url().await.unwrap().path().to_owned()
    }

    /// The whole document as it is now, hidden parts included.
    pub async fn source(&self) -> String {
        self.driver.source().await.unwrap()
    }

    /// Presses the browser's reload button.
    pub async fn reload(&self) {
        self.driver.refresh().await.unwrap();
    }

    /// Presses the browser's back button.
    pub async fn back(&self) {
        self.driver.back().await.unwrap();
    }

    /// Presses the browser's forward button.
    pub async fn forward(&self) {
        self.driver.forward().await.unwrap();
    }

    /// The document of a page of the portal in another tab, which is closed again.
    pub async fn source_in_another_tab(&self, path: &str) -> String {
        let look = async || {
            self.open(path).await;
            Ok(self.source().await)
        };
        self.driver.in_new_tab(look).await.unwrap()
    }

    /// This browser's cookies for the page that is open, as in a `Cookie` header.
    pub async fn cookies(&self) -> String {
        let cookies = self.driver.get_all_cookies().await.unwrap();
        cookies
            .iter()
            .map(|cookie| format!("{}={}", cookie.name, cookie.value))
            .collect::<Vec<_>>()
            .join("; ")
    }

    /// Sets a cookie of ours again.
    pub async fn put_cookie(&self, name: &str, value: &str) {
        let mut cookie = Cookie::new(name, value);
        cookie.path = Some("/".to_owned());
        cookie.secure = Some(true);
        self.driver.add_cookie(cookie).await.unwrap();
    }

    /// Presses a key.
    pub async fn press(&self, key: Key) {
        self.driver.action_chain().send_keys(key).perform().await.unwrap();
    }

    /// Types into the element that has the focus.
    pub async fn types(&self, text: &str) {
        self.driver.action_chain().send_keys(text).perform().await.unwrap();
    }

    /// Runs a function's body in the page, as the developer tools would.
    pub async fn script(&self, body: &str, arguments: Vec<Value>) -> Value {
        let ran = self.driver.execute(body, arguments).await;
        ran.unwrap_or_else(|error| panic!("{body}: {error}")).json().clone()
    }

    /// The text on the clipboard.
    pub async fn clipboard(&self) -> String {
        self.devtools("Browser.grantPermissions", json!({"permissions": ["clipboardReadWrite"]})).await;
        let read = "const [done] = arguments; navigator.clipboard.readText().then(done, (error) => done(String(error)))";
        let read = self.driver.execute_async(read, vec![]).await.unwrap();
        read.json().as_str().unwrap_or_default().to_owned()
    }

    /// Fails where a page broke its own Content Security Policy, or a script of the page failed.
    pub async fn assert_console_is_clean(&self) {
        let mut entries = self.driver.browser_log().await.unwrap();
        // A form that is refused is answered with a status the console complains about.
        entries.retain(|entry| !entry.message.contains("Failed to load resource"));
        assert!(entries.is_empty(), "the console says {entries:?}");
    }

    async fn devtools(&self, method: &str, parameters: Value) -> Value {
        let answer = self.driver.cdp().send_raw(method, parameters).await;
        answer.unwrap_or_else(|error| panic!("{method}: {error}"))
    }

    /// Does something with an element once the element is there and ready. What was done is not done twice.
    async fn on<T>(
        &self,
        selector: &str,
        what: &str,
        act: impl AsyncFn(WebElement) -> WebDriverResult<T>,
    ) -> T {
        let what = format!("{selector}, to {what}");
        let look = async || {
            let element = self.driver.find(By::Css(selector)).await;
            let done = match element {
                Ok(element) => act(element).await,
                Err(error) => Err(error),
            };
            done.map(Some).unwrap_or_else(|error| match error.as_inner() {
                NoSuchElement(_) | StaleElementReference(_) => None,
                ElementNotInteractable(_) | ElementClickIntercepted(_) => None,
                _ => panic!("{what}: {error}"),
            })
        };
        self.wait(&what, look).await
    }

    async fn wait<T>(&self, what: &str, look: impl AsyncFnMut() -> Option<T>) -> T {
        let limit = SOON * 2;
        let Ok(found) = tokio::time::timeout(limit, eventually(limit * 2, what, look)).await else {
            let (url, shown) = (self.driver.current_url().await, self.texts("body").await);
            panic!("{what}: not within {limit:?}, at {url:?}, which shows {shown:?}");
        };
        found
    }
}
