//! Finds where a text spells a form of a secret, in time that no text can stretch: each place is looked at once for each of
//! its readings, with all beginnings of the secret side by side in the bits of words (the shift-and algorithm of Baeza-Yates
//! and Gonnet, over readings in place of characters).

use std::ops::Range;

use secrecy::ExposeSecret;
use secrecy::zeroize::Zeroizing;

use super::forms::Form;
use super::readings::Readings;

/// This many characters of a secret count as the secret, where the text begins or ends within the secret.
const SHORTEST_PART: usize = 4;
/// A text of fewer visible characters is not said to be a piece from the middle of a secret.
const SHORTEST_PIECE: usize = 16;

/// A form in the shape that the search needs. Bit `j` of a row of words stands for the character `j`.
pub(super) struct Pattern {
    length: usize,
    words: usize,
    /// The class of each character of ASCII, the same for both cases: 0 for those that the form does not have.
    classes: Zeroizing<[u8; 128]>,
    /// A row for each class: where the form has its character.
    masks: Zeroizing<Vec<u64>>,
    last_character: char,
    /// The class of the last character.
    last: u8,
    separators: &'static str,
    is_numbers: bool,
}

impl Pattern {
    pub(super) fn of(form: &Form) -> Self {
        let text = form.text.expose_secret().as_bytes();
        let words = text.len().div_ceil(64).max(1);
        let (mut classes, mut masks) = (Zeroizing::new([0_u8; 128]), Zeroizing::new(Vec::new()));
        let (mut count, mut last) = (0, 0);
        for (place, byte) in text.iter().enumerate() {
            let lower = usize::from(byte.to_ascii_lowercase() & 127);
            if classes[lower] == 0 {
                count += 1;
                classes[lower] = count;
                classes[usize::from(byte.to_ascii_uppercase() & 127)] = count;
                masks.resize(usize::from(count) * words, 0);
            }
            last = classes[lower];
            masks[(usize::from(last) - 1) * words + place / 64] |= 1 << (place % 64);
        }
        let last_character = text.last().copied().map_or('\0', char::from);
        let Form { separators, is_numbers, .. } = *form;
        Self { length: text.len(), words, classes, masks, last_character, last, separators, is_numbers }
    }

    fn class(&self, character: char) -> u8 {
        usize::try_from(u32::from(character))
            .ok()
            .and_then(|code| self.classes.get(code))
            .copied()
            .unwrap_or(0)
    }

    fn mask(&self, class: u8) -> &[u64] {
        let begin = (usize::from(class) - 1) * self.words;
        &self.masks[begin..begin + self.words]
    }

    /// Whether the character may stand between two characters of the form.
    fn may_skip(&self, character: char) -> bool {
        is_space(character) || self.separators.contains(character)
    }
}

/// Line ends, spaces, and the zeros of UTF-16.
pub(super) fn is_space(character: char) -> bool {
    character.is_ascii_whitespace() || character == '\0'
}

/// Places of a text, as a set.
#[derive(Clone)]
struct Places(Vec<u64>);

impl Places {
    fn none(length: usize) -> Self {
        Self(vec![0; length / 64 + 1])
    }

    fn clear(&mut self) {
        self.0.fill(0);
    }

    fn has(&self, place: usize) -> bool {
        self.0[place / 64] >> (place % 64) & 1 == 1
    }

    fn insert(&mut self, place: usize) {
        self.0[place / 64] |= 1 << (place % 64);
    }

    /// Takes the last place out.
    fn pop(&mut self) -> Option<usize> {
        let word = self.0.iter().rposition(|word| *word != 0)?;
        let bit = 63 - self.0[word].leading_zeros() as usize;
        self.0[word] &= !(1 << bit);
        Some(word * 64 + bit)
    }

    /// The first place from this one on.
    fn first_from(&self, place: usize) -> Option<usize> {
        let rest =
            |word: usize| if word == place / 64 { self.0[word] & (!0 << (place % 64)) } else { self.0[word] };
        let word = (place / 64..self.0.len()).find(|word| rest(*word) != 0)?;
        Some(word * 64 + rest(word).trailing_zeros() as usize)
    }
}

/// Rows of bits, one for each place of a text and one for its end. A row counts where its place is `live`.
struct Rows {
    words: usize,
    bits: Zeroizing<Vec<u64>>,
    live: Places,
}

impl Rows {
    fn new(length: usize) -> Self {
        Self { words: 0, bits: Zeroizing::default(), live: Places::none(length) }
    }

    /// Empties all rows, and makes room for others.
    fn clear(&mut self, words: usize, length: usize) {
        self.words = words;
        let wanted = words * (length + 1);
        if self.bits.len() < wanted {
            self.bits = Zeroizing::new(vec![0; wanted]);
        }
        self.live.clear();
    }

    fn row(&self, place: usize) -> &[u64] {
        &self.bits[place * self.words..(place + 1) * self.words]
    }

    fn add(&mut self, place: usize, word: usize, bits: u64) {
        if bits == 0 {
            return;
        }
        if !self.live.has(place) {
            self.live.insert(place);
            self.bits[place * self.words..(place + 1) * self.words].fill(0);
        }
        self.bits[place * self.words + word] |= bits;
    }

    fn add_each(&mut self, place: usize, bits: Range<usize>) {
        bits.for_each(|bit| self.add(place, bit / 64, 1 << (bit % 64)));
    }

