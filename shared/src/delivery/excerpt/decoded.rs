//! What a text holds after any number of decoders, one behind another. Decoders are generous: each reads all that belongs to
//! its alphabet and leaves out the rest, so that neither lines nor marks nor other words in between hide anything.

use secrecy::zeroize::Zeroizing;
use secrecy::{ExposeSecret, SecretString};

use super::plain::plain;
use super::rare;

/// Bytes that may be secret.
pub(super) type Bytes = Zeroizing<Vec<u8>>;

/// The most texts that are decoded or looked at. What is not done by then is not shown.
const MOST_TEXTS: usize = 200;
/// So many characters in a row can be a text. Random bytes hardly ever have such a row.
const SHORTEST_TEXT: usize = 12;
/// Signs that are compared at once, and how many remainders of their numbers are told apart.
const GRAM: usize = 6;
const REMAINDERS: usize = 1 << 15;
/// A secret of fewer letters and digits is compared by all its visible characters: too much else has so few letters and digits.
const SHORTEST_SECRET: usize = 12;
/// The number of what is no sign.
const NO_SIGN: u8 = 127;
/// So many grams show a secret, however long.
const MOST_GRAMS: usize = 24;
/// The most letters and digits of an escape that was cut off.
const LONGEST_ESCAPE: usize = 6;
/// What a file of gzip begins with. Nobody can read why something failed in compressed bytes.
const GZIP: [u8; 3] = [0x1f, 0x8b, 8];

/// A decoder, and how many values it leaves out, since what was encoded can begin anywhere.
#[derive(Clone, Copy)]
enum Decoder {
    Plain,
    /// Of so many bits a character: hexadecimal, base32 and base64.
    Bits(u32, usize),
    /// Numbers to this base; of each so many the last.
    Numbers(u32, usize, usize),
}

use Decoder::{Bits, Numbers, Plain};

const DECODERS: [Decoder; 20] = [
    Plain,
    Bits(6, 0),
    Bits(6, 1),
    Bits(6, 2),
    Bits(6, 3),
    Bits(5, 0),
    Bits(5, 1),
    Bits(5, 2),
    Bits(5, 3),
    Bits(5, 4),
    Bits(5, 5),
    Bits(5, 6),
    Bits(5, 7),
    Bits(4, 0),
    Bits(4, 1),
    Numbers(10, 1, 0),
    // Each beside its place.
    Numbers(10, 2, 0),
    Numbers(10, 2, 1),
    Numbers(8, 1, 0),
    Numbers(2, 1, 0),
];

/// Whether a secret can be read in a text, or the part of the secret before the text's end: in letters and digits of either
/// case, whatever stands between.
pub(super) fn shows(text: &str, wanted: &Wanted) -> bool {
    if wanted.is_in(text.as_bytes()) || rare::is_deflated(text.as_bytes()) {
        return true;
    }
    let mut texts: Vec<Bytes> = vec![Zeroizing::new(text.as_bytes().to_vec())];
    let (mut next, mut count) = (0, 0);
    while next < texts.len() {
        for decoder in DECODERS {
            let decoded = decoder.decode(&texts[next]);
            count += 1;
            if count > MOST_TEXTS
                || wanted.is_in(&decoded)
                || decoded.windows(GZIP.len()).any(|part| part == GZIP)
            {
                return true;
            }
            let text = readable(&decoded);
            if text.len() >= SHORTEST_TEXT && *text != *texts[next] {
                texts.push(text);
            }
        }
        next += 1;
    }
    // What is rare is hardly ever within something else: the text as it stands, and as it is meant for readers.
    let meant = plain(text.as_bytes());
    let mut all = rare::decoded(text.as_bytes());
    if *meant != *text.as_bytes() {
        all.extend(rare::decoded(&meant));
    }
    for decoded in &all {
        if wanted.is_in(decoded) {
            return true;
        }
    }
    false
}

/// What is looked for: of each secret its letters and digits, also backwards and rotated; of a secret with few of them, all its
/// characters.
pub(super) struct Wanted {
    digits: Signs,
    characters: Signs,
}

