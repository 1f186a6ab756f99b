//! An OpenID provider that does as a scenario says, over HTTP: what it issues is good until it is told otherwise.

use std::sync::Arc;

use edge::ports::FormAnswer;
use edge::testing::{FakeProvider, Registration};
use shared::ports::Clock;
use shared::time::Timestamp;
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};

use crate::wire::read_request;

/// The portal, as this provider knows it.
pub const CLIENT_ID: &str = "partner-portal";
/// The portal's secret there.
pub const CLIENT_SECRET: &str = "client-secret-0123456789abcdef0123456789";

/// The system's clock: tokens are issued now.
struct SystemClock;

#[async_trait::async_trait]
impl Clock for SystemClock {
    #[allow(clippy::disallowed_methods, reason = "the rule is for the Workers; they compare with real time")]
    fn now(&self) -> Timestamp {
        let since = std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap();
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

impl std::ops::Deref for Provider {
    type Target = FakeProvider;

    fn deref(&self) -> &FakeProvider {
        &self.fake
    }
}

impl Provider {
    /// Starts one on a free port.
    ///
    /// # Panics
    /// Where no port is free.
    pub async fn start() -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let issuer = format!("http://localhost:{}/", listener.local_addr().unwrap().port());
        let registration = Registration {
            issuer: issuer.clone(),
            client_id: CLIENT_ID.to_owned(),
            client_secret: CLIENT_SECRET.to_owned(),
        };
        let fake = Arc::new(FakeProvider::new(registration, Arc::new(SystemClock)));
        let serving = fake.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let serving = serving.clone();
                tokio::spawn(async move { serve(&serving, stream).await.ok() });
            }
        });
        Self { fake, issuer }
    }

    /// With the slash at its end.
    #[must_use]
    pub fn issuer(&self) -> &str {
        &self.issuer
    }
}

async fn serve(fake: &FakeProvider, mut stream: TcpStream) -> std::io::Result<()> {
    let Some(request) = read_request(&mut stream).await? else { return Ok(()) };
    // Who is away gives no answer at all.
    if fake.is_down() {
        return stream.set_zero_linger();
    }
    let path = request.target.trim_start_matches('/');
    let answer = match (request.method.as_str(), path) {
        ("POST", "oauth/token") => fake.token_answer(&String::from_utf8_lossy(&request.body)),
        _ => fake.document(path).map_or_else(
            || FormAnswer { status: 404, body: String::new() },
            |document| FormAnswer { status: 200, body: document.to_string() },
        ),
    };
    let head = format!(
        "HTTP/1.1 {} Told\r\ncontent-type: application/json\r\ncontent-length: {}\r\nlocation: /elsewhere\r\n\
         connection: close\r\n\r\n",
        answer.status,
        answer.body.len()
    );
    stream.write_all(head.as_bytes()).await?;
    stream.write_all(answer.body.as_bytes()).await?;
    stream.shutdown().await
}
