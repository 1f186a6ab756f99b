//! All characters that a place of a text can be read as: the character that stands there, and those that an escape means
//! which begins there.

use super::dump::{Column, columns};
use super::search::is_space;

/// How often a text may have been escaped.
const DEPTH: usize = 3;
/// The most digits of an escape by number, leading zeros included.
const MOST_DIGITS: usize = 8;
/// The longest end of a text that can be an escape that was cut off.
const LONGEST_ESCAPE: usize = 12;
/// The characters that begin an escape.
const MARKS: [char; 4] = ['%', '=', '\\', '&'];
/// The most characters beside a line end that may belong to how the lines are written: quotation marks, plus signs, bars,
/// the `=` of quoted-printable.
const LONGEST_GUTTER: usize = 8;

/// The names that HTML has for the visible characters of ASCII, each before its character.
pub(super) const NAMED: &str = "amp& AMP& lt< LT< gt> GT> quot\" QUOT\" apos' excl! num# dollar$ percnt% lpar( rpar) ast* midast* plus+ \
    comma, period. sol/ colon: semi; equals= quest? commat@ lsqb[ lbrack[ bsol\\ rsqb] rbrack] Hat^ lowbar_ UnderBar_ grave` \
    lcub{ lbrace{ verbar| vert| rcub} rbrace} hyphen- dash-";

/// A character that a place can be read as, and where the next one begins.
type Reading = (char, usize);

/// The readings of each place of a text, by the place's byte.
pub(super) struct Readings {
    /// The character that stands at each place; where none begins, the end is 0.
    raw: Vec<Reading>,
    /// What else each place can be read as.
    escaped: Vec<Vec<Reading>>,
    /// The places beside a line end.
    gutter: Vec<bool>,
    /// The columns of dumps of bytes.
    columns: Vec<Column>,
    /// The places of each character of ASCII, in lower case.
    places: Vec<Vec<usize>>,
    /// The places before each place and before the end: those with a reading that ends there.
    before: Vec<Vec<usize>>,
    /// The places from which on nothing is left but white space, or an escape that does not end.
    cuts: Vec<usize>,
}

impl Readings {
    /// Reads a text: first as it stands, then each time with the escapes that the readings so far spell.
    pub(super) fn of(text: &str) -> Self {
        let mut raw = vec![('\0', 0); text.len()];
        for (at, character) in text.char_indices() {
            raw[at] = (character, at + character.len_utf8());
        }
        let mut readings = Self {
            raw,
            escaped: vec![Vec::new(); text.len()],
            gutter: gutters(text),
            columns: columns(text),
            places: vec![Vec::new(); 128],
            before: vec![Vec::new(); text.len() + 1],
            cuts: Vec::new(),
        };
        // An escape of an escape begins where the escape begins.
        let marks: Vec<usize> = text.match_indices(MARKS).map(|(at, _)| at).collect();
        for _ in 0..DEPTH {
            let found: Vec<_> = marks.iter().map(|at| (*at, readings.escapes(*at))).collect();
            let mut is_new = false;
            for (at, reading) in
                found.into_iter().flat_map(|(at, all)| all.into_iter().map(move |one| (at, one)))
            {
                if !readings.escaped[at].contains(&reading) && readings.raw[at] != reading {
                    readings.escaped[at].push(reading);
                    is_new = true;
                }
            }
            if !is_new {
                break;
            }
        }
        for place in 0..text.len() {
            for (character, end) in readings.at(place).collect::<Vec<_>>() {
                readings.before[end].push(place);
                let lower = u32::from(character.to_ascii_lowercase());
                let places = usize::try_from(lower).ok().and_then(|lower| readings.places.get_mut(lower));
                if let Some(places) = places {
                    places.push(place);
                }
            }
        }
        let last = text.len().saturating_sub(LONGEST_ESCAPE)..=text.len();
        readings.cuts = last.filter(|place| readings.is_cut(*place)).collect();
        readings
    }

    /// The length of the text in bytes.
    pub(super) fn length(&self) -> usize {
        self.raw.len()
    }

    /// How many characters of the text are no white space.
    pub(super) fn visible(&self) -> usize {
        self.raw.iter().filter(|(character, end)| *end > 0 && !is_space(*character)).count()
    }

    /// Whether what stands at a place may belong to how the text is broken into lines, and not to a form: to one of numbers, or
    /// to one of characters.
    pub(super) fn is_gutter(&self, at: usize, is_numbers: bool) -> bool {
        let is_other_column = match self.columns.get(at) {
            Some(Column::Open) => true,
            Some(Column::Numbers) => !is_numbers,
            Some(Column::Characters) => is_numbers,
            Some(Column::None) | None => false,
        };
        is_other_column || self.gutter.get(at).copied().unwrap_or_default()
    }

