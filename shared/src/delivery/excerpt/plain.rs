//! A text as it is meant for readers: escapes stand for their characters, tags and colours for nothing.

use std::ops::RangeInclusive;

use secrecy::zeroize::Zeroizing;

use super::readings::NAMED;

/// The longest tag that is left out.
const LONGEST_TAG: usize = 400;

/// What a mark begins: the character that is meant, if any, and how many bytes behind the mark belong to the mark.
type Meant = Option<(Option<u32>, usize)>;

/// Leaves tags, colours, soft line ends and whatever is not ASCII out of a text, and then reads the escapes once.
pub(super) fn plain(text: &[u8]) -> Zeroizing<Vec<u8>> {
    let folded = folded(text);
    let text = folded.as_ref().map_or(text, |folded| folded.as_slice());
    let text = replaced(text, |mark, after| match mark {
        b'<' => tag(after),
        b'[' => colour(after),
        0x1b => Some((None, 0)),
        b'=' => soft_line_end(after),
        _ => None,
    });
    replaced(&text, |mark, after| match mark {
        b'%' | b'=' => escape(after),
        b'\\' => backslash(after),
        b'&' => html(after),
        _ => None,
    })
}

/// A text with ASCII in place of the letters and digits that Unicode has in wide, circled and mathematical forms.
fn folded(text: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let text = if text.is_ascii() { None } else { std::str::from_utf8(text).ok() }?;
    let mut folded = Zeroizing::new(Vec::with_capacity(text.len()));
    for character in text.chars() {
        let code = u32::from(character);
        let letter = |place: u32| place + if place < 26 { 65 } else { 71 };
        let ascii = match code {
            0xff01..=0xff5e => code - 0xfee0,
            0x24b6..=0x24e9 => letter(code - 0x24b6),
            0x1d400..=0x1d6a3 => letter((code - 0x1d400) % 52),
            0x1d7ce..=0x1d7ff => 48 + (code - 0x1d7ce) % 10,
            _ => code,
        };
        folded.extend(u8::try_from(ascii).ok().filter(u8::is_ascii));
    }
    Some(folded)
}

/// A text with the ASCII that its marks mean.
fn replaced(text: &[u8], meant: fn(u8, &[u8]) -> Meant) -> Zeroizing<Vec<u8>> {
    let mut all = Zeroizing::new(Vec::with_capacity(text.len()));
    let mut rest = text;
    while let [mark, after @ ..] = rest {
        let (character, length) = meant(*mark, after).unwrap_or((Some(u32::from(*mark)), 0));
        all.extend(character.and_then(|code| u8::try_from(code).ok()).filter(u8::is_ascii));
        rest = &after[length..];
    }
    all
}

fn tag(after: &[u8]) -> Meant {
    let is_tag = after.first().is_some_and(|byte| byte.is_ascii_alphabetic() || b"/!?".contains(byte));
    let end = after.iter().take(LONGEST_TAG).position(|byte| *byte == b'>').map(|end| end + 1);
    // The text may be cut off within a tag.
    let end = end.or_else(|| Some(after.len()).filter(|length| *length < LONGEST_TAG));
    end.filter(|_| is_tag).map(|end| (None, end))
}

/// What a terminal takes for a colour; viewers of logs leave the escape in front out.
fn colour(after: &[u8]) -> Meant {
    let length = after.iter().take_while(|byte| byte.is_ascii_digit() || **byte == b';').count();
    match after.get(length) {
        Some(b'm' | b'K') => Some((None, length + 1)),
        // The text may be cut off within a colour.
        None => Some((None, length)),
        Some(_) => None,
    }
}

fn soft_line_end(after: &[u8]) -> Meant {
    match after {
        [b'\r', b'\n', ..] => Some((None, 2)),
        [b'\n', ..] => Some((None, 1)),
        _ => None,
    }
}

fn escape(after: &[u8]) -> Meant {
    match after {
        [b'u', digits @ ..] => number(digits, 16, 4..=4, 1),
        _ => number(after, 16, 2..=2, 0),
    }
}

fn backslash(after: &[u8]) -> Meant {
    let (mark, behind) = after.split_first()?;
    match mark {
        b'x' | b'u' | b'U' if behind.first() == Some(&b'{') => {
            number(&behind[1..], 16, 1..=8, 2).map(|(code, end)| (code, after.len().min(end + 1)))
        }
        b'x' => number(behind, 16, 2..=2, 1),
        b'u' => number(behind, 16, 4..=4, 1),
        b'U' => number(behind, 16, 8..=8, 1),
        b'0'..=b'7' => number(after, 8, 1..=3, 0),
        b'n' | b'r' | b't' | b'\r' | b'\n' => Some((Some(u32::from(b'\n')), 1)),
        b'e' => Some((None, 1)),
        _ => Some((Some(u32::from(*mark)), 1)),
    }
}

fn html(after: &[u8]) -> Meant {
    let (character, end) = match after {
        [b'#', b'x' | b'X', digits @ ..] => number(digits, 16, 1..=8, 2),
        [b'#', digits @ ..] => number(digits, 10, 1..=8, 1),
        _ => NAMED.split_whitespace().find_map(|named| {
            let (name, character) = named.split_at(named.len() - 1);
            after.starts_with(name.as_bytes()).then(|| (character.chars().next().map(u32::from), name.len()))
        }),
    }?;
    Some((character, end + usize::from(after.get(end) == Some(&b';'))))
}

/// The character whose number stands at the beginning of a text, in so many digits, behind `mark` bytes.
fn number(text: &[u8], radix: u32, digits: RangeInclusive<usize>, mark: usize) -> Meant {
    let values = text.iter().take(*digits.end()).map_while(|byte| char::from(*byte).to_digit(radix));
    let (mut code, mut count) = (0_u32, 0);
    for value in values {
        code = code.wrapping_mul(radix).wrapping_add(value);
        count += 1;
    }
    digits.contains(&count).then_some((Some(code), mark + count))
}
