//! D1: one `batch` call, whose answer crosses as one string.

use async_trait::async_trait;
use js_sys::{Array, JSON, Promise};
use serde::Deserialize;
use serde_json::Value;
use shared::ports::{Batch, Database, DatabaseError, RowCount, Statement};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;
use worker::send::{SendFuture, SendWrapper};

#[wasm_bindgen]
extern "C" {
    /// The part of `D1Database` that is used here.
    type D1Binding;
    #[wasm_bindgen(method, catch)]
    fn prepare(this: &D1Binding, sql: &str) -> Result<PreparedStatement, JsValue>;
    #[wasm_bindgen(method, catch)]
    fn batch(this: &D1Binding, statements: &Array) -> Result<Promise, JsValue>;

    /// The part of `D1PreparedStatement` that is used here.
    type PreparedStatement;
    #[wasm_bindgen(method, catch, variadic)]
    fn bind(this: &PreparedStatement, values: &Array) -> Result<PreparedStatement, JsValue>;
}

/// A D1 database.
pub struct D1(SendWrapper<D1Binding>);

impl D1 {
    /// The database bound as `name`.
    ///
    /// # Errors
    /// If there is no such binding.
    pub fn bound(env: &worker::Env, name: &str) -> worker::Result<Self> {
        Ok(Self(SendWrapper(JsValue::from(env.d1(name)?).unchecked_into())))
    }

    fn prepare(&self, statement: &Statement) -> Result<JsValue, JsValue> {
        let prepared = self.0.prepare(&statement.sql)?;
        let values: Array = statement.parameters.iter().map(parameter).collect();
        Ok(prepared.bind(&values)?.into())
    }

    async fn run(&self, statements: &[Statement]) -> Result<Batch, JsValue> {
        let prepared =
            statements.iter().map(|statement| self.prepare(statement)).collect::<Result<Array, _>>()?;
        let answer = JsFuture::from(self.0.batch(&prepared)?).await?;
        let text = JSON::stringify(&answer)?.as_string().unwrap_or_default();
        let results: Vec<StatementResult> =
            serde_json::from_str(&text).map_err(|error| JsValue::from_str(&error.to_string()))?;
        let mut cost = RowCount::default();
        let mut rows = Vec::with_capacity(results.len());
        for result in results {
            cost.read += result.meta.rows_read;
            cost.written += result.meta.rows_written;
            rows.push(result.results);
        }
        Ok(Batch::new(rows, cost))
    }
}

#[derive(Deserialize)]
struct StatementResult {
    #[serde(default)]
    results: Vec<Value>,
    #[serde(default)]
    meta: Meta,
}

#[derive(Default, Deserialize)]
struct Meta {
    #[serde(default)]
    rows_read: u64,
    #[serde(default)]
    rows_written: u64,
}

/// D1 takes JavaScript numbers: milliseconds fit below 2⁵³, and the columns' INTEGER affinity stores them whole.
fn parameter(value: &Value) -> JsValue {
    match value {
        Value::Null => JsValue::NULL,
        Value::Bool(value) => JsValue::from_bool(*value),
        Value::Number(number) => JsValue::from_f64(number.as_f64().unwrap_or_default()),
        other => JsValue::from_str(other.as_str().unwrap_or_default()),
    }
}

fn error(value: &JsValue) -> DatabaseError {
    let text = crate::fetch::describe(value);
    if text.contains("UNIQUE constraint failed") {
        DatabaseError::Unique(text)
    } else {
        DatabaseError::Failed(text)
    }
}

#[async_trait]
impl Database for D1 {
    async fn batch(&self, statements: Vec<Statement>) -> Result<Batch, DatabaseError> {
        SendFuture::new(async move { self.run(&statements).await.map_err(|value| error(&value)) }).await
    }
}
