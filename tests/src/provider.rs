//! An OpenID provider over HTTP whose tokens are good until a scenario says otherwise.

use std::net::{TcpListener, TcpStream};
use std::ops::Deref;
use std::sync::Arc;
use std::time::SystemTime;

use edge::ports::FormAnswer;
use edge::testing::{FakeProvider, Registration};
use local::server::{Request, reset, respond, serve};
use shared::ports::Clock;
use shared::time::Timestamp;

/// The client id by which this provider knows the portal.
pub const CLIENT_ID: &str = "partner-portal";
/// The portal's secret at this provider.
pub const CLIENT_SECRET: &str = "client-secret-0123456789abcdef0123456789";

/// The system's clock: tokens are issued now.
struct SystemClock;

#[async_trait::async_trait]
impl Clock for SystemClock {
    #[allow(clippy::disallowed_methods, reason = "the rule is for the Workers; they compare with real time")]
    fn now(&self) -> Timestamp {
        let since = SystemTime::UNIX_EPOCH.elapsed().unwrap();
        Timestamp::from_milliseconds(i64::try_from(since.as_millis()).unwrap())
    }

    async fn sleep(&self, duration: std::time::Duration) {
        tokio::time::sleep(duration).await;
    }
}

/// A running provider. It ends with the process.
pub struct Provider {
    fake: Arc<FakeProvider>,
    issuer: String,
}

impl Deref for Provider {
    type Target = FakeProvider;

    fn deref(&self) -> &FakeProvider {
        &self.fake
    }
}

impl Provider {
    /// Starts a provider on a free port.
    #[must_use]
    pub fn start() -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let issuer = format!("http://localhost:{}/", listener.local_addr().unwrap().port());
        let registration = Registration {
            issuer: issuer.clone(),
            client_id: CLIENT_ID.to_owned(),
            client_secret: CLIENT_SECRET.to_owned(),
        };
        let fake = Arc::new(FakeProvider::new(registration, Arc::new(SystemClock)));
        let serving = fake.clone();
        serve(listener, move |request, stream| answer(&serving, &request, stream));
        Self { fake, issuer }
    }

    /// The issuer, with the slash at its end.
    #[must_use]
    pub fn issuer(&self) -> &str {
        &self.issuer
    }
}

fn answer(fake: &FakeProvider, request: &Request, stream: &mut TcpStream) -> std::io::Result<()> {
    // Who is away gives no answer at all.
    if fake.is_down() {
        return reset(stream);
    }
    let path = request.target.trim_start_matches('/');
    let answer = match (request.method.as_str(), path) {
        ("POST", "oauth/token") => fake.token_answer(&String::from_utf8_lossy(&request.body)),
        _ => fake.document(path).map_or_else(
            || FormAnswer { status: 404, body: String::new() },
            |document| FormAnswer { status: 200, body: document.to_string() },
        ),
    };
    let headers = [("content-type", "application/json"), ("location", "/elsewhere")];
    respond(stream, answer.status, &headers, &answer.body)
}