    fn has(&self, place: usize, mut bits: Range<usize>) -> bool {
        self.live.has(place) && bits.any(|bit| self.row(place)[bit / 64] >> (bit % 64) & 1 == 1)
    }
}

/// A search through one text.
pub(super) struct Search<'a> {
    readings: &'a Readings,
    /// For each place the characters of the form that can begin there with all that follow them.
    rests: Rows,
    /// For each place the characters of the form that are next there, after all from its beginning on.
    begun: Rows,
    waiting: Places,
}

impl<'a> Search<'a> {
    pub(super) fn through(readings: &'a Readings) -> Self {
        let length = readings.length();
        let (rests, begun) = (Rows::new(length), Rows::new(length));
        Self { readings, rests, begun, waiting: Places::none(length) }
    }

    /// Adds the parts of the text that spell the form, whole or cut off by the text's beginning or end.
    pub(super) fn find(&mut self, pattern: &Pattern, found: &mut Vec<Range<usize>>) {
        let length = self.readings.length();
        if pattern.length < SHORTEST_PART {
            return;
        }
        self.find_rests(pattern, None);
        let mut next = 0;
        while let Some(place) = self.rests.live.first_from(next) {
            let tail = if place == 0 { pattern.length + 1 - SHORTEST_PART } else { 1 };
            next = place + 1;
            if self.rests.has(place, 0..tail) {
                let end = self.last_end(pattern, place, tail);
                found.push(place..end);
                next = end;
            }
        }
        self.find_rests(pattern, Some(SHORTEST_PART));
        let begins = |place: &usize| self.rests.has(*place, 0..1);
        let mut lives =
            std::iter::successors(self.rests.live.first_from(0), |at| self.rests.live.first_from(at + 1));
        if let Some(place) = lives.find(begins) {
            found.push(place..length);
        }
        // Characters of the middle, and nothing else.
        if self.rests.live.has(0) && self.readings.visible() >= SHORTEST_PIECE {
            found.push(0..length);
        }
    }

    /// Fills `rests`: up to the last character of the form or, where `cut` is given, up to where the text is cut off, with so
    /// many characters of the form before.
    fn find_rests(&mut self, pattern: &Pattern, cut: Option<usize>) {
        let readings = self.readings;
        self.rests.clear(pattern.words, readings.length());
        self.waiting.clear();
        match cut {
            None => readings.places_of(pattern.last_character).for_each(|place| self.waiting.insert(place)),
            Some(least) => {
                for place in readings.cuts() {
                    self.rests.add_each(place, least..pattern.length);
                    readings.before(place).for_each(|before| self.waiting.insert(before));
                }
            }
        }
        let last = 1 << ((pattern.length - 1) % 64);
        while let Some(place) = self.waiting.pop() {
            for (character, end) in readings.at(place) {
                let (class, is_live) = (pattern.class(character), self.rests.live.has(end));
                let ends_here = cut.is_none() && class == pattern.last;
                if class != 0 && (is_live || ends_here) {
                    for (word, mask) in pattern.mask(class).iter().enumerate() {
                        let mut after = 0;
                        if is_live {
                            let row = self.rests.row(end);
                            after = row[word] >> 1 | row.get(word + 1).map_or(0, |next| next << 63);
                        }
                        if ends_here && word + 1 == pattern.words {
                            after |= last;
                        }
                        self.rests.add(place, word, mask & after);
                    }
                }
                if is_live && (pattern.may_skip(character) || readings.is_gutter(place, pattern.is_numbers)) {
                    for word in 0..pattern.words {
                        // What may be skipped stands between characters, not in front of the first.
                        let inner = if word == 0 { !1 } else { !0 };
                        self.rests.add(place, word, self.rests.row(end)[word] & inner);
                    }
                }
            }
            if self.rests.live.has(place) {
                readings.before(place).for_each(|before| self.waiting.insert(before));
            }
        }
    }

    /// The last place where the form can end of which one of the first `tail` characters begins at this place.
    fn last_end(&mut self, pattern: &Pattern, begin: usize, tail: usize) -> usize {
        let (readings, words) = (self.readings, pattern.words);
        self.begun.clear(words, readings.length());
        self.begun.add_each(begin, 0..tail);
        let (mut last_end, mut next) = (begin + 1, begin);
        while let Some(place) = self.begun.live.first_from(next) {
            next = place + 1;
            if !self.rests.live.has(place) {
                continue;
            }
            // Of what has begun, only what comes to its end.
            let open = |of: &Self, word: usize| of.begun.row(place)[word] & of.rests.row(place)[word];
            for (character, end) in readings.at(place) {
                let class = pattern.class(character);
                if class != 0 {
                    for (word, mask) in pattern.mask(class).iter().enumerate() {
                        let step = open(self, word) & mask;
                        self.begun.add(end, word, step << 1);
                        if word + 1 < words {
                            self.begun.add(end, word + 1, step >> 63);
                        } else if step >> ((pattern.length - 1) % 64) & 1 == 1 {
                            last_end = last_end.max(end);
                        }
                    }
                }
                if pattern.may_skip(character) || readings.is_gutter(place, pattern.is_numbers) {
                    (0..words).for_each(|word| self.begun.add(end, word, open(self, word)));
                }
            }
        }
        last_end
    }
}
