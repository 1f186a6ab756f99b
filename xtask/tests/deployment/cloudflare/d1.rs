//! The part of the API that keeps D1 databases, each in SQLite: queries, Time Travel, exports and imports.
use std::fmt::Write;

use rusqlite::fallible_iterator::FallibleIterator;
use rusqlite::types::ValueRef;
use rusqlite::{Batch, Connection, Result};
use serde_json::{Value, json};

use super::{Account, unknown};

/// A D1 database of the account.
pub(crate) struct Database {
    pub(crate) id: String,
    /// Where the database is kept; `None` for anywhere.
    pub(crate) jurisdiction: Option<String>,
    connection: Connection,
}

impl Database {
    pub(crate) fn new(id: String, jurisdiction: Option<String>) -> Self {
        Self { id, jurisdiction, connection: Connection::open_in_memory().unwrap() }
    }

    /// Runs statements as one transaction. Returns the rows of each statement.
    pub(crate) fn run(&self, sql: &str) -> Result<Vec<Vec<Value>>> {
        let transaction = self.connection.unchecked_transaction()?;
        let mut statements = Batch::new(&self.connection, sql);
        let mut all = Vec::new();
        while let Some(mut statement) = statements.next()? {
            let names: Vec<String> = statement.column_names().into_iter().map(str::to_owned).collect();
            let mut rows = statement.query([])?;
            let mut read = Vec::new();
            while let Some(row) = rows.next()? {
                let fields = names.iter().enumerate();
                let fields = fields.map(|(place, name)| Ok((name.clone(), shown(row.get_ref(place)?))));
                read.push(fields.collect::<Result<Value>>()?);
            }
            all.push(read);
        }
        transaction.commit()?;
        Ok(all)
    }

    /// The names of the applied migrations, in order.
    pub(crate) fn applied(&self) -> Vec<String> {
        let rows = self.run("SELECT name FROM d1_migrations ORDER BY id").unwrap_or_default();
        let names = rows.iter().flatten().filter_map(|row| row["name"].as_str().map(str::to_owned));
        names.collect()
    }

    /// Applies a migration, by the statements with which wrangler does.
    pub(crate) fn migrate(&self, name: &str, sql: &str) {
        let table = "CREATE TABLE IF NOT EXISTS \"d1_migrations\" (id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT UNIQUE, \
                     applied_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP NOT NULL)";
        self.run(table).unwrap();
        self.run(&format!("{sql}\nINSERT INTO \"d1_migrations\" (name) values ('{name}');")).unwrap();
    }

    /// The schema and the rows, as statements.
    fn dump(&self) -> String {
        let ours = "name NOT LIKE 'sqlite_%' AND sql IS NOT NULL";
        let read = |sql: &str| self.run(sql).unwrap().concat();
        let mut text = "PRAGMA defer_foreign_keys=TRUE;\n".to_owned();
        for table in read(&format!("SELECT name, sql FROM sqlite_master WHERE type = 'table' AND {ours}")) {
            let name = table["name"].as_str().unwrap();
            let columns = read(&format!("SELECT name FROM pragma_table_info('{name}')"));
            let columns: Vec<String> = columns
                .iter()
                .map(|column| format!("quote(\"{}\")", column["name"].as_str().unwrap()))
                .collect();
            let rows = read(&format!("SELECT {} AS fields FROM \"{name}\"", columns.join(" || ',' || ")));
            let rows = rows.iter().map(|row| row["fields"].as_str().unwrap());
            writeln!(text, "{};", table["sql"].as_str().unwrap()).unwrap();
            rows.for_each(|row| writeln!(text, "INSERT INTO \"{name}\" VALUES({row});").unwrap());
        }
        for other in read(&format!("SELECT sql FROM sqlite_master WHERE type <> 'table' AND {ours}")) {
            writeln!(text, "{};", other["sql"].as_str().unwrap()).unwrap();
        }
        text
    }
}

fn shown(value: ValueRef<'_>) -> Value {
    match value {
        ValueRef::Null => Value::Null,
        ValueRef::Integer(number) => json!(number),
        ValueRef::Real(number) => json!(number),
        ValueRef::Text(text) => json!(String::from_utf8_lossy(text)),
        ValueRef::Blob(bytes) => json!(bytes),
    }
}

