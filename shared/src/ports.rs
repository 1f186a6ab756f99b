//! What the use cases, the sealer and delivery need from outside. `cloudflare/` implements these traits on Workers,
//! `testing/` in memory.

mod log;

use std::borrow::Cow;
use std::time::Duration;

use async_trait::async_trait;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::delivery::measurement::Measurement;
use crate::delivery::outcome::AttemptResult;
use crate::error::Error;
use crate::mail::Mail;
use crate::row::ResultSet;
use crate::shared_text::SharedText;
use crate::text::json_text;
use crate::time::Timestamp;

pub use log::{AttemptLine, Log};

/// The time of day, and its passing.
#[async_trait]
pub trait Clock: Send + Sync {
    /// Now.
    fn now(&self) -> Timestamp;

    /// Waits this long.
    async fn sleep(&self, duration: Duration);
}

/// Random bytes fit for keys.
pub trait Random: Send + Sync {
    /// Fills the whole slice.
    fn fill(&self, bytes: &mut [u8]);
}

/// A relational database with SQLite's dialect.
#[async_trait]
pub trait Database: Send + Sync {
    /// Runs the statements in order, in one transaction and one round trip: all of them, or none.
    ///
    /// # Errors
    /// [`DatabaseError`]. Nothing was changed.
    async fn batch(&self, statements: Vec<Statement>) -> Result<Batch, DatabaseError>;
}

/// Sends e-mails.
#[async_trait]
pub trait Mailer: Send + Sync {
    /// Hands one mail over.
    ///
    /// # Errors
    /// Why the mail was not taken.
    async fn send(&self, mail: &Mail) -> Result<(), MailError>;
}

/// Why a mail was not taken, in the service's words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MailError(pub String);

/// One SQL statement with its parameters, `?1` first.
#[derive(Clone, Debug)]
pub struct Statement {
    /// SQL text; never contains a value.
    pub sql: Cow<'static, str>,
    /// JSON null, text, numbers (whole ones below 2⁵³) and booleans.
    pub parameters: Vec<Value>,
}

impl Statement {
    /// A statement without parameters so far.
    pub fn new(sql: impl Into<Cow<'static, str>>) -> Self {
        Self { sql: sql.into(), parameters: Vec::new() }
    }

    /// Adds the next parameter.
    #[must_use]
    pub fn bind(mut self, value: impl Into<Parameter>) -> Self {
        self.parameters.push(value.into().0);
        self
    }
}

/// A value a statement can take.
#[derive(Clone, Debug)]
pub struct Parameter(Value);

macro_rules! parameter_from {
    ($($type:ty => |$value:ident| $convert:expr;)*) => {$(
        impl From<$type> for Parameter {
            fn from($value: $type) -> Self {
                Self(Value::from($convert))
            }
        }
    )*};
}

parameter_from! {
    &str => |value| value;
    &String => |value| value.as_str();
    String => |value| value;
    i64 => |value| value;
    u32 => |value| value;
    u16 => |value| value;
    bool => |value| value;
    Timestamp => |value| value.milliseconds();
    &crate::tenant::OrgId => |value| value.as_str();
    &crate::webhook::id::WebhookId => |value| value.to_string();
    &crate::event::id::EventId => |value| value.as_str();
    Value => |value| json_text(&value);
}

impl<T: Into<Parameter>> From<Option<T>> for Parameter {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self(Value::Null), Into::into)
    }
}

/// The rows that each statement of a batch returned, and what the batch cost.
#[derive(Debug, Default)]
pub struct Batch {
    rows: Vec<ResultSet>,
    /// Rows read and written, index rows included, where the database counts them.
    pub cost: RowCount,
    /// The size of the database after the batch, in bytes, where the database tells.
    pub size: Option<u64>,
}

/// Rows that a batch touched.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RowCount {
    /// Rows read.
    pub read: u64,
    /// Rows written.
    pub written: u64,
}

