//! API keys that wait for the one response that shows them.
//!
//! The database holds the API key, encrypted, under a random id. The key for decryption is only in the reader's cookie.
//! One statement returns the row and deletes it, so of any number of readers only one gets the API key.

use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use edge::problem::Problem;
use secrecy::SecretString;
use serde::Deserialize;
use shared::error::Error;
use shared::ports::{Aead, Database, Random, Statement};
use shared::sealer::{Sealer, SealingKey};
use shared::time::Timestamp;

/// The time that an API key waits for its reader.
pub const LIFE: Duration = Duration::from_secs(5 * 60);

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

/// The one who may read an API key.
#[derive(Clone, Copy)]
pub struct Reader<'a> {
    /// The session that issued the key.
    pub session_digest: &'a str,
    /// The organization that the key is for.
    pub org_id: &'a str,
}

#[derive(Deserialize)]
struct UnreadKeyRow {
    sealed: String,
}

impl UnreadKeys {
    /// Stores an API key, and returns the value of the reader's cookie.
    ///
    /// # Errors
    /// 503 if the database does not answer.
    pub async fn put(&self, reader: Reader<'_>, api_key: &str, now: Timestamp) -> Result<String, Problem> {
        let mut id = [0_u8; 16];
        self.random.fill(&mut id);
        let id = URL_SAFE_NO_PAD.encode(id);
        let mut key = [0_u8; 32];
        self.random.fill(&mut key);
        let sealed = self.sealer(key).seal(&context(&id), api_key).await.map_err(Error::from)?;
        let insert = Statement::new(
            "INSERT INTO unread_keys (id, session, org_id, sealed, expires_at) VALUES (?1, ?2, ?3, ?4, ?5)",
        )
        .bind(&id)
        .bind(reader.session_digest)
        .bind(reader.org_id)
        .bind(sealed)
        .bind(now.plus(LIFE));
        self.database.batch(vec![insert]).await.map_err(Error::from)?;
        Ok(format!("{id}.{}", URL_SAFE_NO_PAD.encode(key)))
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
    ) -> Result<Option<SecretString>, Problem> {
        let Some((id, key)) = cookie.split_once('.') else { return Ok(None) };
        let key = URL_SAFE_NO_PAD.decode(key).ok().and_then(|key| <[u8; 32]>::try_from(key).ok());
        let Some(key) = key else { return Ok(None) };
        let delete = Statement::new(
            "DELETE FROM unread_keys WHERE id = ?1 AND session = ?2 AND org_id = ?3 AND expires_at > ?4 RETURNING sealed",
        )
        .bind(id)
        .bind(reader.session_digest)
        .bind(reader.org_id)
        .bind(now);
        let mut batch = self.database.batch(vec![delete]).await.map_err(Error::from)?;
        let Some(row) = batch.first::<UnreadKeyRow>(0).map_err(Error::from)? else { return Ok(None) };
        Ok(self.sealer(key).open(&context(id), &row.sealed).await.ok())
    }

    fn sealer(&self, key: [u8; 32]) -> Sealer {
        Sealer::new(SealingKey::from_bytes(key), None, self.aead.clone(), self.random.clone())
    }
}

fn context(id: &str) -> String {
    format!("unread API key {id}")
}
