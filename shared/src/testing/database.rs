//! SQLite in memory with the project's migrations: the engine that D1 runs on.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::Poll;

use async_trait::async_trait;
use flate2::read::DeflateDecoder;
use rusqlite::functions::FunctionFlags;
use rusqlite::types::ValueRef;
use rusqlite::{Connection, ErrorCode, StatementStatus, params_from_iter};
use serde_json::Value;

use crate::ports::{Batch, Database, DatabaseError, RowCount, Statement};
use crate::row::ResultSet;

/// A database of its own, counting round trips.
pub struct SqliteDatabase {
    connection: Mutex<Connection>,
    round_trips: AtomicU64,
    statements: AtomicU64,
    bytes: AtomicU64,
    failing: Mutex<Option<String>>,
    refusing: Mutex<Option<Refusal>>,
    crash: Mutex<Option<CrashPoint>>,
    size: AtomicU64,
}

/// Decides, at each batch, whether the consumer dies there.
type CrashPoint = Box<dyn FnMut() -> Crash + Send>;

/// Decides, at each statement that would write, whether the database refuses.
type Refusal = Box<dyn FnMut(&Statement) -> bool + Send>;

/// Where a consumer dies. What it was doing never goes on: its future stays pending.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Crash {
    /// Not here.
    Never,
    /// Not here, but others get their turn before the batch runs.
    Later,
    /// Before the batch ran.
    Before,
    /// After it ran, and before the consumer knew.
    After,
}

/// The folder of the tenants' database's migrations.
pub fn tenants_migrations() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../migrations")
}