impl Batch {
    /// The rows by statement.
    pub fn new(rows: Vec<ResultSet>, cost: RowCount) -> Self {
        Self { rows, cost, size: None }
    }

    /// The same batch of a database of this size, in bytes.
    #[must_use]
    pub fn in_size(self, size: Option<u64>) -> Self {
        Self { size, ..self }
    }

    /// Takes out the rows of the statement at `index`.
    ///
    /// # Errors
    /// If a row has another shape than `T`.
    pub fn take<T: DeserializeOwned>(&mut self, index: usize) -> Result<Vec<T>, DatabaseError> {
        let rows = self.rows.get_mut(index).map(std::mem::take).unwrap_or_default();
        rows.read().map_err(DatabaseError::shape)
    }

    /// The first row of the statement at `index`, if any.
    ///
    /// # Errors
    /// If the row has another shape than `T`.
    pub fn first<T: DeserializeOwned>(&mut self, index: usize) -> Result<Option<T>, DatabaseError> {
        Ok(self.take(index)?.into_iter().next())
    }

    /// The same without the rows of the first statement.
    #[must_use]
    pub fn without_first(mut self) -> Self {
        if !self.rows.is_empty() {
            self.rows.remove(0);
        }
        self
    }

    /// How many rows the statement at `index` returned.
    pub fn count(&self, index: usize) -> u64 {
        self.rows.get(index).map_or(0, |rows| rows.len() as u64)
    }

    /// Whether the statement at `index` returned at least one row.
    pub fn any(&self, index: usize) -> bool {
        self.rows.get(index).is_some_and(|rows| !rows.is_empty())
    }
}

/// Why a batch did not run.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DatabaseError {
    /// A UNIQUE constraint refused it; the text names its columns.
    #[error("unique constraint: {0}")]
    Unique(String),
    /// A row has another shape than the code expects.
    #[error("row shape: {0}")]
    Shape(String),
    /// The database is not the shard that it is taken for; the text says which it is.
    #[error("wrong shard: {0}")]
    WrongShard(String),
    /// Anything else: unreachable, overloaded, a fault in the SQL.
    #[error("database: {0}")]
    Failed(String),
}

impl DatabaseError {
    /// A row that could not be read.
    #[allow(clippy::needless_pass_by_value, reason = "for `map_err`")]
    pub(crate) fn shape(error: serde_json::Error) -> Self {
        Self::Shape(error.to_string())
    }
}

/// A queue that keeps what it accepted.
#[async_trait]
pub trait Queue: Send + Sync {
    /// Puts all messages on the queue, in as many calls as the platform's limits ask for.
    ///
    /// # Errors
    /// Some messages may be on the queue all the same. Sending all again is safe: consumers are idempotent.
    async fn send(&self, messages: Vec<QueuedMessage>) -> Result<(), QueueError>;

    /// Counts what waits on the queue, roughly.
    ///
    /// # Errors
    /// If the platform does not tell.
    async fn backlog(&self) -> Result<Backlog, QueueError>;
}

/// What waits on a queue.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Backlog {
    /// The number of messages.
    pub messages: u64,
    /// When the oldest message was sent, if the platform knows.
    pub oldest: Option<Timestamp>,
}

/// A message to send.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueuedMessage {
    /// The text of a [`crate::event::message`] type.
    pub body: SharedText,
    /// The queue holds the message back for this long; whole seconds.
    pub delay: Duration,
}

/// The queue did not take everything.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("queue: {0}")]
pub struct QueueError(pub String);

/// Large values by key, kept for a while.
#[async_trait]
pub trait BodyStore: Send + Sync {
    /// Keeps `body` for `keep`.
    ///
    /// # Errors
    /// If the store did not confirm.
    async fn put(&self, key: &str, body: &str, keep: Duration) -> Result<(), StoreError>;

    /// The value of `key`. `None` if the store does not have it yet, or no longer.
    ///
    /// # Errors
    /// If the store did not answer.
    async fn get(&self, key: &str) -> Result<Option<String>, StoreError>;
}

