//! Requests that may be repeated: `Idempotency-Key` (spec: Admin API; IETF draft httpapi-idempotency-key-header).
//!
//! The answer is kept sealed, in the batch of the change that it answers for, so neither is there without the other. Of two
//! requests at the same time the database lets one write its answer; the other one's batch ends without a trace, and its caller
//! gets the answer that was written.

use secrecy::ExposeSecret;
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use super::{App, Transitioned};
use crate::actor::Actor;
use crate::error::Error;
use crate::ports::Statement;
use crate::shard::Shards;
use crate::store::kept_answers::{self, AnsweredChange, KeptRow, NewAnswer};
use crate::tenant::OrgId;
use crate::tenant_scope::TenantScope;

/// The longest key, in characters.
const LONGEST_KEY: usize = 128;

/// A key by which a caller repeats a request: 1 to 128 visible ASCII characters.
#[derive(Clone, Debug)]
pub struct IdempotencyKey(String);

impl IdempotencyKey {
    /// Reads a key; `None` where it breaks the rule.
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        let good = (1..=LONGEST_KEY).contains(&bytes.len()) && bytes.iter().all(u8::is_ascii_graphic);
        good.then(|| Self(String::from_utf8_lossy(bytes).into_owned()))
    }

    /// Names the key of this caller: no two callers share one.
    fn id_for(&self, actor: &Actor) -> String {
        digest(&[&actor.name, actor.via.as_deref().unwrap_or_default(), &self.0])
    }
}

/// A digest of texts in this order, each with its length, so that no other texts give the same.
fn digest(texts: &[&str]) -> String {
    let mut digest = Sha256::new();
    for text in texts {
        digest.update((text.len() as u64).to_le_bytes());
        digest.update(text);
    }
    hex::encode(digest.finalize())
}

/// A request that carries a key, and the answer that is kept for that key.
#[derive(Clone, Debug)]
pub struct RepeatableRequest {
    id: String,
    member: Option<String>,
    earlier: Option<KeptRow>,
}

impl Shards<App> {
    /// The use cases for one request with this key. One round trip: every shard is asked, because a key that was used for a tenant of
    /// another shard is used.
    ///
    /// # Errors
    /// Where a database does not answer.
    pub async fn repeatable(mut self, key: &IdempotencyKey, actor: &Actor) -> Result<Self, Error> {
        let (id, member) = (key.id_for(actor), actor.acts_as_member().map(str::to_owned));
        let found = self.rows::<KeptRow>(|| kept_answers::find(&id, member.as_deref())).await?;
        let earlier = found.into_iter().flatten().next();
        for app in self.all_mut() {
            app.repeatable =
                Some(RepeatableRequest { id: id.clone(), member: member.clone(), earlier: earlier.clone() });
        }
        Ok(self)
    }
}

/// What a caller is told, in a form that can be kept and told again.
pub(super) trait KeptAnswer: Sized {
    /// The answer as JSON, without what the database alone knows.
    fn to_kept(&self) -> Value;

    /// The answer again; `version` and `orgName` are as the database had them.
    fn from_kept(kept: &Value) -> Option<Self>;
}

/// A request to a use case: what it asks for, if its caller may repeat it.
pub(super) struct RequestDigest(Option<String>);

impl RequestDigest {
    /// Whether the caller gave a key.
    pub(super) fn may_be_repeated(&self) -> bool {
        self.0.is_some()
    }
}

impl App {
    /// Whether there is an answer for the request's key.
    pub fn was_answered_before(&self) -> bool {
        self.repeatable.as_ref().is_some_and(|request| request.earlier.is_some())
    }

    async fn kept_answer(&self, id: &str, member: Option<&str>) -> Result<Option<KeptRow>, Error> {
        Ok(self.run(vec![kept_answers::find(id, member)]).await?.first(0)?)
    }

