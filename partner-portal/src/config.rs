//! The Worker's variables and secrets, checked as a whole.

use secrecy::SecretString;
use shared::environment::Environment;
use shared::settings::{SettingFaults, Settings, issuer, origin};
use shared::tenant::EmailAddress;
use shared::whatwg::Url;

/// The configuration of the Worker.
#[derive(Clone)]
pub struct Config {
    /// The environment that the Worker runs in.
    pub environment: Environment,
    /// The portal's own origin: `https://partner-portal.example.com`.
    pub origin: String,
    /// The origin where partners' servers reach the Admin API.
    pub admin_api_origin: String,
    /// The e-mail address of partners' support, if there is one.
    pub support_email: Option<EmailAddress>,
    /// The URL of the page that says how the service does, if there is one.
    pub status_url: Option<String>,
    /// The URL of the Auth0 tenant, with its trailing slash.
    pub issuer: String,
    /// The portal's client ID at Auth0.
    pub client_id: String,
    /// The portal's client secret at Auth0.
    pub client_secret: SecretString,
    /// The `X-Admin-API-Key` for the Admin API.
    pub admin_api_key: SecretString,
    /// The key that signs the portal's service tokens.
    pub service_jwt_secret: SecretString,
    /// The secret from which the keys for cookies and forms are derived.
    pub session_key: SecretString,
    /// The session key before the last rotation, while browsers still have cookies made with it.
    pub previous_session_key: Option<SecretString>,
}

impl Config {
    /// Reads and checks every setting.
    ///
    /// # Errors
    /// Every setting that is missing or malformed, by name.
    pub fn read(read: &dyn Fn(&str) -> Option<String>) -> Result<Self, SettingFaults> {
        let mut settings = Settings::new(read);
        let environment = settings.required("ENVIRONMENT", str::parse::<Environment>);
        let local = environment == Some(Environment::Local);
        let origin = settings.required("PORTAL_ORIGIN", |text| self::origin(text, local));
        let admin_api_origin = settings.required("ADMIN_API_ORIGIN", |text| self::origin(text, local));
        let support_email = settings.optional("SUPPORT_EMAIL", EmailAddress::parse);
        let status_url = settings.optional("STATUS_URL", |text| page_url(text, local));
        let issuer = settings.required("AUTH0_ISSUER", |text| issuer(text, local));
        let client_id = settings.required("AUTH0_CLIENT_ID", client_id);
        let client_secret = settings.secret("AUTH0_CLIENT_SECRET");
        let admin_api_key = settings.secret("ADMIN_API_KEY");
        let service_jwt_secret = settings.secret("SERVICE_JWT_SECRET");
        let session_key = settings.secret("SESSION_KEY");
        let previous_session_key = settings.optional_secret("SESSION_KEY_PREVIOUS");
        let config = || {
            Some(Self {
                environment: environment?,
                origin: origin?,
                admin_api_origin: admin_api_origin?,
                support_email,
                status_url,
                issuer: issuer?,
                client_id: client_id?,
                client_secret: client_secret?,
                admin_api_key: admin_api_key?,
                service_jwt_secret: service_jwt_secret?,
                session_key: session_key?,
                previous_session_key,
            })
        };
        settings.finish(config())
    }

    /// Returns the URL to which the provider sends people back.
    pub fn callback_url(&self) -> String {
        format!("{}/callback", self.origin)
    }
}

/// Reads the URL of a page that people may be sent to.
fn page_url(text: &str, plain_http: bool) -> Result<String, &'static str> {
    let url = Url::parse(text).ok_or("must be a URL")?;
    match url.protocol.as_str() {
        "https:" => Ok(url.href),
        "http:" if plain_http => Ok(url.href),
        _ => Err("must start with https://"),
    }
}

fn client_id(text: &str) -> Result<String, &'static str> {
    let good = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte));
    if good { Ok(text.to_owned()) } else { Err("must be letters, digits, hyphens, dots and underscores") }
}
