use proptest::prelude::*;
use serde_json::{Map, Value};

use super::*;

fn fault(text: &str) -> String {
    check(text.as_bytes()).unwrap_err().to_string()
}

#[test]
fn ordinary_documents_are_accepted() {
    for text in
        ["{}", "[]", "null", "true", "\"\"", "0", "-0", "1e-999", " \t\r\n{\"a\": [1, 2.5, \"x\", null]} \n"]
    {
        assert_eq!(check(text.as_bytes()), Ok(()), "{text}");
    }
}

#[test]
fn a_duplicate_key_is_refused_with_its_path() {
    assert_eq!(fault(r#"{"a":1,"a":1}"#), "the key `a` appears twice in one object");
    assert_eq!(
        fault(r#"{"detail":{"x":1,"data":{},"data":{}}}"#),
        "the key `detail.data` appears twice in one object"
    );
    assert_eq!(
        fault(r#"[{}, {"list":[{"k":1,"k":2}]}]"#),
        "the key `[1].list[0].k` appears twice in one object"
    );
}

#[test]
fn a_duplicate_key_is_found_behind_escapes() {
    assert_eq!(fault(r#"{"url":1,"\u0075rl":2}"#), "the key `url` appears twice in one object");
    assert_eq!(fault(r#"{"\u00e9":1,"é":2}"#), "the key `é` appears twice in one object");
    assert_eq!(fault(r#"{"\ud83d\ude00":1,"😀":2}"#), "the key `😀` appears twice in one object");
    assert_eq!(fault(r#"{"":1,"":2}"#), "the key `` appears twice in one object");
}

#[test]
fn the_same_key_in_two_objects_is_accepted() {
    assert_eq!(check(br#"[{"a":1},{"a":{"a":{"a":[]}}}]"#), Ok(()));
}

#[test]
fn keys_that_differ_in_case_or_normal_form_are_different_keys() {
    assert_eq!(check("{\"a\":1,\"A\":2,\"\u{e9}\":3,\"e\u{301}\":4}".as_bytes()), Ok(()));
}

#[test]
fn a_key_in_a_message_is_cut_and_escaped() {
    let key = "x".repeat(500);
    let message = fault(&format!("{{\"{key}\":1,\"{key}\":2}}"));
    assert_eq!(message, format!("the key `{}…` appears twice in one object", "x".repeat(MAX_SHOWN_KEY)));
    assert_eq!(fault(r#"{"\n\u202e":1,"\n\u202e":2}"#), "the key `\\n\\u{202e}` appears twice in one object");
}

#[test]
fn a_byte_order_mark_is_refused() {
    assert_eq!(check(b"\xEF\xBB\xBF{}"), Err(JsonFault::ByteOrderMark));
    assert!(check(b"\xFE\xFF\x00{\x00}").is_err());
}

#[test]
fn invalid_utf8_is_refused_wherever_it_is() {
    for bytes in [
        &b"\"\xff\""[..],
        b"\"\xc0\xaf\"",
        b"\"\xed\xa0\x80\"",
        b"{\"\x80\":1}",
        b"{}\xff",
        b"\"\xf4\x90\x80\x80\"",
    ] {
        assert!(matches!(check(bytes), Err(JsonFault::NotUtf8(_))), "{bytes:?}");
    }
}

#[test]
fn a_nul_is_refused_raw_and_escaped_in_keys_and_values() {
    assert_eq!(fault("{\"a\":\"x\0\"}"), "the body contains a NUL character at byte 7");
    assert_eq!(fault("{}\0"), "the body contains a NUL character at byte 2");
    assert_eq!(fault(r#"{"a":["b","x\u0000y"]}"#), "the body contains a NUL character at a[1]");
    assert_eq!(fault(r#"{"a":{"k\u0000":1}}"#), "the body contains a NUL character at a.k\\0");
    assert_eq!(check(br#""\\u0000""#), Ok(()), "an escaped backslash before u0000 is no NUL");
}

#[test]
fn trailing_data_is_refused() {
    for text in ["{} {}", "{}x", "1 2", "{},", "null null", "{}]"] {
        assert!(matches!(check(text.as_bytes()), Err(JsonFault::TrailingData(_))), "{text}");
    }
}

#[test]
fn nesting_of_32_is_accepted_and_33_is_refused() {
    let nested = |depth: usize| "[".repeat(depth) + &"]".repeat(depth);
    assert_eq!(check(nested(32).as_bytes()), Ok(()));
    assert!(matches!(check(nested(33).as_bytes()), Err(JsonFault::TooDeep(_))));
    assert!(matches!(check("[".repeat(100_000).as_bytes()), Err(JsonFault::TooDeep(_))));
    let objects = |depth: usize| "{\"a\":".repeat(depth - 1) + "{}" + &"}".repeat(depth - 1);
    assert_eq!(check(objects(32).as_bytes()), Ok(()));
    assert!(matches!(check(objects(33).as_bytes()), Err(JsonFault::TooDeep(_))));
}

#[test]
fn numbers_out_of_range_are_refused() {
    for text in ["1e999", "-1e999", "[1e309]", "{\"a\":123456789e400}", "1e99999999999999999999"] {
        assert!(fault(text).contains("number out of range"), "{text}");
    }
    assert_eq!(check(b"[18446744073709551615, -9223372036854775808, 1.7976931348623157e308]"), Ok(()));
}

#[test]
fn what_is_not_json_is_refused() {
    let wrong = [
        "",
        " ",
        "{",
        "}",
        "[1,]",
        "{\"a\":1,}",
        "{a:1}",
        "{'a':1}",
        "NaN",
        "Infinity",
        "-",
        "01",
        "+1",
        ".5",
        "1.",
        "0x10",
        "tru",
        "// c\n{}",
        "{}/**/",
        "\"\u{1}\"",
        "\"\n\"",
        "\"\\x\"",
        "\"\\ud800\"",
        "\"\\udc00\\ud800\"",
        "\u{a0}{}",
        "\u{c}{}",
        "{\"\\ud800\":1}",
    ];
    for text in wrong {
        assert!(check(text.as_bytes()).is_err(), "{text:?}");
    }
}

#[test]
fn an_object_is_demanded_where_asked() {
    assert_eq!(check_object(b" \r\n\t{\"a\":1}"), Ok(()));
    for text in ["[]", "[{}]", "null", "\"{}\"", "1", "true"] {
        assert_eq!(check_object(text.as_bytes()), Err(JsonFault::NotAnObject), "{text}");
    }
    assert!(matches!(check_object(b"{\"a\":1,\"a\":1}"), Err(JsonFault::DuplicateKey(_))));
}

#[test]
fn serde_json_s_private_key_names_are_ordinary_keys() {
    assert_eq!(check(br#"{"$serde_json::private::RawValue":"{\"a\":1,\"a\":2}"}"#), Ok(()));
    assert_eq!(check(br#"{"$serde_json::private::Number":"1e999"}"#), Ok(()));
}

fn json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        proptest::num::f64::NORMAL.prop_map(Value::from),
        "[^\0]{0,12}".prop_map(Value::from),
    ];
    leaf.prop_recursive(6, 48, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::btree_map("[^\0]{0,8}", inner, 0..6)
                .prop_map(|map| Value::from(map.into_iter().collect::<Map<_, _>>())),
        ]
    })
}

proptest! {
    #[test]
    fn valid_json_without_duplicates_is_accepted(value in json(), pretty: bool) {
        let text = if pretty { format!("{value:#}") } else { value.to_string() };
        prop_assert_eq!(check(text.as_bytes()), Ok(()));
        prop_assert_eq!(check_object(text.as_bytes()).is_ok(), value.is_object());
    }

    #[test]
    fn nothing_that_serde_json_refuses_is_accepted(text in "[\\[\\]{}:,\"\\\\u0-9a-f.eE+\\- tnrl]{0,24}") {
        if check(text.as_bytes()).is_ok() {
            prop_assert!(serde_json::from_str::<Value>(&text).is_ok());
        }
    }

    #[test]
    fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
        let accepted = check(&bytes).is_ok();
        prop_assert!(!accepted || serde_json::from_slice::<Value>(&bytes).is_ok());
    }

    #[test]
    fn a_valid_object_with_one_key_repeated_is_refused(value in json(), key in "[a-z]{1,8}") {
        let text = format!("{{\"{key}\":{value},\"other\":1,\"{key}\":{value}}}");
        prop_assert!(matches!(check(text.as_bytes()), Err(JsonFault::DuplicateKey(_))));
    }
}

#[test]
fn half_of_a_surrogate_pair_is_named_and_a_whole_pair_is_taken() {
    for (body, escape) in [
        (r#"{"a":"\ud83d"}"#, r"\ud83d"),
        (r#"{"a":"\ude00"}"#, r"\ude00"),
        (r#"{"a":"\\\uD83D x"}"#, r"\uD83D"),
        (r#"{"a":"\ud83d\u0041"}"#, r"\ud83d"),
        (r#"{"\udfff":1}"#, r"\udfff"),
    ] {
        assert_eq!(check(body.as_bytes()), Err(JsonFault::LoneSurrogate(escape.to_owned())), "{body}");
    }
    for body in [r#"{"a":"\ud83d\ude00"}"#, r#"{"a":"\\ud83d"}"#] {
        assert_eq!(check(body.as_bytes()), Ok(()), "{body}");
    }
    assert!(matches!(check(br#"{"a":"\u12"}"#), Err(JsonFault::Syntax(_))));
}
