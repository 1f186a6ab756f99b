//! All characters that a place of a text can be read as: the character that stands there, and those that an escape means
//! which begins there.

use std::collections::BTreeSet;

use crate::sets::set_of;

/// How often a text may have been escaped.
const DEPTH: usize = 3;
/// The most digits of an escape by number, leading zeros included.
const MOST_DIGITS: usize = 8;
/// The longest end of a text that can be an escape that was cut off.
const LONGEST_ESCAPE: usize = 12;

/// The names that HTML has for the visible characters of ASCII, each before its character.
const NAMED: &str = "amp& AMP& lt< LT< gt> GT> quot\" QUOT\" apos' excl! num# dollar$ percnt% lpar( rpar) ast* midast* plus+ \
    comma, period. sol/ colon: semi; equals= quest? commat@ lsqb[ lbrack[ bsol\\ rsqb] rbrack] Hat^ lowbar_ UnderBar_ grave` \
    lcub{ lbrace{ verbar| vert| rcub} rbrace} hyphen- dash-";

/// A character that a place can be read as, and where the next one begins.
type Reading = (char, usize);

/// The readings of each place of a text, by the place's byte.
pub(super) struct Readings {
    by_place: Vec<BTreeSet<Reading>>,
}

impl Readings {
    /// Reads a text: first as it stands, then each time with the escapes that the readings so far spell.
    pub(super) fn of(text: &str) -> Self {
        let mut by_place = vec![BTreeSet::new(); text.len()];
        for (at, character) in text.char_indices() {
            by_place[at].insert((character, at + character.len_utf8()));
        }
        let mut readings = Self { by_place };
        for _ in 0..DEPTH {
            let found: Vec<_> = (0..text.len()).map(|at| readings.escapes(at)).collect();
            let mut is_new = false;
            for (place, found) in readings.by_place.iter_mut().zip(found) {
                let known = place.len();
                place.extend(found);
                is_new |= place.len() > known;
            }
            if !is_new {
                break;
            }
        }
        readings
    }

    /// The length of the text in bytes.
    pub(super) fn length(&self) -> usize {
        self.by_place.len()
    }

    /// Whether a place can be read as a character, in either case.
    pub(super) fn may_be(&self, at: usize, wanted: char) -> bool {
        self.at(at).any(|(character, _)| character.eq_ignore_ascii_case(&wanted))
    }

    /// Where a character ends that is wanted at one of these places. Line ends, spaces and zeros may stand before it.
    pub(super) fn ends(&self, places: &[usize], wanted: char) -> Vec<usize> {
        // Each place once: a token of backslashes can be read in more ways than there is time for.
        let mut seen = vec![false; self.length() + 1];
        let mut is_end = seen.clone();
        let (mut open, mut ends) = (places.to_vec(), Vec::new());
        while let Some(place) = open.pop() {
            if std::mem::replace(&mut seen[place], true) {
                continue;
            }
            for (character, end) in self.at(place) {
                if character.eq_ignore_ascii_case(&wanted) && !std::mem::replace(&mut is_end[end], true) {
                    ends.push(end);
                }
                if character.is_ascii_whitespace() || character == '\0' {
                    open.push(end);
                }
            }
        }
        ends
    }

    /// Whether from here on nothing is left but white space, or an escape that does not end.
    pub(super) fn is_cut(&self, at: usize) -> bool {
        if self.length().saturating_sub(at) > LONGEST_ESCAPE {
            return false;
        }
        let is_space = |character: char| character.is_ascii_whitespace() || character == '\0';
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

    fn at(&self, at: usize) -> impl Iterator<Item = Reading> + '_ {
        self.by_place.get(at).into_iter().flatten().copied()
    }

    /// The text from a place on as it stands.
    fn raw(&self, at: usize) -> impl Iterator<Item = char> + '_ {
        let raw = |(character, end): Reading, at| end == at + character.len_utf8();
        let mut at = at;
        std::iter::from_fn(move || {
            let (character, end) = self.at(at).find(|reading| raw(*reading, at))?;
            at = end;
            Some(character)
        })
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
            let mut ends = set_of([at]);
            for letter in letters {
                ends = set_of(ends.into_iter().flat_map(|end| self.after(end, letter)));
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
        let mut open = set_of([(0_u32, at)]);
        for count in 1..=*digits.end() {
            let step = |(code, at): (u32, usize)| {
                self.at(at).filter_map(move |(character, end)| {
                    let code = code.checked_mul(radix)?.checked_add(character.to_digit(radix)?)?;
                    // Secrets are ASCII, and what is no longer can become none again.
                    (code < 128).then_some((code, end))
                })
            };
            open = set_of(open.into_iter().flat_map(step));
            if digits.contains(&count) {
                found.extend(open.iter().filter_map(|(code, end)| Some((char::from_u32(*code)?, *end))));
            }
        }
        found
    }
}