/// The store did not answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("store: {0}")]
pub struct StoreError(pub String);

/// Sends webhooks.
#[async_trait]
pub trait HttpClient: Send + Sync {
    /// POSTs once. Follows no redirect, and ends within `request.timeout`, counted from the start of the request. The
    /// status decides as soon as it is there: of a failure's body at most 1 KiB is read, of a 2xx nothing, and whatever
    /// goes wrong with a body changes nothing.
    async fn post(&self, request: OutboundRequest) -> AttemptResult;
}

/// One POST to a partner's endpoint.
#[derive(Clone, Debug)]
pub struct OutboundRequest {
    /// The endpoint; already checked.
    pub url: String,
    /// Header names and values; values may be secrets.
    pub headers: Vec<(String, String)>,
    /// The body, byte for byte; the requests of an event share the envelope.
    pub body: SharedText,
    /// The time for the whole exchange.
    pub timeout: Duration,
}

/// AES-256-GCM (NIST SP 800-38D) with a 128-bit tag at the end of the ciphertext.
#[async_trait]
pub trait Aead: Send + Sync {
    /// Encrypts.
    ///
    /// # Errors
    /// If the platform's cryptography refuses.
    async fn seal(
        &self,
        key: &[u8; 32],
        nonce: &[u8; 12],
        context: &[u8],
        plaintext: &[u8],
    ) -> Result<Vec<u8>, CipherError>;

    /// Decrypts.
    ///
    /// # Errors
    /// If the ciphertext was changed, or was sealed with another key or context.
    async fn open(
        &self,
        key: &[u8; 32],
        nonce: &[u8; 12],
        context: &[u8],
        ciphertext: &[u8],
    ) -> Result<Vec<u8>, CipherError>;
}

/// Sealing or opening failed. The error says nothing of the contents.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a sealed value could not be opened or made")]
pub struct CipherError;

/// Raw DEFLATE (RFC 1951).
#[async_trait]
pub trait Compressor: Send + Sync {
    /// Compresses.
    ///
    /// # Errors
    /// If the platform's compression fails.
    async fn deflate(&self, bytes: &[u8]) -> Result<Vec<u8>, CompressionError>;

    /// Decompresses.
    ///
    /// # Errors
    /// If the bytes are not what [`Compressor::deflate`] made.
    async fn inflate(&self, bytes: &[u8]) -> Result<Vec<u8>, CompressionError>;
}

/// Compressing or decompressing failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a body could not be packed or unpacked")]
pub struct CompressionError;

/// Counts attempts for the operators' queries. An attempt that is not counted is delivered all the same.
pub trait Metrics: Send + Sync {
    /// Takes what a batch measured, without waiting for anything. Merges measurements if there are more than the
    /// platform takes.
    ///
    /// # Errors
    /// If the platform did not take all of them.
    fn write(&self, measured: Vec<Measurement>) -> Result<(), MetricsError>;
}

/// Some attempts are not counted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("metrics: {0}")]
pub struct MetricsError(pub String);

impl From<DatabaseError> for Error {
    /// A failure may pass; rows of an unexpected shape are our own fault.
    fn from(error: DatabaseError) -> Self {
        match error {
            DatabaseError::Failed(text) => Self::Unavailable(format!("database: {text}")),
            DatabaseError::WrongShard(text) => Self::Misconfigured(text),
            DatabaseError::Unique(_) | DatabaseError::Shape(_) => Self::Internal(error.to_string()),
        }
    }
}

impl From<QueueError> for Error {
    fn from(error: QueueError) -> Self {
        Self::Unavailable(error.to_string())
    }
}

impl From<StoreError> for Error {
    fn from(error: StoreError) -> Self {
        Self::Unavailable(error.to_string())
    }
}

impl From<CompressionError> for Error {
    fn from(error: CompressionError) -> Self {
        Self::Internal(error.to_string())
    }
}

impl From<CipherError> for Error {
    fn from(error: CipherError) -> Self {
        Self::Internal(error.to_string())
    }
}
