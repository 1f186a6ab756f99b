//! D1: one `batch` call, which crosses as one text and one list of numbers, and whose answer crosses as one text.

use async_trait::async_trait;
use serde::Deserialize;
use serde_json::Value;
use shared::ports::{Batch, Database, DatabaseError, RowCount, Statement};
use shared::row::ResultSet;

use crate::bindings::{Bound, Env};
use crate::glue::{self, Call};

/// A D1 database.
pub struct D1(Bound);

impl D1 {
    /// The database bound as `name`. `None` if there is no such binding.
    pub fn bound(env: &Env, name: &str) -> Option<Self> {
        env.bound(name, "batch").map(Self)
    }
}

/// Statements as they cross: all texts in order, and their lengths in UTF-16 among all other values.
#[derive(Debug, Default, PartialEq)]
struct Crossing {
    text: String,
    layout: Vec<f64>,
}

impl Crossing {
    fn of(statements: &[Statement]) -> Self {
        let mut crossing = Self::default();
        for statement in statements {
            crossing.text(&statement.sql);
            crossing.count(statement.parameters.len());
            statement.parameters.iter().for_each(|value| crossing.parameter(value));
        }
        crossing
    }

    fn text(&mut self, text: &str) {
        self.text.push_str(text);
        self.count(if text.is_ascii() { text.len() } else { text.encode_utf16().count() });
    }

    fn count(&mut self, count: usize) {
        self.layout.push(f64::from(u32::try_from(count).unwrap_or(u32::MAX)));
    }

    /// D1 takes JavaScript numbers: milliseconds fit below 2⁵³, and the columns' INTEGER affinity stores them whole.
    fn parameter(&mut self, value: &Value) {
        match value {
            Value::Null => self.layout.push(0.0),
            Value::Bool(value) => self.layout.extend([1.0, f64::from(u8::from(*value))]),
            Value::Number(number) => self.layout.extend([2.0, number.as_f64().unwrap_or_default()]),
            other => {
                self.layout.push(3.0);
                self.text(other.as_str().unwrap_or_default());
            }
        }
    }
}

#[derive(Deserialize)]
struct StatementResult {
    #[serde(default)]
    results: ResultSet,
    #[serde(default)]
    meta: Meta,
}

#[derive(Default, Deserialize)]
struct Meta {
    #[serde(default)]
    rows_read: u64,
    #[serde(default)]
    rows_written: u64,
    size_after: Option<u64>,
}

fn read(answer: &str) -> Result<Batch, DatabaseError> {
    let results: Vec<StatementResult> =
        serde_json::from_str(answer).map_err(|error| DatabaseError::Failed(error.to_string()))?;
    let mut cost = RowCount::default();
    let mut size = None;
    let mut rows = Vec::with_capacity(results.len());
    for result in results {
        cost.read += result.meta.rows_read;
        cost.written += result.meta.rows_written;
        size = result.meta.size_after.or(size);
        rows.push(result.results);
    }
    Ok(Batch::new(rows, cost).in_size(size))
}

fn refused(text: String) -> DatabaseError {
    if text.contains("UNIQUE constraint failed") {
        DatabaseError::Unique(text)
    } else {
        DatabaseError::Failed(text)
    }
}

#[async_trait]
impl Database for D1 {
    async fn batch(&self, statements: Vec<Statement>) -> Result<Batch, DatabaseError> {
        let Crossing { text, layout } = Crossing::of(&statements);
        let run = Call::make(|call| glue::run(call, self.0.place(), &text, &layout));
        drop((statements, text, layout));
        read(&run.await.or_thrown().map_err(refused)?.text)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn statements_cross_as_one_text_and_the_lengths_of_its_parts() {
        let statement = Statement::new("SELECT ?1, ?2, ?3, ?4, ?5")
            .bind("a\u{1F511}")
            .bind(1_900_000_000_000_i64)
            .bind(true)
            .bind(None::<&str>)
            .bind("");
        let crossing = Crossing::of(&[Statement::new("SELECT 1"), statement]);
        assert_eq!(crossing.text, "SELECT 1SELECT ?1, ?2, ?3, ?4, ?5a\u{1F511}");
        let layout = [8.0, 0.0, 25.0, 5.0, 3.0, 3.0, 2.0, 1_900_000_000_000.0, 1.0, 1.0, 0.0, 3.0, 0.0];
        assert_eq!(crossing.layout, layout);
    }

    #[derive(Debug, PartialEq, Deserialize)]
    struct OneRow {
        one: u32,
    }

    #[test]
    fn an_answer_of_another_shape_is_a_failure() {
        for answer in ["", "null", "{}", r#"[{"results": 5}]"#, "[7]"] {
            assert!(matches!(read(answer), Err(DatabaseError::Failed(_))), "{answer}");
        }
        let mut batch = read(
            &json!([{"results": [{"one": 1}], "meta": {"rows_read": 3, "size_after": 8192}}, {}]).to_string(),
        )
        .unwrap();
        assert_eq!((batch.cost, batch.count(1)), (RowCount { read: 3, written: 0 }, 0));
        assert_eq!(batch.size, Some(8192));
        assert_eq!(batch.take::<OneRow>(0).unwrap(), [OneRow { one: 1 }]);
    }
}
