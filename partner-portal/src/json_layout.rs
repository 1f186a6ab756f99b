//! Lays JSON out for people, and leaves every name, number and text as it is.
//!
//! A serializer would sort names and write numbers anew: what is shown has to be what was sent.

/// The text in place of a level.
const INDENT: &str = "  ";

/// Returns `text` with a line for each member and each item. What is no JSON comes out no worse than it went in.
pub fn lay_out(text: &str) -> String {
    let mut out = String::with_capacity(text.len() * 2);
    let mut depth = 0_usize;
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '"' => {
                out.push('"');
                copy_text(&mut characters, &mut out);
            }
            '{' | '[' => {
                out.push(character);
                while characters.next_if(|next| next.is_ascii_whitespace()).is_some() {}
                match characters.next_if(|next| matches!(next, '}' | ']')) {
                    Some(end) => out.push(end),
                    None => {
                        depth += 1;
                        new_line(&mut out, depth);
                    }
                }
            }
            '}' | ']' => {
                depth = depth.saturating_sub(1);
                new_line(&mut out, depth);
                out.push(character);
            }
            ',' => {
                out.push(',');
                new_line(&mut out, depth);
            }
            ':' => out.push_str(": "),
            other if other.is_ascii_whitespace() => {}
            other => out.push(other),
        }
    }
    out
}

/// Copies the rest of a text, up to the quotation mark that ends it.
fn copy_text(characters: &mut impl Iterator<Item = char>, out: &mut String) {
    let mut escaped = false;
    for character in characters {
        out.push(character);
        match character {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return,
            _ => {}
        }
    }
}

fn new_line(out: &mut String, depth: usize) {
    out.push('\n');
    out.extend(std::iter::repeat_n(INDENT, depth));
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::Value;

    use super::*;

    #[test]
    fn members_stand_in_their_order_with_their_numbers_as_they_are() {
        let text = r#"{"b":1.10,"a":[1e3,{"x":"a,\"{:[ "}, [ ],{} ],"n":12345678901234567890123}"#;
        assert_eq!(
            lay_out(text),
            "{\n  \"b\": 1.10,\n  \"a\": [\n    1e3,\n    {\n      \"x\": \"a,\\\"{:[ \"\n    },\n    [],\n    {}\n  \
             ],\n  \"n\": 12345678901234567890123\n}"
        );
        for odd in ["", "no JSON", "\"", "]]]", "{\"a\":\"\\"] {
            lay_out(odd);
        }
    }

    fn json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            ".*".prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 32, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::btree_map(".*", inner, 0..4)
                    .prop_map(|members| Value::Object(members.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn nothing_but_white_space_changes(value in json()) {
            let text = value.to_string();
            let laid_out = lay_out(&text);
            prop_assert_eq!(&laid_out, &serde_json::to_string_pretty(&value).unwrap());
            prop_assert_eq!(lay_out(&laid_out), laid_out);
        }
    }
}
