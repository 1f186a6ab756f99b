//! An OpenID provider that does what a test says.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use shared::ports::Clock;
use shared::time::Timestamp;
use url::{Position, Url};

use super::{Misbehaviour, TestKey, Token};
use crate::ports::{DocumentClient, FormAnswer, FormClient, NoAnswer};

/// The client's registration, as the provider and the client know it.
#[derive(Clone)]
pub struct Registration {
    /// The issuer; it ends in a slash, as Auth0's does.
    pub issuer: String,
    /// The client's id.
    pub client_id: String,
    /// The client's secret.
    pub client_secret: String,
}

struct Grant {
    nonce: String,
    challenge: String,
    redirect_uri: String,
    email: String,
    verified: bool,
    /// When the person signed in, in seconds; only for whoever asks with `max_age`.
    auth_time: Option<i64>,
}

#[derive(Default)]
struct State {
    grants: BTreeMap<String, Grant>,
    misbehaviour: Option<Misbehaviour>,
    down: bool,
    two_keys: bool,
    second_signs: bool,
    changed_metadata: Option<(String, String)>,
    documents: Vec<String>,
    token_requests: u32,
    names_issuer: bool,
    remembered: Option<Timestamp>,
}

/// The provider.
pub struct FakeProvider {
    registration: Registration,
    clock: Arc<dyn Clock>,
    state: Mutex<State>,
}

impl FakeProvider {
    /// A provider that behaves.
    pub fn new(registration: Registration, clock: Arc<dyn Clock>) -> Self {
        Self { registration, clock, state: Mutex::default() }
    }

    /// Has the provider misbehave at the next token request.
    pub fn misbehave(&self, misbehaviour: Misbehaviour) {
        self.state.lock().unwrap().misbehaviour = Some(misbehaviour);
    }

    /// Sets whether the provider is down, and answers nothing.
    pub fn set_down(&self, down: bool) {
        self.state.lock().unwrap().down = down;
    }

    /// Whether the provider is down.
    pub fn is_down(&self) -> bool {
        self.state.lock().unwrap().down
    }

    /// Publishes both keys from now on.
    pub fn publish_two_keys(&self) {
        self.state.lock().unwrap().two_keys = true;
    }

    /// Signs with the second key from now on.
    pub fn sign_with_second_key(&self) {
        self.state.lock().unwrap().second_signs = true;
    }

    /// Changes a member of the provider's metadata.
    pub fn change_metadata(&self, name: &str, value: &str) {
        self.state.lock().unwrap().changed_metadata = Some((name.to_owned(), value.to_owned()));
    }

    /// Names the issuer in each answer from now on, and says so in the metadata (RFC 9207).
    pub fn name_issuer(&self) {
        self.state.lock().unwrap().names_issuer = true;
    }

    /// Remembers everybody since this time: a person need not sign in again, unless `max_age` wants it.
    pub fn remember_since(&self, time: Timestamp) {
        self.state.lock().unwrap().remembered = Some(time);
    }

    /// How many token requests there were.
    pub fn token_requests(&self) -> u32 {
        self.state.lock().unwrap().token_requests
    }

    /// The documents requested so far: paths below the issuer, whole URLs elsewhere.
    pub fn documents(&self) -> Vec<String> {
        self.state.lock().unwrap().documents.clone()
    }

    /// Lets a person sign in on the page at this URL. Returns the path and query that the person is sent back to.
    pub fn sign_in(&self, url: &str, email: &str, verified: bool) -> String {
        let (page, query) = url.split_once('?').expect("a query");
        assert_eq!(page, format!("{}authorize", self.registration.issuer));
        let query: BTreeMap<String, String> = serde_urlencoded::from_str(query).unwrap();
        assert_eq!(query["response_type"], "code");
        assert_eq!(query["client_id"], self.registration.client_id);
        assert_eq!(query["scope"], "openid profile email");
        assert_eq!(query["code_challenge_method"], "S256");
        let max_age = query.get("max_age").map(|text| Duration::from_secs(text.parse().unwrap()));
        let (now, remembered) = (self.clock.now(), self.state.lock().unwrap().remembered);
        let auth_time = max_age.map(|max_age| {
            let young = remembered.filter(|since| now.since(*since) <= max_age);
            young.unwrap_or(now).seconds()
        });
        let grant = Grant {
            auth_time,
            nonce: query["nonce"].clone(),
            challenge: query["code_challenge"].clone(),
            redirect_uri: query["redirect_uri"].clone(),
            email: email.to_owned(),
            verified,
        };
        let mut state = self.state.lock().unwrap();
        let code = format!("code-{}", state.grants.len());
        let mut back = Url::parse(&grant.redirect_uri).unwrap();
        back.query_pairs_mut().append_pair("code", &code).append_pair("state", &query["state"]);
        if state.names_issuer {
            back.query_pairs_mut().append_pair("iss", &self.registration.issuer);
        }
        state.grants.insert(code, grant);
        back[Position::BeforePath..].to_owned()
    }