/// What is looked for in one kind of signs.
struct Signs {
    /// The number of a sign, below [`NO_SIGN`].
    number: fn(u8) -> u8,
    secrets: Vec<Bytes>,
    /// Which remainders the grams of the secrets have.
    remainders: Zeroizing<Vec<bool>>,
}

impl Wanted {
    pub(super) fn of(secrets: &[SecretString]) -> Self {
        let (mut digits, mut characters) = (Signs::none(digit), Signs::none(character));
        for secret in secrets {
            // A decoder takes what looks like an escape in the secret itself for an escape.
            let mut text: Bytes = Zeroizing::new(secret.expose_secret().as_bytes().to_vec());
            loop {
                let all = digits.of_text(&text);
                if all.len() < SHORTEST_SECRET {
                    let all = characters.of_text(&text);
                    characters.want(all);
                } else {
                    digits.want(rotated(&all, 0));
                    digits.want(rotated(&all, 5));
                    let mut backwards = all.clone();
                    backwards.reverse();
                    digits.want(backwards);
                    digits.want(all);
                }
                let decoded = plain(&text);
                if decoded.len() >= text.len() {
                    break;
                }
                text = decoded;
            }
        }
        Self { digits, characters }
    }

    fn is_in(&self, text: &[u8]) -> bool {
        self.digits.are_in(text) || self.characters.are_in(text)
    }
}

impl Signs {
    fn none(number: fn(u8) -> u8) -> Self {
        Self { number, secrets: Vec::new(), remainders: Zeroizing::new(vec![false; REMAINDERS]) }
    }

    /// The signs of a text.
    fn of_text(&self, text: &[u8]) -> Bytes {
        let mut signs = Zeroizing::new(Vec::with_capacity(text.len()));
        for byte in text {
            let number = (self.number)(*byte);
            if number < NO_SIGN {
                signs.push(number);
            }
        }
        signs
    }

    fn want(&mut self, secret: Bytes) {
        if secret.len() >= SHORTEST_SECRET && !self.secrets.contains(&secret) {
            for gram in secret.windows(GRAM) {
                self.remainders[remainder(gram)] = true;
            }
            self.secrets.push(secret);
        }
    }

    fn are_in(&self, text: &[u8]) -> bool {
        if self.secrets.is_empty() {
            return false;
        }
        let text = self.of_text(text);
        let mut found = vec![0; self.secrets.len()];
        for (begin, gram) in text.windows(GRAM).enumerate() {
            if !self.remainders[remainder(gram)] {
                continue;
            }
            for (secret, found) in self.secrets.iter().zip(&mut found) {
                let last = secret.len() - GRAM;
                for place in (0..=last).filter(|place| secret[*place..].starts_with(gram)) {
                    *found += 1;
                    let is_cut = place == 0 && {
                        let same =
                            text[begin..].iter().zip(&**secret).take_while(|(one, other)| one == other);
                        begin + same.count() + LONGEST_ESCAPE >= text.len()
                    };
                    if is_cut || *found >= (last / 2).min(MOST_GRAMS) {
                        return true;
                    }
                }
            }
        }
        false
    }
}

fn remainder(gram: &[u8]) -> usize {
    gram.iter().fold(0, |number, sign| (number * 36 + usize::from(*sign)) % REMAINDERS)
}

/// Letters half the alphabet on, as rot13 writes them, and digits so many on.
fn rotated(digits: &[u8], steps: u8) -> Bytes {
    let mut rotated = Zeroizing::new(Vec::with_capacity(digits.len()));
    for digit in digits {
        rotated.push(if *digit < 10 { (digit + steps) % 10 } else { (digit + 3) % 26 + 10 });
    }
    rotated
}

/// The value of a letter or a digit to the base 36.
pub(super) fn digit(byte: u8) -> u8 {
    match byte {
        b'0'..=b'9' => byte - b'0',
        b'A'..=b'Z' => byte - b'A' + 10,
        b'a'..=b'z' => byte - b'a' + 10,
        _ => NO_SIGN,
    }
}

