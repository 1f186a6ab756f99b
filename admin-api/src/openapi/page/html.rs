//! Texts and values as HTML.

use serde_json::Value;

/// The component that a reference leads to; the value itself where it is none.
pub(super) fn resolved<'a>(document: &'a Value, value: &'a Value) -> &'a Value {
    let place = value["$ref"].as_str().and_then(|reference| reference.strip_prefix('#'));
    place.and_then(|place| document.pointer(place)).unwrap_or(value)
}

pub(super) fn example(value: &Value) -> String {
    let pretty = serde_json::to_string_pretty(value).unwrap_or_default();
    format!("<pre>{}</pre>", on_one_line(&pretty))
}

/// Escapes a text. A line break becomes a character reference, which keeps each operation on one line of the file.
pub(super) fn on_one_line(text: &str) -> String {
    escaped(text).replace('\n', "&#10;")
}

pub(super) fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

pub(super) fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

pub(super) fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// Escapes a text, and turns its backquotes into `<code>`.
pub(super) fn prose(text: &str) -> String {
    let mut parts = escaped(text).split('`').map(str::to_owned).collect::<Vec<_>>();
    for (index, part) in parts.iter_mut().enumerate() {
        if index % 2 == 1 {
            *part = format!("<code>{part}</code>");
        }
    }
    parts.concat()
}