impl Account {
    /// Answers a call below `/d1/database`.
    pub(super) fn d1(&mut self, method: &str, segments: &[&str], query: &str, json: &Value) -> (u16, Value) {
        match (method, segments) {
            ("GET", []) => {
                let databases = self.databases.iter();
                (200, databases.map(|(name, one)| json!({"uuid": one.id, "name": name})).collect())
            }
            ("POST", []) => self.create_database(json),
            (_, [id, rest @ ..]) => {
                let found = self.databases.iter().find(|(name, one)| one.id == *id || *name == id);
                let Some((name, database)) = found else { return unknown(7404) };
                match (method, rest) {
                    ("GET", []) => {
                        let place = &database.jurisdiction;
                        (200, json!({"uuid": database.id, "name": name, "jurisdiction": place}))
                    }
                    ("POST", ["query"]) => ran(database, json["sql"].as_str().unwrap_or_default()),
                    ("GET", ["time_travel", "bookmark"]) => (200, json!({"bookmark": "00000001-bookmark"})),
                    // Back to before the newest migration.
                    ("POST", ["time_travel", "restore"]) => {
                        let newest = "(SELECT MAX(id) FROM d1_migrations)";
                        database.run(&format!("DELETE FROM d1_migrations WHERE id = {newest}")).unwrap();
                        let restored = query.split('&').find_map(|pair| pair.strip_prefix("bookmark="));
                        (200, json!({"bookmark": restored, "previous_bookmark": "00000002-before"}))
                    }
                    // Polled once: what is made ready is there at the second question.
                    ("POST", ["export"]) if json["current_bookmark"].is_null() => (
                        200,
                        json!({"success": true, "status": "active", "at_bookmark": "1", "messages": ["Begun"]}),
                    ),
                    ("POST", ["export"]) => {
                        let url = format!("http://127.0.0.1:{}/files/{name}", self.port);
                        self.files.insert(name.clone(), database.dump());
                        let result = json!({"filename": name, "signed_url": url});
                        (
                            200,
                            json!({"success": true, "status": "complete", "messages": [], "result": result}),
                        )
                    }
                    ("POST", ["import"]) => match json["action"].as_str() {
                        Some("init") => {
                            let etag = json["etag"].as_str().unwrap();
                            let url = format!("http://127.0.0.1:{}/files/{etag}", self.port);
                            (200, json!({"success": true, "filename": etag, "upload_url": url}))
                        }
                        Some("ingest") => {
                            let file = &self.files[json["filename"].as_str().unwrap()];
                            match database.run(file) {
                                Ok(all) => (200, imported(all.len())),
                                Err(error) => refused(&error),
                            }
                        }
                        _ => unknown(10404),
                    },
                    _ => unknown(10404),
                }
            }
            _ => unknown(10404),
        }
    }

    fn create_database(&mut self, json: &Value) -> (u16, Value) {
        let id = self.fresh("d1");
        let name = json["name"].as_str().unwrap().to_owned();
        let jurisdiction = json["jurisdiction"].as_str().map(str::to_owned);
        self.databases.insert(name, Database::new(id.clone(), jurisdiction));
        (200, json!({"uuid": id, "name": json["name"]}))
    }
}

fn ran(database: &Database, sql: &str) -> (u16, Value) {
    let answer = |rows| json!({"results": rows, "success": true, "meta": {"duration": 0.1}});
    match database.run(sql) {
        Ok(all) => (200, all.into_iter().map(answer).collect()),
        Err(error) => refused(&error),
    }
}

fn refused(error: &rusqlite::Error) -> (u16, Value) {
    (400, json!({"code": 7500, "message": format!("{error}: SQLITE_ERROR")}))
}

fn imported(statements: usize) -> Value {
    let meta = json!({"duration": 0.1, "rows_read": 0, "rows_written": 0, "size_after": 0});
    let result = json!({"num_queries": statements, "final_bookmark": "2", "meta": meta});
    json!({"success": true, "status": "complete", "messages": [], "result": result})
}
