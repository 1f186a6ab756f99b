//! The Worker's variables and secrets, checked as a whole.

use secrecy::SecretString;
use shared::environment::Environment;
use shared::settings::{SettingFaults, Settings, issuer};

/// Everything the Worker is configured with.
#[derive(Clone)]
pub struct Config {
    /// Where it runs.
    pub environment: Environment,
    /// Where people reach it: `https://partner-portal.example.com`.
    pub origin: String,
    /// The Auth0 tenant, with its trailing slash.
    pub issuer: String,
    /// The portal's client id there.
    pub client_id: String,
    /// The portal's client secret there.
    pub client_secret: SecretString,
    /// `X-Admin-API-Key` of the Admin API.
    pub admin_api_key: SecretString,
    /// Signs the portal's service tokens.
    pub service_jwt_secret: SecretString,
    /// What the keys for cookies and forms are derived from.
    pub session_key: SecretString,
    /// The one before, while cookies made with it are still about.
    pub previous_session_key: Option<SecretString>,
}

impl Config {
    /// Reads and checks every setting.
    ///
    /// # Errors
    /// All that is missing or malformed, by name.
    pub fn read(read: &dyn Fn(&str) -> Option<String>) -> Result<Self, SettingFaults> {
        let mut settings = Settings::new(read);
        let environment = settings.required("ENVIRONMENT", str::parse::<Environment>);
        let local = environment == Some(Environment::Local);
        let origin = settings.required("PORTAL_ORIGIN", |text| origin(text, local));
        let issuer = settings.required("AUTH0_ISSUER", |text| issuer(text, local));
        let client_id = settings.required("AUTH0_CLIENT_ID", client_id);
        let client_secret = settings.secret("AUTH0_CLIENT_SECRET");
        let admin_api_key = settings.secret("ADMIN_API_KEY");
        let service_jwt_secret = settings.secret("SERVICE_JWT_SECRET");
        let session_key = settings.secret("SESSION_KEY");
        let previous_session_key =
            read("SESSION_KEY_PREVIOUS").and_then(|_| settings.secret("SESSION_KEY_PREVIOUS"));
        let config = environment
            .zip(origin)
            .zip(issuer.zip(client_id.zip(client_secret)))
            .zip(admin_api_key.zip(service_jwt_secret))
            .zip(session_key)
            .map(|(((place, provider), admin), session_key)| Self {
                environment: place.0,
                origin: place.1,
                issuer: provider.0,
                client_id: provider.1.0,
                client_secret: provider.1.1,
                admin_api_key: admin.0,
                service_jwt_secret: admin.1,
                session_key,
                previous_session_key,
            });
        settings.finish(config)
    }

    /// Where the provider sends people back to.
    pub fn callback_url(&self) -> String {
        format!("{}/callback", self.origin)
    }
}

fn origin(text: &str, plain_http: bool) -> Result<String, &'static str> {
    // An origin is an issuer's URL without the slash.
    let url = issuer(&format!("{text}/"), plain_http)
        .ok()
        .and_then(|text| url::Url::parse(&text).ok())
        .filter(|url| url.path() == "/");
    match url {
        Some(url) if url.origin().ascii_serialization() == text => Ok(text.to_owned()),
        _ => Err(
            "must be an https origin, such as https://partner-portal.example.com, without a slash at its end",
        ),
    }
}

fn client_id(text: &str) -> Result<String, &'static str> {
    let good = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte));
    if good { Ok(text.to_owned()) } else { Err("must be letters, digits, hyphens, dots and underscores") }
}
