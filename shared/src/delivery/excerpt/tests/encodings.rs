//! Whole requests that endpoints echo in the encodings of many languages and tools, one within another, and cut off anywhere.

use std::fmt::Write as _;
use std::io::Write as _;

use super::super::{BLANK, WITHHELD};
use super::*;

/// A way to write a text of ASCII.
pub(super) type Encode = fn(&str) -> String;

/// The secrets that are sent: a token as we make them, one with all that has a meaning to encodings, and one of words.
pub(super) const SECRETS: [&str; 3] = [
    "q83vEjRWeJCrze8SNFZ4kKvN7xI0VniQq83vEjRWeJA",
    r#"a+b/c"d<e>&f'g%41\u0041=h~i-J_k9"#,
    "acme-production-hooks-2026",
];

/// So many letters and digits of a secret may be left where the text is cut off behind them.
const HARMLESS: usize = 5;
/// The same where encodings are within one another: each ends a few characters before the text does.
pub(super) const HARMLESS_WITHIN: usize = 11;

fn list(text: &str, between: &str, write: fn(u8) -> String) -> String {
    text.bytes().map(write).collect::<Vec<_>>().join(between)
}

pub(super) fn each(text: &str, write: fn(u8) -> String) -> String {
    list(text, "", write)
}

fn wrapped(text: &str, width: usize, end: &str) -> String {
    text.as_bytes().chunks(width).map(String::from_utf8_lossy).collect::<Vec<_>>().join(end)
}

pub(super) fn utf_16(text: &str) -> Vec<u8> {
    text.encode_utf16().flat_map(u16::to_le_bytes).collect()
}

fn html(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&#34;")
        .replace('\'', "&apos;")
}

fn json(text: &str) -> String {
    serde_json::to_string(text).unwrap()
}

fn quoted_printable(text: &str) -> String {
    let escaped: String = text
        .bytes()
        .map(|byte| {
            if byte == b'=' || !byte.is_ascii_graphic() {
                format!("={byte:02X}")
            } else {
                char::from(byte).into()
            }
        })
        .collect();
    // A line never ends within an escape.
    let (mut lines, mut width) = (String::new(), 0);
    for (at, character) in escaped.char_indices() {
        if width >= 30
            && !escaped[..at].ends_with('=')
            && escaped.as_bytes().get(at.wrapping_sub(2)) != Some(&b'=')
        {
            lines.push_str("=\r\n");
            width = 0;
        }
        lines.push(character);
        width += 1;
    }
    lines
}

fn uppercase_url(text: &str) -> String {
    text.bytes()
        .map(
            |byte| {
                if byte.is_ascii_alphanumeric() { char::from(byte).into() } else { format!("%{byte:02X}") }
            },
        )
        .collect()
}

/// Python's `repr` of bytes.
fn python(text: &str) -> String {
    format!(
        "b'{}'",
        text.replace('\\', "\\\\").replace('\'', "\\'").replace('\n', "\\n").replace('\r', "\\r")
    )
}

