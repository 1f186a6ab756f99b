//! Mozilla's Public Suffix List: the names below which anybody can have a name, such as `co.uk` and `github.io`.
//!
//! The table is text, in order and without repetition, because a Worker is uploaded compressed: as a tree of labels the whole
//! list, private domains included, adds 36 KiB to a gzipped Worker. Tried besides: the crate `psl`, which compiles the list
//! to code (236 KiB), `public-suffix`, which has Go's tables (56 KiB), an automaton of the crate `fst` (49 KiB and the crate),
//! and the sorted list (42 KiB).

/// The list as a tree. Each line is a top-level domain, in order, and the names below it: `uk(ac,co,*,!city,host~(eu))`. A
/// name with a `~` is no suffix itself; `*` stands for every name, and `!` excepts one from that.
pub(super) struct Suffixes(&'static str);

/// What the list says of a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SuffixMatch {
    /// Its top-level domain is not on the list.
    Unknown,
    /// It is a public suffix.
    Suffix,
    /// It is below a public suffix: somebody has registered it, or a name above it.
    Below,
}

impl Suffixes {
    /// The list, from the crate `psl`; a test keeps them equal.
    pub(super) const PUBLIC: Self = Self(include_str!("../../../data/public-suffixes.txt"));

    /// Places a name in lower-case ASCII.
    pub(super) fn place_of(&self, name: &str) -> SuffixMatch {
        let mut labels = name.rsplit('.');
        let Some(top) = labels.next().and_then(|top| self.top(top)) else {
            return SuffixMatch::Unknown;
        };
        // The list's rule for a name that no other rule meets is `*`, so `za` is a suffix although only `co.za` and the like
        // are listed.
        let mut entry = Entry { is_suffix: true, ..top };
        for label in labels {
            match entry.below().find(|below| below.label == label) {
                Some(below) => entry = below,
                // Nothing of the list is below a name that only `*` stands for, so a second step finds nothing.
                None if entry.below().any(|below| below.label == "*") => {
                    entry = Entry { is_suffix: true, ..Entry::default() }
                }
                None => return SuffixMatch::Below,
            }
        }
        if entry.is_suffix { SuffixMatch::Suffix } else { SuffixMatch::Below }
    }

    /// Looks up a top-level domain.
    fn top(&self, label: &str) -> Option<Entry<'static>> {
        let (mut from, mut to) = (0, self.0.len());
        while from < to {
            let middle = from + (to - from) / 2;
            let start = self.0[from..middle].rfind('\n').map_or(from, |at| from + at + 1);
            let end = self.0[middle..to].find('\n').map_or(to, |at| middle + at);
            let entry = Entry::read(&self.0[start..end]);
            match entry.label.cmp(label) {
                std::cmp::Ordering::Equal => return Some(entry),
                std::cmp::Ordering::Less => from = (end + 1).min(to),
                std::cmp::Ordering::Greater => to = start,
            }
        }
        None
    }
}

/// A label of the tree.
#[derive(Clone, Copy, Default)]
struct Entry<'a> {
    label: &'a str,
    is_suffix: bool,
    below: &'a str,
}

impl<'a> Entry<'a> {
    fn read(text: &'a str) -> Self {
        let (name, below) = text.split_once('(').unwrap_or((text, ""));
        let label = name.trim_start_matches('!').trim_end_matches('~');
        Self { label, is_suffix: label.len() == name.len(), below: below.strip_suffix(')').unwrap_or(below) }
    }

    /// The entries one step below.
    fn below(self) -> impl Iterator<Item = Self> {
        let mut depth = 0_usize;
        let entries = self.below.split(move |character| {
            match character {
                '(' => depth += 1,
                ')' => depth = depth.saturating_sub(1),
                _ => {}
            }
            character == ',' && depth == 0
        });
        entries.map(Entry::read)
    }
}

#[cfg(test)]
mod tests;
