//! A call of an operation by curl, in bash and in zsh.

use std::fmt::Write;

use serde_json::Value;

use super::Operation;
use super::html::{list, resolved, text};

/// The longest body that stays on one line.
const SHORT: usize = 80;

/// The call with the document's examples. `$API` and the keys are set before.
pub(super) fn call(document: &Value, Operation { path, method, content }: &Operation<'_>) -> String {
    let (mut path, mut query) = ((*path).to_owned(), String::new());
    for parameter in list(&content["parameters"]).map(|parameter| resolved(document, parameter)) {
        let (name, given) = (text(&parameter["name"]), plain(&parameter["example"]));
        match text(&parameter["in"]) {
            "path" => path = path.replace(&format!("{{{name}}}"), &given),
            "query" if parameter["required"] == true => {
                let joint = if query.is_empty() { '?' } else { '&' };
                let _ = write!(query, "{joint}{name}={given}");
            }
            _ => {}
        }
    }
    let mut call = "curl -sS".to_owned();
    if *method != "get" {
        let _ = write!(call, " -X {}", method.to_ascii_uppercase());
    }
    let _ = write!(call, " \"$API{path}{query}\"");
    for scheme in list(&content["security"]).filter_map(Value::as_object).flat_map(|schemes| schemes.keys()) {
        call += match scheme.as_str() {
            "adminKey" => " \\\n  -H \"X-Admin-API-Key: $ADMIN_API_KEY\"",
            "adminToken" => " -H \"Authorization: Bearer $TOKEN\"",
            _ => " \\\n  -H \"X-API-Key: $API_KEY\"",
        };
    }
    let body = &content["requestBody"]["content"]["application/json"]["example"];
    if !body.is_null() {
        let line = body.to_string();
        let body =
            if line.len() > SHORT { serde_json::to_string_pretty(body).unwrap_or_default() } else { line };
        let _ =
            write!(call, " \\\n  -H 'Content-Type: application/json' -d '{}'", body.replace('\'', "'\\''"));
    }
    call
}

/// A value as it stands in a URL.
fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