/// Base32 as RFC 4648 has it.
pub(super) fn base32(text: &str) -> String {
    let bits: String = each(text, |byte| format!("{byte:08b}"));
    bits.as_bytes()
        .chunks(5)
        .map(|chunk| {
            let value =
                chunk.iter().fold(0, |value, bit| value * 2 + usize::from(bit - b'0')) << (5 - chunk.len());
            char::from(b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"[value])
        })
        .collect()
}

/// What a page or a log may write, by itself or within another.
pub(super) const ENCODINGS: [(&str, Encode); 44] = [
    ("as it is", str::to_owned),
    ("upper case", str::to_uppercase),
    ("base64", |text| base64::STANDARD.encode(text)),
    ("base64 without padding", |text| base64::STANDARD_NO_PAD.encode(text)),
    ("base64 of a URL", |text| base64::URL_SAFE.encode(text)),
    ("base64 of a URL without padding", |text| base64::URL_SAFE_NO_PAD.encode(text)),
    ("base64 in lines of 76", |text| wrapped(&base64::STANDARD.encode(text), 76, "\r\n")),
    ("base64 in lines of 64", |text| wrapped(&base64::STANDARD.encode(text), 64, "\n")),
    ("base64 in quoted lines", |text| wrapped(&base64::STANDARD.encode(text), 60, "\" +\n    \"")),
    ("base64 of UTF-16", |text| base64::STANDARD.encode(utf_16(text))),
    ("base32", base32),
    ("hexadecimal", |text| hex::encode(text)),
    ("hexadecimal in capitals", |text| hex::encode_upper(text)),
    ("hexadecimal of UTF-16", |text| hex::encode(utf_16(text))),
    ("hexadecimal with spaces", |text| list(text, " ", |byte| format!("{byte:02x}"))),
    ("hexadecimal with colons", |text| list(text, ":", |byte| format!("{byte:02X}"))),
    ("an array of C", |text| list(text, ", ", |byte| format!("0x{byte:02x}"))),
    ("an array of C in capitals", |text| list(text, ",", |byte| format!("0X{byte:02X}"))),
    ("an array of code units", |text| list(text, ", ", |byte| format!("0x{byte:04x}"))),
    ("code points", |text| list(text, " ", |byte| format!("U+{byte:04X}"))),
    ("a list of bytes", |text| format!("[{}]", list(text, ",", |byte| byte.to_string()))),
    ("a list of signed bytes", |text| {
        format!("[{}]", list(text, ", ", |byte| byte.cast_signed().to_string()))
    }),
    ("bytes as Go prints them", |text| format!("[{}]", list(text, " ", |byte| byte.to_string()))),
    ("a Buffer of Node's", |text| {
        format!(r#"{{"type":"Buffer","data":[{}]}}"#, list(text, ",", |byte| byte.to_string()))
    }),
    ("a Buffer of Node's in lines", |text| list(text, ",\n        ", |byte| byte.to_string())),
    ("bytes by number in JSON", |text| {
        let mut all = String::new();
        for (number, byte) in text.bytes().enumerate() {
            write!(all, "\"{number}\":{byte},").unwrap();
        }
        all
    }),
    ("bits", |text| list(text, " ", |byte| format!("{byte:08b}"))),
    ("octal numbers", |text| list(text, " ", |byte| format!("{byte:03o}"))),
    ("characters in an array", |text| list(text, ",", |byte| json(&char::from(byte).to_string()))),
    ("characters with spaces", |text| list(text, " ", |byte| char::from(byte).into())),
    ("quoted-printable", quoted_printable),
    ("Python's bytes", python),
    ("Python's bytes by number", |text| each(text, |byte| format!("\\x{byte:02x}"))),
    ("escapes of C in octal", |text| each(text, |byte| format!("\\{byte:03o}"))),
    ("escapes of JavaScript", |text| each(text, |byte| format!("\\u{byte:04X}"))),
    ("encoded for a URL", uppercase_url),
    ("encoded for a URL in lower case", |text| each(text, |byte| format!("%{byte:02x}"))),
    ("encoded for a URL twice", |text| each(text, |byte| format!("%25{byte:02X}"))),
    ("entities", html),
    ("entities by number", |text| each(text, |byte| format!("&#{byte};"))),
    ("entities by hexadecimal number", |text| each(text, |byte| format!("&#x{byte:X};"))),
    ("JSON", json),
    ("tags between the characters", |text| list(text, "<wbr>", |byte| html(&char::from(byte).to_string()))),
    ("colours of a terminal", |text| {
        format!("\u{1b}[31m{}\u{1b}[0m", wrapped(text, 5, "\u{1b}[0m\u{1b}[1;32m"))
    }),
];

/// Capitals of what tells capitals apart mean nothing any more; characters are counted out of what is plain.
const INNERMOST: [&str; 3] = ["upper case", "characters in an array", "characters with spaces"];

/// A request as endpoints keep it, up to the secret.
pub(super) const BEFORE: [&str; 3] =
    ["", "Authorization: Bearer ", "{\"headers\":{\"host\":\"x\",\"x-api-key\":\""];

/// The most of an answer that is kept.
const KEPT: usize = 1_024;

/// Cuts an echo off, from the first place on where more than a harmless part of the secret is in the echo.
fn assert_no_leak(
    name: &str,
    encode: &dyn Fn(&str) -> String,
    sent: (&str, &str),
    harmless: usize,
    step: usize,
) {
    let (before, secret) = sent;
    let whole = encode(&format!("{before}{secret}\",\"accept\":\"*/*\"}} and so on, for a while"));
    let mut letters = secret.match_indices(|character: char| character.is_ascii_alphanumeric());
    let harmless = letters.nth(harmless).unwrap().0 + 1;
    let harmful = encode(&format!("{before}{}", &secret[..harmless])).len();
    let ends = encode(&format!("{before}{secret}")).len();
    let redactor = Redactor::of(&[secret.to_owned().into()]);
    for cut in (harmful..ends).step_by(step).chain([ends, whole.len()]) {
        let Some(text) = whole.get(..cut.min(KEPT)).filter(|text| text.len() >= harmful) else { continue };
        let text = if cut % 2 == 0 { text.to_owned() } else { format!("Error: {text}") };
        let shown = redactor.redact(&text);
        let is_blanked = shown == WITHHELD || shown.contains(BLANK);
        assert!(is_blanked, "{name}: cut at {cut} of {ends}, {text:?} is shown as {shown:?}");
    }
}

/// Cuts off the echo of each secret in each encoding.
pub(super) fn assert_no_leaks(encodings: &[(&str, Encode)], harmless: usize) {
    for secret in SECRETS {
        for (name, encode) in encodings {
            for before in BEFORE {
                assert_no_leak(name, encode, (before, secret), harmless, 7);
            }
        }
    }
}

#[test]
fn no_encoding_shows_a_secret_wherever_the_text_is_cut() {
    assert_no_leaks(&ENCODINGS, HARMLESS);
}

#[test]
fn no_encoding_within_another_shows_a_secret() {
    for (number, (inner_name, inner)) in ENCODINGS.into_iter().enumerate() {
        let outer = ENCODINGS.into_iter().filter(|(name, _)| !INNERMOST.contains(name));
        for (number, (outer_name, outer)) in outer.enumerate().map(|(other, outer)| (number + other, outer)) {
            let name = format!("{outer_name} of {inner_name}");
            let sent = (BEFORE[number / 3 % 3], SECRETS[number % 3]);
            assert_no_leak(&name, &|text| outer(&inner(text)), sent, HARMLESS_WITHIN, 97);
        }
    }
}

#[test]
fn what_is_compressed_is_withheld() {
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    gzip.write_all(format!("{{\"x-api-key\":\"{TOKEN}\"}}").as_bytes()).unwrap();
    let bytes = gzip.finish().unwrap();
    for text in [base64::STANDARD.encode(&bytes), hex::encode(&bytes)] {
        assert_eq!(shown(&format!("{{\"body\":\"{text}\"}}")), WITHHELD);
    }
}

#[test]
fn what_explains_a_failure_and_shows_no_secret_is_kept() {
    let page = "<!DOCTYPE html>\n<html lang=\"en\"><head><title>500 &ndash; Internal Server Error</title></head>\n\
        <body class=\"a1b2c3\"><h1>Something went wrong</h1><p>Request id 4bf92f3577b34da6a3ce929d0e0e4736, \
        2026-11-26T20:00:45.123Z, trace 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01</p></body></html>";
    let trace = "Traceback (most recent call last):\n  File \"/srv/app/hooks.py\", line 41, in handle\n    \
        signature = base64.b64decode(headers['webhook-signature'].split(',')[1])\nbinascii.Error: Incorrect padding";
    for text in [
        page,
        trace,
        r#"{"error":"invalid signature","code":4010,"details":[{"field":"signature","values":[10,20,30,40,50]}]}"#,
        "the token eyJhbGciOiJSUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiJzb21lYm9keSBlbHNlIn0.AAAA is not ours",
        "production is down for maintenance; hooks of acme come back at 20:26",
        "got 75 6e 6b 6e 6f 77 6e 20 65 76 65 6e 74 20 74 79 70 65 20 4b 65 79 41 64 64 65 64",
        "\u{1b}[31mrefused\u{1b}[0m: unknown production",
    ] {
        for secret in SECRETS {
            assert_eq!(shown_of(text, secret), text);
        }
    }
}
