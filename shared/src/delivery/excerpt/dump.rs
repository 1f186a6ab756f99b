//! Dumps of bytes, as `xxd`, `hexdump`, `od`, debuggers and packet tools write them: an offset before each line's numbers, and
//! the characters behind the numbers. What runs on from line to line is one column; the others stand between.

/// The fewest and the most digits of an offset.
const OFFSET: std::ops::RangeInclusive<usize> = 4..=16;
/// The longest end of a text that can be an offset that was cut off, with blanks and marks.
const LONGEST_OFFSET: usize = 24;
/// The longest number of a dump: a word of 64 bits.
const LONGEST_NUMBER: usize = 16;
/// The fewest digits that the numbers of a line have, for the line to be one of a dump.
const FEWEST_DIGITS: usize = 4;

/// To which column of a dump a place of a text belongs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Column {
    None,
    /// The offset, or what can be either of the others.
    Open,
    Numbers,
    Characters,
}

/// The column of each byte of a text.
pub(super) fn columns(text: &str) -> Vec<Column> {
    let mut columns = vec![Column::None; text.len()];
    let mut begin = 0;
    // A line end may be escaped, where a dump stands within JSON.
    for line in text.split_inclusive('\n').flat_map(|line| line.split_inclusive("\\n")) {
        let end = begin + line.len();
        // The text may be cut within an offset.
        let may_be_offset = |c: char| c.is_ascii_hexdigit() || " \tx:h-".contains(c);
        let is_last = begin > 0 && end == text.len();
        let is_cut = is_last && line.len() <= LONGEST_OFFSET && line.chars().all(may_be_offset);
        let offset = begin + if is_cut { line.len() } else { offset(line) };
        columns[begin..offset].fill(Column::Open);
        let length = numbers(&text[offset..end]);
        if length > 0 {
            let behind = offset + length;
            columns[offset..behind].fill(Column::Numbers);
            let bar = text[behind..end].find(|c: char| !" \t|".contains(c)).unwrap_or(end - behind);
            columns[behind..behind + bar].fill(Column::Open);
            columns[behind + bar..end].fill(Column::Characters);
            let ends =
                line.trim_end_matches(['\r', '\n']).trim_end_matches("\\n").trim_end_matches(['|', ' ']);
            columns[(begin + ends.len()).max(behind)..end].fill(Column::Open);
            // Behind a wide gap, what looks like numbers may be characters.
            let gap = |mark: &str| text[offset..behind].trim_start().rfind(mark);
            if let Some(gap) = gap("  ").max(gap("\t")) {
                let blank = text[offset..behind].len() - text[offset..behind].trim_start().len();
                columns[offset + blank + gap..behind].fill(Column::Open);
            }
        }
        begin = end;
    }
    columns
}

/// How many bytes of a line are white space, an offset in hexadecimal, and what ends the offset.
fn offset(line: &str) -> usize {
    let blank = line.len() - line.trim_start_matches([' ', '\t']).len();
    let prefix = if line[blank..].starts_with("0x") { 2 } else { 0 };
    let digits = digits(&line[blank + prefix..]);
    let end = blank + prefix + digits;
    let mark = usize::from(line[end..].starts_with([':', 'h', '-']));
    let is_apart = line[end + mark..].starts_with([' ', '\t']);
    if OFFSET.contains(&digits) && is_apart { end + mark } else { 0 }
}

/// How many bytes of a line are numbers of a dump: up to two spaces, a tab or a bar behind which no more digits stand.
fn numbers(line: &str) -> usize {
    let (mut at, mut count) = (0, 0);
    loop {
        let rest = &line[at..];
        let blank = rest.len() - rest.trim_start_matches([' ', '\t', '-']).len();
        let (number, behind) = (digits(&rest[blank..]), at + blank + digits(&rest[blank..]));
        let is_whole =
            line[behind..].starts_with([' ', '\t', '-', '\r', '\n', '\\', '|']) || behind == line.len();
        if !(2..=LONGEST_NUMBER).contains(&number) || !is_whole {
            break;
        }
        count += number;
        at = behind;
    }
    if count < FEWEST_DIGITS { 0 } else { at }
}

/// How many hexadecimal digits a text begins with.
fn digits(text: &str) -> usize {
    text.len() - text.trim_start_matches(|character: char| character.is_ascii_hexdigit()).len()
}