    /// Names what a request asks for. Two requests are the same if these values are.
    pub(super) fn asked(&self, what: impl FnOnce() -> Value) -> RequestDigest {
        // A map of JSON is in the order of its names, so equal values give equal texts.
        RequestDigest(self.repeatable.as_ref().map(|_| digest(&[&what().to_string()])))
    }

    /// Does what was asked for, unless that was done before: then the answer of then. Where another request with the same key
    /// was faster, the answer of that one.
    pub(super) async fn once<T: KeptAnswer>(
        &self,
        asked: &RequestDigest,
        act: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, Error> {
        let (Some(request), Some(asked)) = (&self.repeatable, &asked.0) else { return act.await };
        if let Some(row) = &request.earlier {
            return self.told(request, asked, row).await;
        }
        let done = act.await;
        if done.is_err()
            && let Ok(Some(row)) = self.kept_answer(&request.id, request.member.as_deref()).await
        {
            return self.told(request, asked, &row).await;
        }
        done
    }

    async fn told<T: KeptAnswer>(
        &self,
        request: &RepeatableRequest,
        asked: &str,
        row: &KeptRow,
    ) -> Result<T, Error> {
        if row.request != asked {
            return Err(Error::IdempotencyKeyReused);
        }
        let opened = self.sealer.open(&context(&request.id), &row.answer).await?;
        let answer = serde_json::from_str::<Map<String, Value>>(opened.expose_secret()).ok();
        let known = serde_json::from_str::<Map<String, Value>>(&row.known).ok();
        let kept = answer.zip(known).and_then(|(mut answer, known)| {
            answer.extend(known);
            T::from_kept(&Value::Object(answer))
        });
        kept.ok_or_else(|| Error::Internal("a kept answer is malformed".to_owned()))
    }

    /// The statement that keeps the answer, after those that change what the answer tells of; nothing where the caller gave no
    /// key.
    pub(super) async fn keep(
        &self,
        asked: &RequestDigest,
        tenant: &TenantScope,
        answer: &impl KeptAnswer,
        change: &AnsweredChange<'_>,
    ) -> Result<Option<Statement>, Error> {
        self.keep_by(asked, answer, |new| kept_answers::keep(tenant, new, change)).await
    }

    /// The same for an answer that is about no tenant.
    pub(super) async fn keep_of_none(
        &self,
        asked: &RequestDigest,
        answer: &impl KeptAnswer,
    ) -> Result<Option<Statement>, Error> {
        self.keep_by(asked, answer, kept_answers::keep_of_none).await
    }

    async fn keep_by(
        &self,
        asked: &RequestDigest,
        answer: &impl KeptAnswer,
        statement: impl FnOnce(&NewAnswer<'_>) -> Statement,
    ) -> Result<Option<Statement>, Error> {
        let (Some(request), Some(asked)) = (&self.repeatable, &asked.0) else { return Ok(None) };
        let sealed = self.sealer.seal(&context(&request.id), &answer.to_kept().to_string()).await?;
        let new = NewAnswer { id: &request.id, request: asked, sealed: &sealed, at: self.now() };
        Ok(Some(statement(&new)))
    }
}

/// What the sealed answer of this id opens with.
fn context(id: &str) -> String {
    format!("kept-answer:{id}")
}

/// A text of a kept answer.
pub(super) fn text<'a>(kept: &'a Value, name: &str) -> Option<&'a str> {
    kept.get(name)?.as_str()
}

impl KeptAnswer for Transitioned {
    fn to_kept(&self) -> Value {
        serde_json::json!({"orgId": self.org_id, "version": self.version})
    }

    fn from_kept(kept: &Value) -> Option<Self> {
        let org_id = OrgId::parse(text(kept, "orgId")?).ok()?;
        Some(Self { org_id, version: kept.get("version")?.as_u64()?.try_into().ok()? })
    }
}

impl KeptAnswer for () {
    fn to_kept(&self) -> Value {
        Value::Object(Map::new())
    }

    fn from_kept(_kept: &Value) -> Option<Self> {
        Some(())
    }
}