/// The number of a visible character, the same for both cases. What stands between the characters of a list is none.
fn character(byte: u8) -> u8 {
    let is_sign = byte.is_ascii_graphic() && !b"\"',".contains(&byte);
    if is_sign { byte.to_ascii_lowercase() } else { NO_SIGN }
}

/// The rows of characters that can be texts. The zeros of UTF-16 do not break a row.
fn readable(decoded: &[u8]) -> Bytes {
    let mut text = Zeroizing::new(Vec::with_capacity(decoded.len()));
    let mut begin = 0;
    for byte in decoded {
        match byte {
            0 => {}
            b' '..=b'~' | b'\t' | b'\r' | b'\n' | 0x1b => text.push(*byte),
            _ => {
                if text.len() < begin + SHORTEST_TEXT {
                    text.truncate(begin);
                }
                begin = text.len();
            }
        }
    }
    if text.len() < begin + SHORTEST_TEXT {
        text.truncate(begin);
    }
    text
}

impl Decoder {
    fn decode(self, text: &[u8]) -> Bytes {
        match self {
            Plain => plain(text),
            Bits(bits, left_out) => bytes(text, bits, left_out),
            Numbers(radix, each, place) => numbers(text, radix, each, place),
        }
    }
}

/// The bytes that characters of so many bits make.
pub(super) fn bytes(text: &[u8], bits: u32, mut left_out: usize) -> Bytes {
    let mut bytes = Zeroizing::new(Vec::with_capacity(text.len()));
    let (mut open, mut count) = (0_u32, 0);
    for at in 0..text.len() {
        let value = value(text[at], bits);
        if value >= 1 << bits || is_mark(text, at, bits) {
            continue;
        }
        if left_out > 0 {
            left_out -= 1;
            continue;
        }
        open = open << bits | value;
        count += bits;
        if count >= 8 {
            count -= 8;
            bytes.push((open >> count & 0xff) as u8);
        }
    }
    bytes
}

/// The value of a character of so many bits, or a number that is too large.
pub(super) fn value(byte: u8, bits: u32) -> u32 {
    let digit = u32::from(digit(byte));
    match (bits, digit, byte) {
        (1 | 4, ..) => digit,
        (5, 2..=7, _) => digit + 24,
        (5 | 6, 10..=35, _) if bits == 5 || byte < b'a' => digit - 10,
        (6, 10..=35, _) => digit + 16,
        (6, 0..=9, _) => digit + 52,
        (6, _, b'+' | b'-') => 62,
        (6, _, b'/' | b'_') => 63,
        _ => 64,
    }
}

/// The zero of `0x` in hexadecimal, and signs that stand alone, as between the parts of a text in a program.
fn is_mark(text: &[u8], at: usize, bits: u32) -> bool {
    let is_encoded = |at: usize| text.get(at).is_some_and(|byte| value(*byte, 6) < 64 || *byte == b'=');
    match text[at] {
        b'0' => bits == 4 && matches!(text.get(at + 1), Some(b'x' | b'X')),
        b'+' | b'-' | b'/' | b'_' => !is_encoded(at.wrapping_sub(1)) && !is_encoded(at + 1),
        _ => false,
    }
}

/// The bytes whose numbers stand in a text: of each so many the one at this place.
fn numbers(text: &[u8], radix: u32, each: usize, place: usize) -> Bytes {
    let mut numbers = Zeroizing::new(Vec::with_capacity(text.len()));
    let (mut open, mut count) = (None, 0);
    for at in 0..=text.len() {
        let digit = text.get(at).map_or(36, |byte| u32::from(digit(*byte)));
        if digit < 10 {
            // A digit that the base does not have makes the number too large.
            let digit = if digit < radix { digit } else { 256 };
            open = Some(open.unwrap_or(0_u32).saturating_mul(radix).saturating_add(digit));
        } else if let Some(byte) = open.take().and_then(|number| u8::try_from(number).ok()) {
            if count % each == place {
                numbers.push(byte);
            }
            count += 1;
        }
    }
    numbers
}
