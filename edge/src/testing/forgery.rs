//! Tokens that nobody may take, whatever they claim: after RFC 7515, RFC 8725 (JWT best practices) and the OpenID
//! Foundation's conformance tests for relying parties.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rsa::pkcs1::EncodeRsaPublicKey;
use rsa::pkcs8::{EncodePublicKey, LineEnding};
use serde_json::{Value, json};

use super::{TestKey, Token, hs256};

/// A way to forge a token.
pub struct Forgery {
    /// What is wrong, for the message of a failing test.
    pub name: String,
    /// Whether the issuer's keys may be asked for before the token is refused.
    pub asks_for_keys: bool,
    forge: Box<dyn Fn(Token) -> String + Send>,
}

impl Forgery {
    /// Forges a token that would be good.
    pub fn of(&self, token: Token) -> String {
        (self.forge)(token)
    }
}

/// Forgeries being listed.
#[derive(Default)]
struct List(Vec<Forgery>);

impl List {
    /// The token is refused for what it says of itself.
    fn at_sight(&mut self, name: impl Into<String>, forge: impl Fn(Token) -> String + Send + 'static) {
        self.0.push(Forgery { name: name.into(), asks_for_keys: false, forge: Box::new(forge) });
    }

    /// The token is refused once the issuer's keys are known.
    fn by_keys(&mut self, name: impl Into<String>, forge: impl Fn(Token) -> String + Send + 'static) {
        self.0.push(Forgery { name: name.into(), asks_for_keys: true, forge: Box::new(forge) });
    }
}

/// Every forgery.
pub fn forgeries() -> Vec<Forgery> {
    let mut all = List::default();
    without_signature(&mut all);
    other_algorithms(&mut all);
    public_key_as_secret(&mut all);
    key_ids(&mut all);
    own_keys_and_rules(&mut all);
    said_twice(&mut all);
    changed(&mut all);
    all.0
}

fn without_signature(all: &mut List) {
    for algorithm in ["none", "None", "NONE", "nOnE", "", " none", "RS256 ", "rs256", "Rs256"] {
        all.at_sight(format!("algorithm {algorithm:?}, unsigned"), move |token| {
            token.header("alg", algorithm).signed_with(|_| Vec::new())
        });
        all.at_sight(format!("algorithm {algorithm:?}, signed"), move |token| {
            token.header("alg", algorithm).signed()
        });
    }
    all.by_keys("RS256, empty signature", |token| token.signed_with(|_| Vec::new()));
    all.at_sight("HS256, empty signature", |token| token.header("alg", "HS256").signed_with(|_| Vec::new()));
    all.at_sight("no algorithm", |token| token.without_header("alg").signed());
    all.at_sight("algorithm not a text", |token| token.header("alg", json!(["RS256"])).signed());
    all.at_sight("algorithm null", |token| token.header("alg", Value::Null).signed());
}

fn other_algorithms(all: &mut List) {
    let key = TestKey::first();
    let mut signed = |name: &str, algorithm: &'static str, sign: fn(TestKey, &[u8]) -> Vec<u8>| {
        all.by_keys(name, move |token| token.header("alg", algorithm).signed_with(|text| sign(key, text)));
    };
    signed("RS384", "RS384", TestKey::sign_rs384);
    signed("RS512", "RS512", TestKey::sign_rs256);
    signed("RS384 that says RS256", "RS256", TestKey::sign_rs384);
    signed("PS256", "PS256", TestKey::sign_ps256);
    signed("PS256 that says RS256", "RS256", TestKey::sign_ps256);
    signed("ES256", "ES256", |_, _| vec![1; 64]);
    signed("EdDSA", "EdDSA", |_, _| vec![1; 64]);
    signed("another key", "RS256", |_, text| TestKey::second().sign_rs256(text));
    signed("flipped bit", "RS256", |key, text| {
        let mut signature = key.sign_rs256(text);
        signature[100] ^= 1;
        signature
    });
    signed("truncated", "RS256", |key, text| key.sign_rs256(text)[..255].to_vec());
    signed("padded", "RS256", |key, text| [key.sign_rs256(text), vec![0]].concat());
    signed("zeros", "RS256", |_, _| vec![0; 256]);
}

