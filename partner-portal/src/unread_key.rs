//! API keys that wait for the one response that shows them.
//!
//! The database holds the API key, encrypted, under a random id. The key for decryption is only in the reader's cookie.
//! One statement returns the row and deletes it, so of any number of readers only one gets the API key.

use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use edge::problem::Problem;
use secrecy::zeroize::Zeroizing;
use secrecy::{ExposeSecret, SecretBox};
use serde::Deserialize;
use shared::api_key::{ApiKey, masked};
use shared::error::Error;
use shared::ports::{Aead, Database, Random, Statement};
use shared::sealer::{Sealer, SealingKey};
use shared::time::Timestamp;

use crate::cookies;

/// The time that an API key waits for its reader.
pub const LIFE: Duration = Duration::from_secs(15 * 60);

/// The conditions of the one who may read an API key.
const READER: &str = "id = ?1 AND email = ?2 COLLATE NOCASE AND org_id = ?3 AND expires_at > ?4";

/// The store of unread API keys.
#[derive(Clone)]
pub struct UnreadKeys {
    /// `SESSIONS`
    pub database: Arc<dyn Database>,
    /// The source of ids and keys.
    pub random: Arc<dyn Random>,
    /// The cipher.
    pub aead: Arc<dyn Aead>,
}

/// The one who may read an API key: the person who had the key issued, in the browser that has the cookie. Another
/// sign-in of the same person changes neither.
#[derive(Clone, Copy)]
pub struct Reader<'a> {
    /// The person's e-mail address.
    pub email: &'a str,
    /// The organization that the key is for.
    pub org_id: &'a str,
}

/// An API key that nobody has read yet.
#[derive(Debug, Deserialize)]
pub struct UnreadKey {
    /// The key, masked.
    pub masked: String,
    expires_at: i64,
}

impl UnreadKey {
    /// Returns the time until which the key can be read.
    pub fn expires_at(&self) -> Timestamp {
        Timestamp::from_milliseconds(self.expires_at)
    }
}

#[derive(Deserialize)]
struct SealedRow {
    sealed: String,
}

impl UnreadKeys {
    /// Stores an API key, and returns the value of the reader's cookie.
    ///
    /// # Errors
    /// 503 if the database does not answer.
    pub async fn put(&self, reader: Reader<'_>, api_key: &ApiKey, now: Timestamp) -> Result<String, Problem> {
        let mut id = [0_u8; 16];
        self.random.fill(&mut id);
        let id = URL_SAFE_NO_PAD.encode(id);
        let key = SecretBox::init_with_mut(|key: &mut [u8; 32]| self.random.fill(key));
        let cookie = format!("{id}.{}", URL_SAFE_NO_PAD.encode(key.expose_secret()));
        let sealed = self.sealer(key).seal(&context(&id), api_key.reveal()).await.map_err(Error::from)?;
        let insert = Statement::new(
            "INSERT INTO unread_keys (id, email, org_id, masked, sealed, expires_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        )
        .bind(&id)
        .bind(reader.email)
        .bind(reader.org_id)
        .bind(masked(api_key.prefix(), api_key.suffix()))
        .bind(sealed)
        .bind(now.plus(LIFE));
        self.database.batch(vec![insert]).await.map_err(Error::from)?;
        Ok(cookie)
    }

    /// Returns what is known of the API key that the cookie opens, and leaves the key where it is. `None` if the key was
    /// taken before, is too old, or is for another reader.
    ///
    /// # Errors
    /// 503 if the database does not answer.
    pub async fn find(
        &self,
        reader: Reader<'_>,
        cookie: &str,
        now: Timestamp,
    ) -> Result<Option<UnreadKey>, Problem> {
        let Some((id, _)) = open(cookie) else { return Ok(None) };
        let select = format!("SELECT masked, expires_at FROM unread_keys WHERE {READER}");
        let mut batch =
            self.database.batch(vec![of_reader(select, id, reader, now)]).await.map_err(Error::from)?;
        Ok(batch.first(0).map_err(Error::from)?)
    }

    /// Takes the API key that the cookie opens. `None` if the key was taken before, is too old, or is for another reader.
    ///
    /// # Errors
    /// 503 if the database does not answer; then the API key may still be there.
    pub async fn take(
        &self,
        reader: Reader<'_>,
        cookie: &str,
        now: Timestamp,
    ) -> Result<Option<ApiKey>, Problem> {
        let Some((id, key)) = open(cookie) else { return Ok(None) };
        let delete = format!("DELETE FROM unread_keys WHERE {READER} RETURNING sealed");
        let mut batch =
            self.database.batch(vec![of_reader(delete, id, reader, now)]).await.map_err(Error::from)?;
        let Some(row) = batch.first::<SealedRow>(0).map_err(Error::from)? else { return Ok(None) };
        let opened = self.sealer(key).open(&context(id), &row.sealed).await.ok();
        Ok(opened.and_then(|text| ApiKey::parse(text.expose_secret())))
    }

    fn sealer(&self, key: SecretBox<[u8; 32]>) -> Sealer {
        Sealer::new(SealingKey::of(key), None, self.aead.clone(), self.random.clone())
    }
}

/// Returns the name of the cookie that opens an organization's unread key. Each organization has a cookie of its own, so
/// that issuing a key for one leaves the key of another unread.
pub fn cookie_name(org_id: &str) -> String {
    format!("{}{org_id}", cookies::UNREAD_KEY)
}

/// Takes a cookie apart into the row's id and the key for decryption.
fn open(cookie: &str) -> Option<(&str, SecretBox<[u8; 32]>)> {
    let (id, key) = cookie.split_once('.')?;
    let decoded = Zeroizing::new(URL_SAFE_NO_PAD.decode(key).ok()?);
    let bytes: &[u8; 32] = decoded.as_array()?;
    Some((id, SecretBox::init_with_mut(|key: &mut [u8; 32]| key.copy_from_slice(bytes))))
}

fn of_reader(sql: String, id: &str, reader: Reader<'_>, now: Timestamp) -> Statement {
    Statement::new(sql).bind(id).bind(reader.email).bind(reader.org_id).bind(now)
}

fn context(id: &str) -> String {
    format!("unread API key {id}")
}
