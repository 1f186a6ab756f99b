//! Encodings that few pages write: base85, base32 in the digits of numbers, bits and codes of characters in a row, each character
//! by itself, rotated ASCII, uuencode; and what is compressed.
//!
//! Plain loops, since each chain of iterators would be code of its own in the Wasm.

use secrecy::zeroize::Zeroizing;

use super::decoded::{Bytes, bytes, digit, value};

/// The digits of base85, of which five stand for four bytes: Ascii85 of PostScript, PDF and Go; Z85 of ZeroMQ; base85 of Git and
/// Python.
const BASE85: [&[u8; 85]; 3] = [
    b"!\"#$%&'()*+,-./0123456789:;<=>?@ABCDEFGHIJKLMNOPQRSTUVWXYZ[\\]^_`abcdefghijklmnopqrstu",
    b"0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-:+=^!/*?&<>()[]{}@%$#",
    b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz!#$%&()*+-;<=>?@^_`{|}~",
];
const NO_DIGIT: u32 = 85;

/// How zlib's streams begin in base64, and the fewest characters of such a text.
const DEFLATED: [&[u8; 2]; 3] = [b"eJ", b"eN", b"eA"];
const SHORTEST_DEFLATED: usize = 20;
/// The same in hexadecimal.
const DEFLATED_DIGITS: [&[u8; 4]; 5] = [b"789c", b"789C", b"78da", b"78DA", b"7801"];
const SHORTEST_DEFLATED_DIGITS: usize = 36;

/// What a text holds for each of these decoders, wherever in the text the encoded part begins.
pub(super) fn decoded(text: &[u8]) -> Vec<Bytes> {
    let mut all = vec![rotated(text), quoted_alone(text)];
    let (base64, base32) = (base64_of_uuencoded(text), base32_of_numbers(text));
    let mut backwards: Bytes = Zeroizing::new(text.to_vec());
    backwards.reverse();
    for left_out in 0..8 {
        all.push(bytes(text, 1, left_out));
        all.push(bytes(&base32, 5, left_out));
        if left_out < 3 {
            all.push(codes(text, left_out));
        }
        if left_out < 4 {
            all.push(bytes(&base64, 6, left_out));
            all.push(bytes(&backwards, 6, left_out));
            all.push(bytes(&backwards, 4, left_out));
        }
    }
    for digits in BASE85 {
        let mut values = [NO_DIGIT; 256];
        for (value, digit) in (0..).zip(digits) {
            values[usize::from(*digit)] = value;
        }
        for left_out in 0..5 {
            all.push(base85(text, &values, left_out));
        }
    }
    all
}

/// Whether a word of a text begins as a stream of zlib's does.
pub(super) fn is_deflated(text: &[u8]) -> bool {
    let mut begin = 0;
    for at in 0..=text.len() {
        if text.get(at).is_some_and(|byte| value(*byte, 6) < 64) {
            continue;
        }
        let word = &text[begin..at];
        begin = at + 1;
        // The third character has the first bits of what was compressed.
        let is_base64 = word.len() >= SHORTEST_DEFLATED
            && DEFLATED.contains(&&[word[0], word[1]])
            && matches!(&word[1..3], [b'J', b'w'..=b'z'] | [b'N', b'o'..=b'r'] | [b'A', b'E'..=b'H']);
        let is_digits = word.len() >= SHORTEST_DEFLATED_DIGITS
            && DEFLATED_DIGITS.contains(&&[word[0], word[1], word[2], word[3]]);
        if is_base64 || is_digits {
            return true;
        }
    }
    false
}

/// The bytes that digits of base85 make.
fn base85(text: &[u8], values: &[u32; 256], mut left_out: usize) -> Bytes {
    let mut read = Zeroizing::new(Vec::with_capacity(text.len()));
    let (mut number, mut count) = (0_u32, 0);
    for byte in text {
        let value = values[usize::from(*byte)];
        if value == NO_DIGIT {
            continue;
        }
        if left_out > 0 {
            left_out -= 1;
            continue;
        }
        number = number.wrapping_mul(85).wrapping_add(value);
        count += 1;
        if count == 5 {
            read.extend_from_slice(&number.to_be_bytes());
            (number, count) = (0, 0);
        }
    }
    read
}

/// The characters whose codes stand in three digits each, without anything between.
fn codes(text: &[u8], mut left_out: usize) -> Bytes {
    let mut read = Zeroizing::new(Vec::with_capacity(text.len()));
    let (mut number, mut count) = (0_u32, 0);
    for byte in text {
        if !byte.is_ascii_digit() {
            continue;
        }
        if left_out > 0 {
            left_out -= 1;
            continue;
        }
        number = number * 10 + u32::from(*byte - b'0');
        count += 1;
        if count == 3 {
            read.push(u8::try_from(number).unwrap_or(u8::MAX));
            (number, count) = (0, 0);
        }
    }
    read
}

/// The characters that stand alone between quotation marks and name no member, as in an object with a member for each character.
fn quoted_alone(text: &[u8]) -> Bytes {
    let mut read = Zeroizing::new(Vec::with_capacity(text.len()));
    for (at, part) in text.windows(3).enumerate() {
        let is_quoted = part[0] == part[2] && matches!(part[0], b'"' | b'\'');
        if is_quoted && text.get(at + 3) != Some(&b':') {
            read.push(part[1]);
        }
    }
    read
}

/// Base32 in the digits of numbers to the base 32 (RFC 4648, section 7), in the usual alphabet of base32.
fn base32_of_numbers(text: &[u8]) -> Bytes {
    let mut base32 = Zeroizing::new(Vec::with_capacity(text.len()));
    for byte in text {
        match digit(*byte) {
            letter @ 0..=25 => base32.push(b'A' + letter),
            digit @ 26..=31 => base32.push(b'2' + digit - 26),
            _ => {}
        }
    }
    base32
}

/// Visible characters half their alphabet on, as rot47 writes them.
fn rotated(text: &[u8]) -> Bytes {
    let mut rotated = Zeroizing::new(Vec::with_capacity(text.len()));
    for byte in text {
        rotated.push(if byte.is_ascii_graphic() { (byte - 33 + 47) % 94 + 33 } else { *byte });
    }
    rotated
}

/// What lines of uuencode hold, in the alphabet of base64. Each line has a character for the number of its bytes, perhaps behind
/// something else, and then groups of four characters; the last line may be cut off.
fn base64_of_uuencoded(text: &[u8]) -> Bytes {
    let mut base64 = Zeroizing::new(Vec::with_capacity(text.len()));
    let mut begin = 0;
    for at in 0..=text.len() {
        if text.get(at).is_some_and(|byte| *byte != b'\n') {
            continue;
        }
        let line = text[begin..at].trim_ascii_end();
        let left_out = if at < text.len() { line.len() % 4 } else { line.len().min(1) };
        for byte in &line[left_out..] {
            let value = byte.wrapping_sub(32) & 63;
            base64.push(match value {
                0..=25 => b'A' + value,
                26..=51 => b'a' + value - 26,
                52..=61 => b'0' + value - 52,
                62 => b'+',
                _ => b'/',
            });
        }
        begin = at + 1;
    }
    base64
}
