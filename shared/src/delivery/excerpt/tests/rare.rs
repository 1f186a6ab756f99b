//! Encodings that few endpoints write, of whole requests, cut off anywhere.

use std::io::Write as _;

use super::super::{BLANK, WITHHELD};
use super::encodings::{Encode, HARMLESS_WITHIN, SECRETS, assert_no_leaks, base32, each, utf_16};
use super::*;

/// The digits of `base` in groups: so many bytes are so many digits, and a last group of fewer bytes has as many fewer digits.
fn grouped(text: &str, base: &str, bytes: usize, digits: usize) -> String {
    let radix = u32::try_from(base.len()).unwrap();
    let group = |chunk: &[u8]| {
        let number = (0..bytes)
            .fold(0_u32, |number, place| number << 8 | u32::from(chunk.get(place).copied().unwrap_or(0)));
        let all: Vec<u8> = (0..digits)
            .rev()
            .map(|place| base.as_bytes()[(number / radix.pow(place as u32) % radix) as usize])
            .collect();
        String::from_utf8(all[..digits - (bytes - chunk.len())].to_vec()).unwrap()
    };
    text.as_bytes().chunks(bytes).map(group).collect()
}

const ASCII85: &str =
    "!\"#$%&'()*+,-./0123456789:;<=>?@ABCDEFGHIJKLMNOPQRSTUVWXYZ[\\]^_`abcdefghijklmnopqrstu";
