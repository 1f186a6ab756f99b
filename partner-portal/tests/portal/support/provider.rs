//! An OpenID provider that does as a test says.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, OnceLock};

use async_trait::async_trait;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rsa::pkcs1v15::{Signature, SigningKey, VerifyingKey};
use rsa::signature::{SignatureEncoding, Signer, Verifier};
use rsa::traits::PublicKeyParts;
use rsa::{BigUint, RsaPrivateKey, RsaPublicKey};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use shared::ports::{Clock, DocumentClient, FormAnswer, FormClient, Rs256, StoreError};
use shared::testing::FakeClock;
use url::Url;

use super::{ISSUER, ORIGIN};

/// RS256 without WebCrypto.
pub(crate) struct NativeRs256;

#[async_trait]
impl Rs256 for NativeRs256 {
    async fn verify(&self, modulus: &[u8], exponent: &[u8], message: &[u8], signature: &[u8]) -> bool {
        let key = RsaPublicKey::new(BigUint::from_bytes_be(modulus), BigUint::from_bytes_be(exponent));
        let (Ok(key), Ok(signature)) = (key, Signature::try_from(signature)) else { return false };
        VerifyingKey::<Sha256>::new(key).verify(message, &signature).is_ok()
    }
}

/// Two keys: the provider's, and one that nobody published. Made once; they take a second.
fn keys() -> &'static [RsaPrivateKey; 2] {
    static KEYS: OnceLock<[RsaPrivateKey; 2]> = OnceLock::new();
    KEYS.get_or_init(|| {
        let draw = || RsaPrivateKey::new(&mut rsa::rand_core::OsRng, 2048).expect("a key");
        [draw(), draw()]
    })
}

/// Changes a token's header and claims.
pub(crate) type ChangeToken = Box<dyn Fn(&mut Value, &mut Value) + Send>;

/// What an ID token or the way to it has wrong.
pub(crate) enum Misbehaviour {
    /// Claims and header are changed before they are signed.
    Token(ChangeToken),
    /// Signed with a key that is not published.
    ForeignKey,
    /// `alg: none`, without a signature.
    Unsigned,
    /// HS256, signed with the public key.
    SymmetricConfusion,
    /// The token endpoint answers with this status and body.
    TokenEndpoint(u16, &'static str),
}

#[derive(Clone)]
struct Grant {
    nonce: String,
    challenge: String,
    email: String,
    verified: bool,
}

/// The provider.
pub(crate) struct FakeProvider {
    clock: Arc<FakeClock>,
    grants: Mutex<BTreeMap<String, Grant>>,
    misbehaviour: Mutex<Option<Misbehaviour>>,
    down: Mutex<bool>,
    two_keys: Mutex<bool>,
    second_signs: Mutex<bool>,
    changed_metadata: Mutex<Option<(String, String)>>,
    documents: Mutex<Vec<String>>,
    token_requests: Mutex<u32>,
}

impl FakeProvider {
    pub(crate) fn new(clock: Arc<FakeClock>) -> Self {
        Self {
            clock,
            grants: Mutex::default(),
            misbehaviour: Mutex::default(),
            down: Mutex::default(),
            two_keys: Mutex::default(),
            second_signs: Mutex::default(),
            changed_metadata: Mutex::default(),
            documents: Mutex::default(),
            token_requests: Mutex::default(),
        }
    }

    /// Misbehaves at the next token request.
    pub(crate) fn misbehave(&self, misbehaviour: Misbehaviour) {
        *self.misbehaviour.lock().unwrap() = Some(misbehaviour);
    }

    /// Whether nothing answers.
    pub(crate) fn set_down(&self, down: bool) {
        *self.down.lock().unwrap() = down;
    }

    /// Whether both keys are published.
    pub(crate) fn publish_two_keys(&self) {
        *self.two_keys.lock().unwrap() = true;
    }

    /// Signs with the second key from now on.
    pub(crate) fn sign_with_second_key(&self) {
        *self.second_signs.lock().unwrap() = true;
    }

    /// Says something else of itself.
    pub(crate) fn change_metadata(&self, name: &str, value: &str) {
        *self.changed_metadata.lock().unwrap() = Some((name.to_owned(), value.to_owned()));
    }

    /// Token requests so far.
    pub(crate) fn token_requests(&self) -> u32 {
        *self.token_requests.lock().unwrap()
    }

    /// Documents fetched so far.
    pub(crate) fn documents(&self) -> Vec<String> {
        self.documents.lock().unwrap().clone()
    }

    /// A person signs in on the page at this URL; gives the URL they are sent back to.
    pub(crate) fn sign_in(&self, url: &str, email: &str, verified: bool) -> String {
        let url = Url::parse(url).expect("a URL");
        assert_eq!(
            format!("{}{}", url.origin().ascii_serialization(), url.path()),
            format!("{ISSUER}authorize")
        );
        let query: BTreeMap<String, String> = url.query_pairs().into_owned().collect();
        assert_eq!(query["response_type"], "code");
        assert_eq!(query["client_id"], "partner-portal");
        assert_eq!(query["redirect_uri"], format!("{ORIGIN}/callback"));
        assert_eq!(query["scope"], "openid profile email");
        assert_eq!(query["code_challenge_method"], "S256");
        let grant = Grant {
            nonce: query["nonce"].clone(),
            challenge: query["code_challenge"].clone(),
            email: email.to_owned(),
            verified,
        };
        let mut grants = self.grants.lock().unwrap();
        let code = format!("code-{}", grants.len());
        grants.insert(code.clone(), grant);
        format!("/callback?code={code}&state={}", query["state"])
    }