    /// The document at a path below the issuer.
    pub fn document(&self, path: &str) -> Option<Value> {
        let mut state = self.state.lock().unwrap();
        state.documents.push(path.to_owned());
        let issuer = &self.registration.issuer;
        match path {
            ".well-known/openid-configuration" => {
                let mut metadata = json!({
                    "issuer": issuer,
                    "authorization_endpoint": format!("{issuer}authorize"),
                    "token_endpoint": format!("{issuer}oauth/token"),
                    "jwks_uri": format!("{issuer}.well-known/jwks.json"),
                    "end_session_endpoint": format!("{issuer}oidc/logout"),
                });
                if state.names_issuer {
                    metadata["authorization_response_iss_parameter_supported"] = true.into();
                }
                if let Some((name, value)) = &state.changed_metadata {
                    metadata[name] = value.as_str().into();
                }
                Some(metadata)
            }
            ".well-known/jwks.json" => {
                let mut published = vec![TestKey::first().jwk()];
                published.extend(state.two_keys.then(|| TestKey::second().jwk()));
                Some(json!({ "keys": published }))
            }
            _ => None,
        }
    }

    /// The token endpoint's answer to a form (RFC 6749, section 4.1.3, and RFC 7636, section 4.6).
    pub fn token_answer(&self, form: &str) -> FormAnswer {
        let mut state = self.state.lock().unwrap();
        state.token_requests += 1;
        let form: BTreeMap<String, String> = serde_urlencoded::from_str(form).unwrap();
        assert_eq!(form["grant_type"], "authorization_code");
        assert_eq!(form["client_id"], self.registration.client_id);
        assert_eq!(form["client_secret"], self.registration.client_secret);
        let misbehaviour = state.misbehaviour.take();
        if let Some(Misbehaviour::TokenEndpoint(status, body)) = misbehaviour {
            return FormAnswer { status, body: body.to_owned() };
        }
        let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(&form["code_verifier"]));
        let grant = state.grants.remove(&form["code"]);
        let grant =
            grant.filter(|grant| grant.challenge == challenge && grant.redirect_uri == form["redirect_uri"]);
        let Some(grant) = grant else {
            return FormAnswer { status: 403, body: json!({"error": "invalid_grant"}).to_string() };
        };
        let key = if state.second_signs { TestKey::second() } else { TestKey::first() };
        let token = self.id_token(&grant).header("kid", key.id);
        let token = match misbehaviour {
            Some(misbehaviour) => misbehaviour.sign(token, key),
            None => token.signed_with(|signed| key.sign_rs256(signed)),
        };
        FormAnswer { status: 200, body: json!({"id_token": token}).to_string() }
    }

    fn id_token(&self, grant: &Grant) -> Token {
        let now = self.clock.now().seconds();
        let token = Token::rs256(&json!({
            "iss": self.registration.issuer, "aud": self.registration.client_id,
            "sub": format!("auth0|{}", grant.email), "iat": now, "exp": now + 3600, "nonce": grant.nonce,
            "email": grant.email, "email_verified": grant.verified, "name": "Jane <b>Doe</b>",
        }));
        match grant.auth_time {
            Some(seconds) => token.claim("auth_time", seconds),
            None => token,
        }
    }

    fn require_up(&self) -> Result<(), NoAnswer> {
        if self.is_down() { Err(NoAnswer("down".into())) } else { Ok(()) }
    }
}

#[async_trait]
impl DocumentClient for FakeProvider {
    async fn get(&self, url: &str) -> Result<String, NoAnswer> {
        self.require_up()?;
        let document = self.document(url.strip_prefix(&self.registration.issuer).unwrap_or(url));
        document.map(|document| document.to_string()).ok_or_else(|| NoAnswer(format!("nothing at {url}")))
    }
}

#[async_trait]
impl FormClient for FakeProvider {
    async fn post_form(&self, url: &str, form: &str) -> Result<FormAnswer, NoAnswer> {
        self.require_up()?;
        assert_eq!(url, format!("{}oauth/token", self.registration.issuer));
        Ok(self.token_answer(form))
    }
}