const Z85: &str = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-:+=^!/*?&<>()[]{}@%$#";
const BASE85: &str = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz!#$%&()*+-;<=>?@^_`{|}~";

fn rotated(text: &str, digits: u8) -> String {
    each(text, |byte| {
        let turn = |first: u8| char::from((byte - first + 13) % 26 + first).to_string();
        match byte {
            b'a'..=b'z' => turn(b'a'),
            b'A'..=b'Z' => turn(b'A'),
            _ => char::from(byte).to_string(),
        }
    })
    .bytes()
    .map(|byte| if byte.is_ascii_digit() { char::from((byte - 48 + digits) % 10 + 48) } else { byte.into() })
    .collect()
}

fn uuencoded(text: &str) -> String {
    let character = |value: u8| char::from(if value == 0 { b'`' } else { value + 32 });
    let line = |line: &[u8]| {
        let mut written = String::from(character(u8::try_from(line.len()).unwrap()));
        for group in line.chunks(3) {
            let byte = |place: usize| u32::from(group.get(place).copied().unwrap_or(0));
            let number = byte(0) << 16 | byte(1) << 8 | byte(2);
            written.extend([18, 12, 6, 0].map(|shift| character((number >> shift & 63) as u8)));
        }
        written + "\n"
    };
    text.as_bytes().chunks(45).map(line).collect()
}

/// Letters and digits as Unicode has them beside ASCII: from these characters on.
fn other_letters(text: &str, capital: u32, small: u32, digit: u32) -> String {
    let other = |character: char| {
        let code = u32::from(character);
        let other = match character {
            'A'..='Z' => code - 65 + capital,
            'a'..='z' => code - 97 + small,
            '0'..='9' => code - 48 + digit,
            _ => code,
        };
        char::from_u32(other).unwrap()
    };
    text.chars().map(other).collect()
}

const RARE: [(&str, Encode); 16] = [
    ("rot13", |text| rotated(text, 0)),
    ("rot13 with rot5", |text| rotated(text, 5)),
    ("rot47", |text| {
        each(text, |byte| char::from(if byte == b' ' { byte } else { (byte - 33 + 47) % 94 + 33 }).into())
    }),
    ("Ascii85", |text| format!("<~{}", grouped(text, ASCII85, 4, 5))),
    ("Z85", |text| grouped(text, Z85, 4, 5)),
    ("base85", |text| grouped(text, BASE85, 4, 5)),
    ("base32 in the digits of numbers", |text| {
        each(&base32(text), |byte| {
            let value = if byte.is_ascii_digit() { byte - b'2' + 26 } else { byte - b'A' };
            char::from(if value < 10 { value + b'0' } else { value - 10 + b'A' }).into()
        })
    }),
    ("codes in a row", |text| each(text, |byte| format!("{byte:03}"))),
    ("an object with a member for each character", |text| {
        let members = text.char_indices().map(|(at, one)| format!("\"{at}\": {}", serde_json::json!(one)));
        format!("{{{}}}", members.collect::<Vec<_>>().join(", "))
    }),
    ("bits in a row", |text| each(text, |byte| format!("{byte:08b}"))),
    ("uuencode", uuencoded),
    ("wide letters", |text| {
        text.chars()
            .map(|character| match character {
                '!'..='~' => char::from_u32(u32::from(character) + 0xfee0).unwrap(),
                _ => character,
            })
            .collect()
    }),
    ("bold letters", |text| other_letters(text, 0x1d400, 0x1d41a, 0x1d7ce)),
    ("letters of typewriters", |text| other_letters(text, 0x1d670, 0x1d68a, 0x1d7f6)),
    ("circled letters", |text| other_letters(text, 0x24b6, 0x24d0, 48)),
    ("characters of no width between", |text| {
        text.chars().map(String::from).collect::<Vec<_>>().join("\u{200b}")
    }),
];

#[test]
fn no_rare_encoding_shows_a_secret_wherever_the_text_is_cut() {
    // Groups end a few bytes before the text does.
    assert_no_leaks(&RARE, HARMLESS_WITHIN);
}

#[test]
fn what_is_rare_is_found_in_a_page_too() {
    for secret in SECRETS {
        for (name, encode) in RARE {
            let encoded = encode(&format!("Authorization: Bearer {secret}"));
            let escaped = encoded.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
            let shown =
                shown_of(&format!("<html><body><p>We got:</p><pre>{escaped}</pre></body></html>"), secret);
            assert!(shown == WITHHELD || shown.contains(BLANK), "{name}: {shown}");
        }
    }
}

#[test]
fn a_secret_written_as_one_number_is_blanked() {
    // Made with Python's integers.
    for (secret, written) in [
        (SECRETS[0], "9LjRRcMA51QvQ6R31zefRLiT9Jedp1KY4pdb6tqyGhEApxeQvBhRjionzn4"),
        (
            &format!("Bearer {}", SECRETS[0]),
            "pT2bKM8pKQNivTqnUzNgfov5YeqxAaGm4xrQYW7P1dVWmxYVnT48N6b74bfHok731cWc",
        ),
        (SECRETS[2], "3yxtJPh3E9RJFSPpdWmMcSeXZSYQFT5yHZCy"),
    ] {
        let token = secret.trim_start_matches("Bearer ");
        assert_eq!(shown_of(&format!("got {written}, refused"), token), "got [secret], refused");
        assert_eq!(shown_of(&format!("got {}", &written[..20]), token), "got [secret]");
    }
}

#[test]
fn what_zlib_compressed_is_withheld() {
    for level in [flate2::Compression::fast(), flate2::Compression::default(), flate2::Compression::best()] {
        let mut zlib = flate2::write::ZlibEncoder::new(Vec::new(), level);
        zlib.write_all(format!("{{\"x-api-key\":\"{TOKEN}\"}}").as_bytes()).unwrap();
        let bytes = zlib.finish().unwrap();
        for text in [base64::STANDARD.encode(&bytes), base64::URL_SAFE.encode(&bytes), hex::encode(&bytes)] {
            assert_eq!(shown(&format!("{{\"body\":\"{text}\"}}")), WITHHELD);
        }
    }
}

#[test]
fn a_secret_backwards_is_found_within_encodings_and_so_are_encodings_backwards() {
    let backwards = |text: &str| text.chars().rev().collect::<String>();
    for text in [
        base64::STANDARD.encode(backwards(SECRETS[0])),
        hex::encode(backwards(SECRETS[0])),
        base64::STANDARD.encode(utf_16(&backwards(SECRETS[0]))),
        backwards(&base64::STANDARD.encode(SECRETS[0])),
        backwards(&base64::URL_SAFE_NO_PAD.encode(format!("Bearer {}", SECRETS[0]))),
        backwards(&hex::encode(SECRETS[0])),
    ] {
        let shown = shown_of(&format!("got {text}"), SECRETS[0]);
        assert!(shown == WITHHELD || shown.contains(BLANK), "{shown}");
    }
}

#[test]
fn a_secret_of_few_letters_and_digits_is_found_as_others_are() {
    for secret in ["!!--==__++;;::,,", "#7-$x/?(q)_{@}!;", "(%41)=[&amp;]~{$}~"] {
        for (name, encode) in super::encodings::ENCODINGS {
            if name == "upper case" {
                continue;
            }
            let encoded = encode(&format!("x-api-key: {secret}; accept: */*"));
            let shown = shown_of(&format!("got {encoded}"), secret);
            assert!(
                shown == WITHHELD || shown.contains(BLANK),
                "{name} of {secret}: {encoded} is shown as {shown}"
            );
        }
    }
}