/// Every spelling of the issuer's public key, which everybody has.
pub fn public_key_spellings() -> Vec<(&'static str, Vec<u8>)> {
    let public = TestKey::first().public();
    let modulus = TestKey::first().modulus();
    vec![
        ("PEM", public.to_public_key_pem(LineEnding::LF).unwrap().into_bytes()),
        ("PEM, trimmed", public.to_public_key_pem(LineEnding::LF).unwrap().trim().into()),
        ("DER", public.to_public_key_der().unwrap().into_vec()),
        ("PKCS #1 PEM", public.to_pkcs1_pem(LineEnding::LF).unwrap().into_bytes()),
        ("PKCS #1 DER", public.to_pkcs1_der().unwrap().into_vec()),
        ("modulus", modulus.clone()),
        ("modulus in base64url", URL_SAFE_NO_PAD.encode(&modulus).into_bytes()),
        ("JWK", TestKey::first().jwk().to_string().into_bytes()),
        ("nothing", Vec::new()),
    ]
}

fn public_key_as_secret(all: &mut List) {
    for (spelling, secret) in public_key_spellings() {
        all.at_sight(format!("HS256 with the public key as secret: {spelling}"), move |token| {
            token.header("alg", "HS256").signed_with(|signed| hs256(&secret, signed))
        });
    }
}

fn key_ids(all: &mut List) {
    for id in ["unknown", "", "First", "first ", "../first"] {
        all.by_keys(format!("key id {id:?}"), move |token| token.header("kid", id).signed());
    }
    for id in [json!(1), json!(null), json!(["first"]), json!({"kid": "first"}), json!(true)] {
        all.at_sight(format!("key id {id}"), move |token| token.header("kid", id.clone()).signed());
    }
    all.at_sight("key id of 10 KB", |token| token.header("kid", "k".repeat(10_240)).signed());
}

/// What a header may say of the token's key or of other rules, also where it says nothing: RFC 7515 gives none of them a
/// null.
pub fn own_key_headers() -> Vec<(&'static str, Value)> {
    let stranger = TestKey::second().jwk();
    let mut headers = vec![
        ("jwk", stranger),
        ("jku", json!("https://evil.example/jwks.json")),
        ("jku", json!(7)),
        ("x5u", json!("https://evil.example/chain.pem")),
        ("x5c", json!(["MIIBszCCARygAwIBAgI"])),
        ("crit", json!(["exp"])),
        ("crit", json!([])),
        ("b64", json!(false)),
        ("b64", json!(true)),
    ];
    headers.extend(["jwk", "jku", "x5u", "x5c", "crit", "b64"].map(|name| (name, Value::Null)));
    headers
}

fn own_keys_and_rules(all: &mut List) {
    for (name, value) in own_key_headers() {
        let header = value.clone();
        all.at_sight(format!("{name}: {value}, signed by a stranger"), move |token| {
            token.header(name, header.clone()).signed_with(|text| TestKey::second().sign_rs256(text))
        });
        all.at_sight(format!("{name}: {value}"), move |token| token.header(name, value.clone()).signed());
    }
}

fn said_twice(all: &mut List) {
    for twice in [r#"{"alg":"none","#, r#"{"kid":"other","#, r#"{"x":1,"x":2,"#] {
        all.at_sight(format!("the header says it twice: {twice}"), move |token| {
            token.header_text(|text| text.replacen('{', twice, 1)).signed()
        });
    }
}

fn changed(all: &mut List) {
    all.by_keys("claims of another token", |token| {
        let (good, other) =
            (token.clone().signed(), token.claim("email", "other@smartphonekey.com").signed());
        let (good, other): (Vec<_>, Vec<_>) = (good.split('.').collect(), other.split('.').collect());
        [good[0], other[1], good[2]].join(".")
    });
    let mut text = |name: &str, change: fn(&str) -> String| {
        all.by_keys(name, move |token| change(&token.signed()));
    };
    text("padding", |good| format!("{good}="));
    text("fourth part", |good| format!("{good}."));
    text("two parts", |good| good.rsplit_once('.').unwrap().0.to_owned());
    text("no dots", |good| good.replace('.', ""));
    text("spaces", |good| good.replace('.', ". "));
    text("standard base64", |good| {
        let (signed, signature) = good.rsplit_once('.').unwrap();
        format!("{signed}.{}", signature.replace('_', "/").replace('-', "+"))
    });
    text("only dots", |_| "..".to_owned());
    text("no JSON", |_| "bm9wZQ.bm9wZQ.bm9wZQ".to_owned());
    text("17 KiB", |good| format!("{good}{}", "A".repeat(17 * 1024)));
}
