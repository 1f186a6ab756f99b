//! A provider's public documents: ten minutes in memory, a day in KV, fetched at most every thirty seconds.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use shared::ports::BodyStore;
use shared::time::Timestamp;

use crate::ports::DocumentClient;
use crate::problem::Problem;

/// How long a fetched document is taken as it is.
const FRESH: Duration = Duration::from_secs(600);
/// The least time between two fetches, whatever callers send.
const BETWEEN_FETCHES: Duration = Duration::from_secs(30);
/// How long a document serves while the provider cannot be reached, in memory and in KV.
const KEPT: Duration = Duration::from_secs(86_400);

/// The provider to fetch documents from, and the store that keeps them.
#[derive(Clone)]
pub struct DocumentSource {
    /// Fetches documents.
    pub client: Arc<dyn DocumentClient>,
    /// Keeps documents for the other isolates.
    pub store: Arc<dyn BodyStore>,
}

/// One document as this isolate knows it.
pub struct CachedDocument<T> {
    source: DocumentSource,
    /// The document's name in the log.
    name: &'static str,
    parse: fn(&str) -> Option<T>,
    known: Mutex<Known<T>>,
}

struct Known<T> {
    document: Option<Fetched<T>>,
    /// The time of the last fetch: this isolate's, or that of the isolate that put the document into the store.
    last_fetch: Option<Timestamp>,
}

/// A document with the time of its fetch.
pub struct Fetched<T> {
    /// The time of the fetch, by the clock of the isolate that fetched the document.
    pub at: Timestamp,
    /// The parsed document.
    pub value: Arc<T>,
}

impl<T> Clone for Fetched<T> {
    fn clone(&self) -> Self {
        Self { at: self.at, value: self.value.clone() }
    }
}

#[derive(Serialize, Deserialize)]
struct Stored {
    at: Timestamp,
    document: String,
}

impl<T> CachedDocument<T> {
    /// A cache without a document yet. `parse` returns `None` if a text is no such document.
    pub fn new(source: DocumentSource, name: &'static str, parse: fn(&str) -> Option<T>) -> Self {
        Self { source, name, parse, known: Mutex::new(Known { document: None, last_fetch: None }) }
    }

    /// The document at this URL, at most ten minutes old; up to a day if the provider cannot be reached.
    ///
    /// # Errors
    /// 503 if there is no document at all.
    pub async fn get(&self, url: &str, now: Timestamp) -> Result<Fetched<T>, Problem> {
        if let Some(fetched) = self.remembered(now) {
            return Ok(fetched);
        }
        let remembered = self.known().document.clone();
        let stored = self.stored(url).await;
        if let Some(fetched) = stored.as_ref().filter(|fetched| now.since(fetched.at) < FRESH) {
            self.remember(fetched);
            return Ok(fetched.clone());
        }
        // The provider being away is no reason to lock everybody out: what was fetched within a day still serves.
        self.refresh(url, now).await.or_else(|fault| {
            let cached = [remembered, stored].into_iter().flatten();
            let serving = cached.filter(|fetched| now.since(fetched.at) < KEPT);
            serving.max_by_key(|fetched| fetched.at).ok_or_else(|| {
                Problem::unavailable(format!("the issuer's {} is not cached, and {fault}", self.name))
            })
        })
    }

    /// The document as this isolate knows it, if the document is at most ten minutes old.
    pub fn remembered(&self, now: Timestamp) -> Option<Fetched<T>> {
        self.known().document.clone().filter(|fetched| now.since(fetched.at) < FRESH)
    }

    /// Fetches the document, unless there was a fetch within the last thirty seconds. While there is no document at all,
    /// requests that come at the same time each fetch: a request that waited for another's fetch would hang on Workers.
    ///
    /// # Errors
    /// Why there is no newer document, for the log.
    pub async fn refresh(&self, url: &str, now: Timestamp) -> Result<Fetched<T>, String> {
        {
            let mut known = self.known();
            if known.last_fetch.is_some_and(|last| now.since(last) < BETWEEN_FETCHES) {
                return Err("a fetch within the last 30 seconds did not help".to_owned());
            }
            if known.document.is_some() {
                known.last_fetch = Some(now);
            }
        }
        let answer = self.source.client.get(url).await;
        self.known().last_fetch = Some(now);
        let document = answer.map_err(|error| error.to_string())?;
        let value = (self.parse)(&document).ok_or_else(|| format!("what came is no {}", self.name))?;
        let fetched = Fetched { at: now, value: Arc::new(value) };
        self.remember(&fetched);
        if let Ok(text) = serde_json::to_string(&Stored { at: now, document }) {
            // The store only spares other isolates a fetch: if this fails, each fetches once itself.
            let _ = self.source.store.put(url, &text, KEPT).await;
        }
        Ok(fetched)
    }

    /// The stored document of this very URL: another issuer's is never taken for this one's.
    async fn stored(&self, url: &str) -> Option<Fetched<T>> {
        let text = self.source.store.get(url).await.ok().flatten()?;
        let stored: Stored = serde_json::from_str(&text).ok()?;
        Some(Fetched { at: stored.at, value: Arc::new((self.parse)(&stored.document)?) })
    }

    fn remember(&self, fetched: &Fetched<T>) {
        let mut known = self.known();
        known.last_fetch = known.last_fetch.max(Some(fetched.at));
        known.document = Some(fetched.clone());
    }

    fn known(&self) -> std::sync::MutexGuard<'_, Known<T>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