/// A folder's migrations, in the order in which they are applied.
pub fn migrations(folder: &Path) -> Vec<PathBuf> {
    let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

/// Lets tests write deliveries as people read them: the view `delivery_log` takes inserts and updates.
const WRITABLE_LOG: &str = include_str!("writable_log.sql");

impl Default for SqliteDatabase {
    fn default() -> Self {
        Self::migrated()
    }
}

impl SqliteDatabase {
    /// With every migration of the tenants' database applied.
    pub fn migrated() -> Self {
        Self::with_migrations(&tenants_migrations())
    }

    /// With every migration of this folder applied.
    pub fn with_migrations(folder: &Path) -> Self {
        let database = Self::empty();
        for file in migrations(folder) {
            database.migrate(&file);
        }
        let has_log = "SELECT 1 AS one FROM sqlite_master WHERE name = 'delivery_log'";
        if !database.query(Statement::new(has_log)).is_empty() {
            database.connection.lock().unwrap().execute_batch(WRITABLE_LOG).unwrap();
        }
        database
    }

    /// Without a table.
    pub fn empty() -> Self {
        let connection = Connection::open_in_memory().unwrap();
        let flags = FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DETERMINISTIC;
        connection
            .create_scalar_function("unpacked", 1, flags, |context| unpacked(context.get_raw(0)))
            .unwrap();
        Self {
            connection: Mutex::new(connection),
            round_trips: AtomicU64::new(0),
            statements: AtomicU64::new(0),
            bytes: AtomicU64::new(0),
            failing: Mutex::default(),
            refusing: Mutex::default(),
            crash: Mutex::default(),
            size: AtomicU64::default(),
        }
    }

    /// Runs one file of SQL, as D1 applies a migration.
    pub fn migrate(&self, file: &Path) {
        let sql = std::fs::read_to_string(file).unwrap();
        self.connection.lock().unwrap().execute_batch(&sql).unwrap();
    }

    /// Batches run since the last call.
    pub fn take_round_trips(&self) -> u64 {
        self.round_trips.swap(0, Ordering::Relaxed)
    }

    /// Statements run since the last call, and the bytes of their parameters.
    pub fn take_statements(&self) -> (u64, u64) {
        (self.statements.swap(0, Ordering::Relaxed), self.bytes.swap(0, Ordering::Relaxed))
    }

    /// From now on every batch fails with this text; `None` heals.
    pub fn fail(&self, text: Option<&str>) {
        *self.failing.lock().unwrap() = text.map(str::to_owned);
    }

    /// Decides, at each statement that would write, whether the database refuses the batch: one that is full takes no write
    /// at all; one row may be refused by itself.
    pub fn refuse_writes(&self, refuse: impl FnMut(&Statement) -> bool + Send + 'static) {
        *self.refusing.lock().unwrap() = Some(Box::new(refuse));
    }

    /// Takes every write again.
    pub fn take_writes(&self) {
        *self.refusing.lock().unwrap() = None;
    }

    /// Decides, at each batch from now on, whether the consumer dies there.
    pub fn crash(&self, decide: impl FnMut() -> Crash + Send + 'static) {
        *self.crash.lock().unwrap() = Some(Box::new(decide));
    }

    /// The rows of a query, for assertions.
    pub fn query(&self, statement: Statement) -> Vec<Value> {
        let connection = self.connection.lock().unwrap();
        run(&connection, &statement).expect("the query runs").objects()
    }

    /// What a statement costs SQLite: steps of its virtual machine, which grow with the rows that it touches. What the
    /// statement writes is undone.
    pub fn steps(&self, statement: &Statement) -> i32 {
        let mut connection = self.connection.lock().unwrap();
        let transaction = connection.transaction().unwrap();
        let mut prepared = transaction.prepare(&statement.sql).unwrap();
        let mut rows = prepared.query(params_from_iter(parameters(statement))).unwrap();
        while rows.next().unwrap().is_some() {}
        drop(rows);
        prepared.get_status(StatementStatus::VmStep)
    }

    /// How SQLite would run a statement: the `detail` lines of `EXPLAIN QUERY PLAN`.
    pub fn plan(&self, statement: &Statement) -> Vec<String> {
        let explained = Statement {
            sql: format!("EXPLAIN QUERY PLAN {}", statement.sql).into(),
            parameters: statement.parameters.clone(),
        };
        self.query(explained)
            .iter()
            .map(|row| row["detail"].as_str().unwrap_or_default().to_owned())
            .collect()
    }

    /// Every value of every table as one text: to look for what must not be there.
    pub fn dump(&self) -> String {
        let tables = self.query(Statement::new("SELECT name FROM sqlite_master WHERE type = 'table'"));
        let rows = tables.iter().flat_map(|table| {
            self.query(Statement::new(format!(
                "SELECT * FROM {}",
                table["name"].as_str().unwrap_or_default()
            )))
        });
        rows.map(|row| row.to_string()).collect::<Vec<_>>().join("\n")
    }
}

/// Gives way once.
async fn others_first() {
    let mut gave_way = false;
    std::future::poll_fn(|context| {
        if std::mem::replace(&mut gave_way, true) {
            return Poll::Ready(());
        }
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

/// The SQL function `unpacked(body)` of tests: an envelope as `bodies` keeps it, as text.
fn unpacked(value: ValueRef<'_>) -> rusqlite::Result<Option<String>> {
    Ok(match value {
        ValueRef::Blob(bytes) => Some(io::read_to_string(DeflateDecoder::new(bytes)).unwrap()),
        ValueRef::Text(text) => Some(String::from_utf8_lossy(text).into_owned()),
        _ => None,
    })
}

#[async_trait]
impl Database for SqliteDatabase {
    async fn batch(&self, statements: Vec<Statement>) -> Result<Batch, DatabaseError> {
        self.round_trips.fetch_add(1, Ordering::Relaxed);
        self.statements.fetch_add(statements.len() as u64, Ordering::Relaxed);
        let bytes = statements.iter().flat_map(|statement| &statement.parameters);
        let bytes: usize = bytes.filter_map(Value::as_str).map(str::len).sum();
        self.bytes.fetch_add(bytes as u64, Ordering::Relaxed);
        if let Some(text) = self.failing.lock().unwrap().clone() {
            return Err(DatabaseError::Failed(text));
        }
        let crash = self.crash.lock().unwrap().as_mut().map_or(Crash::Never, |decide| decide());
        if crash == Crash::Later {
            others_first().await;
        }
        if crash == Crash::Before {
            std::future::pending::<()>().await;
        }
        let batch = self.run_all(&statements);
        if crash == Crash::After {
            std::future::pending::<()>().await;
        }
        batch
    }
}

impl SqliteDatabase {
    /// Sets the size that the database tells of itself, in bytes.
    pub fn set_size(&self, bytes: u64) {
        self.size.store(bytes, Ordering::Relaxed);
    }

    fn run_all(&self, statements: &[Statement]) -> Result<Batch, DatabaseError> {
        let mut connection = self.connection.lock().unwrap();
        let transaction = connection.transaction().map_err(failed)?;
        let before = transaction.total_changes();
        let mut rows = Vec::with_capacity(statements.len());
        for statement in statements {
            assert!(statement.parameters.len() <= 100, "D1 takes 100 parameters");
            let fits = |value: &Value| value.as_str().is_none_or(|text| text.len() <= 2_000_000);
            assert!(statement.parameters.iter().all(fits), "D1 takes 2 MB per value");
            if !statement.sql.starts_with("SELECT")
                && self.refusing.lock().unwrap().as_mut().is_some_and(|refuse| refuse(statement))
            {
                return Err(DatabaseError::Failed("the database takes no write".to_owned()));
            }
            rows.push(run(&transaction, statement)?);
        }
        let written = transaction.total_changes() - before;
        transaction.commit().map_err(failed)?;
        let size = Some(self.size.load(Ordering::Relaxed));
        Ok(Batch::new(rows, RowCount { read: 0, written }).in_size(size))
    }
}

fn run(connection: &Connection, statement: &Statement) -> Result<ResultSet, DatabaseError> {
    let mut prepared = connection.prepare(&statement.sql).map_err(failed)?;
    let names: Vec<String> = prepared.column_names().into_iter().map(str::to_owned).collect();
    let mut found = prepared.query(params_from_iter(parameters(statement))).map_err(failed)?;
    let mut values = Vec::new();
    while let Some(row) = found.next().map_err(failed)? {
        for index in 0..names.len() {
            values.push(match row.get_ref(index).map_err(failed)? {
                ValueRef::Null => Value::Null,
                ValueRef::Integer(whole) => whole.into(),
                // JavaScript again: 5.0 comes back as 5.
                ValueRef::Real(real) if real.fract() == 0.0 && real.abs() < 9e15 => (real as i64).into(),
                ValueRef::Real(real) => real.into(),
                ValueRef::Text(text) | ValueRef::Blob(text) => {
                    String::from_utf8_lossy(text).into_owned().into()
                }
            });
        }
    }
    Ok(ResultSet::new(names, values))
}

fn parameters(statement: &Statement) -> impl Iterator<Item = rusqlite::types::Value> + '_ {
    statement.parameters.iter().map(|value| match value {
        Value::Null => rusqlite::types::Value::Null,
        Value::Bool(value) => i64::from(*value).into(),
        // JavaScript has no other numbers, so D1 is given these.
        Value::Number(number) => number.as_f64().unwrap_or_default().into(),
        other => other.as_str().unwrap_or_default().to_owned().into(),
    })
}

fn failed(error: rusqlite::Error) -> DatabaseError {
    match &error {
        rusqlite::Error::SqliteFailure(code, Some(text))
            if code.code == ErrorCode::ConstraintViolation && text.starts_with("UNIQUE") =>
        {
            DatabaseError::Unique(text.clone())
        }
        _ => DatabaseError::Failed(error.to_string()),
    }
}