    /// The places that can be read as a character, in either case.
    pub(super) fn places_of(&self, character: char) -> impl Iterator<Item = usize> + '_ {
        let lower = u32::from(character.to_ascii_lowercase());
        let places = usize::try_from(lower).ok().and_then(|lower| self.places.get(lower));
        places.into_iter().flatten().copied()
    }

    /// The places that have a reading which ends at this place.
    pub(super) fn before(&self, place: usize) -> impl Iterator<Item = usize> + '_ {
        self.before.get(place).into_iter().flatten().copied()
    }

    /// The places from which on nothing is left but white space, or an escape that does not end.
    pub(super) fn cuts(&self) -> impl Iterator<Item = usize> + '_ {
        self.cuts.iter().copied()
    }

    /// All that a place can be read as.
    pub(super) fn at(&self, at: usize) -> impl Iterator<Item = Reading> + '_ {
        let raw = self.raw.get(at).copied().filter(|(_, end)| *end > 0);
        raw.into_iter().chain(self.escaped.get(at).into_iter().flatten().copied())
    }

    /// Whether from here on nothing is left but white space, or an escape that does not end.
    fn is_cut(&self, at: usize) -> bool {
        if at == self.length() || self.at(at).any(|(character, end)| is_space(character) && self.is_cut(end))
        {
            return true;
        }
        let rest: String = self.raw(at).collect();
        let only = |allowed: &str| rest.chars().all(|c| c.is_ascii_hexdigit() || allowed.contains(c));
        match rest.chars().next() {
            Some('%' | '=') => rest.len() < 8 && only("%=u"),
            Some('\\') => only("\\xuU{"),
            Some('&') => rest.chars().all(|c| c.is_ascii_alphanumeric() || "&#;".contains(c)),
            _ => false,
        }
    }

    /// The text from a place on as it stands.
    fn raw(&self, at: usize) -> impl Iterator<Item = char> + '_ {
        let rest = self.raw.get(at..).unwrap_or_default();
        rest.iter().filter(|(_, end)| *end > 0).map(|(character, _)| *character)
    }

    /// What the escapes mean that begin at a place.
    fn escapes(&self, at: usize) -> Vec<Reading> {
        let mut found = Vec::new();
        for (character, next) in self.at(at) {
            match character {
                '%' | '=' => {
                    found.extend(self.number(next, 16, 2..=2));
                    found.extend(self.after(next, 'u').flat_map(|next| self.number(next, 16, 4..=4)));
                }
                '\\' => found.extend(self.backslash(next)),
                '&' => found.extend(self.html(next)),
                _ => {}
            }
        }
        found
    }

    /// What follows a backslash, in JSON, JavaScript, Python, C or a shell.
    fn backslash(&self, at: usize) -> Vec<Reading> {
        let itself = self.at(at).filter(|(character, _)| character.is_ascii_punctuation());
        let mut found: Vec<_> = itself.collect();
        found.extend(self.number(at, 8, 1..=3));
        for (mark, digits) in [('x', 2..=2), ('u', 4..=4), ('U', 8..=8)] {
            for next in self.after(at, mark) {
                found.extend(self.number(next, 16, digits.clone()));
                for next in self.after(next, '{') {
                    let numbers = self.number(next, 16, 1..=MOST_DIGITS);
                    found.extend(
                        numbers
                            .into_iter()
                            .flat_map(|(code, end)| self.after(end, '}').map(move |end| (code, end))),
                    );
                }
            }
        }
        for (mark, meant) in [('n', '\n'), ('r', '\r'), ('t', '\t')] {
            found.extend(self.after(at, mark).map(|end| (meant, end)));
        }
        found
    }

    /// What follows an ampersand in HTML; the semicolon may be missing, as browsers have it.
    fn html(&self, at: usize) -> Vec<Reading> {
        let mut found = Vec::new();
        for next in self.after(at, '#') {
            found.extend(self.number(next, 10, 1..=MOST_DIGITS));
            found.extend(['x', 'X'].into_iter().flat_map(|mark| {
                self.after(next, mark)
                    .flat_map(|next| self.number(next, 16, 1..=MOST_DIGITS))
                    .collect::<Vec<_>>()
            }));
        }
        for named in NAMED.split_whitespace() {
            let mut letters = named.chars();
            let Some(meant) = letters.next_back() else { continue };
            let mut ends = vec![at];
            for letter in letters {
                ends = each_once(ends.into_iter().flat_map(|end| self.after(end, letter)).collect());
            }
            found.extend(ends.into_iter().map(|end| (meant, end)));
        }
        let closed: Vec<_> =
            found.iter().flat_map(|(meant, end)| self.after(*end, ';').map(|end| (*meant, end))).collect();
        found.extend(closed);
        found
    }

    /// Where a place ends, if it can be read as a character.
    fn after(&self, at: usize, wanted: char) -> impl Iterator<Item = usize> + '_ {
        self.at(at).filter(move |(character, _)| *character == wanted).map(|(_, end)| end)
    }

    /// The characters whose codes stand at a place, with so many digits.
    fn number(&self, at: usize, radix: u32, digits: std::ops::RangeInclusive<usize>) -> Vec<Reading> {
        let mut found = Vec::new();
        let mut open = vec![(0_u32, at)];
        for count in 1..=*digits.end() {
            let step = |(code, at): (u32, usize)| {
                self.at(at).filter_map(move |(character, end)| {
                    let code = code.checked_mul(radix)?.checked_add(character.to_digit(radix)?)?;
                    // Secrets are ASCII, and what is no longer can become none again.
                    (code < 128).then_some((code, end))
                })
            };
            open = each_once(open.into_iter().flat_map(step).collect());
            if digits.contains(&count) {
                found.extend(open.iter().filter_map(|(code, end)| Some((char::from_u32(*code)?, *end))));
            }
        }
        found
    }
}

fn each_once<T: Ord>(all: Vec<T>) -> Vec<T> {
    let mut once = Vec::new();
    for item in all {
        if let Err(place) = once.binary_search(&item) {
            once.insert(place, item);
        }
    }
    once
}

/// The places beside a line end, up to the next letter or digit.
fn gutters(text: &str) -> Vec<bool> {
    let bytes = text.as_bytes();
    let mut gutter = vec![false; bytes.len()];
    let is_open = |at: &usize| bytes[*at].is_ascii() && !bytes[*at].is_ascii_alphanumeric();
    for (end, _) in text.match_indices(['\r', '\n']) {
        for at in (end..bytes.len()).take(LONGEST_GUTTER).take_while(is_open) {
            gutter[at] = true;
        }
        for at in (0..end).rev().take(LONGEST_GUTTER).take_while(is_open) {
            gutter[at] = true;
        }
    }
    gutter
}