    fn id_token(&self, grant: &Grant, misbehaviour: Option<Misbehaviour>) -> String {
        let now = self.clock.now().seconds();
        let mut header = json!({"alg": "RS256", "typ": "JWT", "kid": "one"});
        let mut claims = json!({
            "iss": ISSUER, "aud": "partner-portal", "sub": format!("auth0|{}", grant.email),
            "iat": now, "exp": now + 3600, "nonce": grant.nonce,
            "email": grant.email, "email_verified": grant.verified, "name": "Jane <b>Doe</b>",
        });
        let mut key = &keys()[0];
        if *self.second_signs.lock().unwrap() {
            header["kid"] = "two".into();
            key = &keys()[1];
        }
        let encode = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        match misbehaviour {
            Some(Misbehaviour::Token(change)) => change(&mut header, &mut claims),
            Some(Misbehaviour::ForeignKey) => key = &keys()[1],
            Some(Misbehaviour::Unsigned) => {
                header["alg"] = "none".into();
                return format!("{}.{}.", encode(&header), encode(&claims));
            }
            Some(Misbehaviour::SymmetricConfusion) => {
                use jwt_compact::AlgorithmExt;
                use jwt_compact::alg::{Hs256, Hs256Key};
                let secret = keys()[0].to_public_key().n().to_bytes_be();
                let header = jwt_compact::Header::empty().with_key_id("one");
                let claims: edge::oidc::AnyClaims = serde_json::from_value(claims).unwrap();
                return Hs256.token(&header, &claims, &Hs256Key::new(secret)).unwrap();
            }
            _ => {}
        }
        let signed = format!("{}.{}", encode(&header), encode(&claims));
        let signature = SigningKey::<Sha256>::new(key.clone()).sign(signed.as_bytes());
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature.to_bytes()))
    }

    fn jwk(id: &str, key: &RsaPrivateKey) -> Value {
        let number = |number: &BigUint| URL_SAFE_NO_PAD.encode(number.to_bytes_be());
        json!({"kty": "RSA", "use": "sig", "alg": "RS256", "kid": id, "n": number(key.n()), "e": number(key.e())})
    }
}

#[async_trait]
impl DocumentClient for FakeProvider {
    async fn get(&self, url: &str) -> Result<String, StoreError> {
        if *self.down.lock().unwrap() {
            return Err(StoreError("down".into()));
        }
        self.documents.lock().unwrap().push(url.to_owned());
        let document = match url.strip_prefix(ISSUER) {
            Some(".well-known/openid-configuration") => {
                let mut metadata = json!({
                "issuer": ISSUER,
                "authorization_endpoint": format!("{ISSUER}authorize"),
                "token_endpoint": format!("{ISSUER}oauth/token"),
                "jwks_uri": format!("{ISSUER}.well-known/jwks.json"),
                "end_session_endpoint": format!("{ISSUER}oidc/logout"),
                });
                if let Some((name, value)) = self.changed_metadata.lock().unwrap().clone() {
                    metadata[name] = value.into();
                }
                metadata
            }
            Some(".well-known/jwks.json") => {
                let mut published = vec![Self::jwk("one", &keys()[0])];
                if *self.two_keys.lock().unwrap() {
                    published.push(Self::jwk("two", &keys()[1]));
                }
                json!({ "keys": published })
            }
            _ => return Err(StoreError(format!("nothing at {url}"))),
        };
        Ok(document.to_string())
    }
}

#[async_trait]
impl FormClient for FakeProvider {
    async fn post_form(&self, url: &str, form: &str) -> Result<FormAnswer, StoreError> {
        *self.token_requests.lock().unwrap() += 1;
        if *self.down.lock().unwrap() {
            return Err(StoreError("down".into()));
        }
        assert_eq!(url, format!("{ISSUER}oauth/token"));
        let form: BTreeMap<String, String> = serde_urlencoded::from_str(form).unwrap();
        assert_eq!(form["grant_type"], "authorization_code");
        assert_eq!(form["client_id"], "partner-portal");
        assert_eq!(form["client_secret"], "client-secret-0123456789abcdef0123456789");
        assert_eq!(form["redirect_uri"], format!("{ORIGIN}/callback"));
        let misbehaviour = self.misbehaviour.lock().unwrap().take();
        if let Some(Misbehaviour::TokenEndpoint(status, body)) = misbehaviour {
            return Ok(FormAnswer { status, body: body.to_owned() });
        }
        let grant = self.grants.lock().unwrap().remove(&form["code"]);
        let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(&form["code_verifier"]));
        match grant.filter(|grant| grant.challenge == challenge) {
            Some(grant) => {
                let id_token = self.id_token(&grant, misbehaviour);
                Ok(FormAnswer { status: 200, body: json!({"id_token": id_token}).to_string() })
            }
            None => Ok(FormAnswer { status: 403, body: json!({"error": "invalid_grant"}).to_string() }),
        }
    }
}
