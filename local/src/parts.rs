//! Takes a large file of SQL apart where one statement ends and the next begins.
use std::fs::{self, File};
use std::io::{BufRead, BufReader, BufWriter, Write};
use std::path::Path;

use anyhow::{Context, Result};

/// Where a byte of SQL text is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Statement,
    /// Behind the semicolon of a statement.
    Between,
    /// In a text or a name, which this quote ends.
    Quoted(u8),
    /// Behind `--`, up to the end of the line.
    Comment,
}

impl Place {
    /// Where the end of a line is whose beginning is here.
    fn after(mut self, line: &[u8]) -> Self {
        let mut bytes = line.iter().copied().peekable();
        while let Some(byte) = bytes.next() {
            self = match (self, byte) {
                // A doubled quote ends the text and begins it again, which comes to the same.
                (Self::Quoted(quote), _) if byte == quote => Self::Statement,
                (Self::Quoted(_), _) => self,
                (Self::Comment, b'\n') => Self::Statement,
                (Self::Comment, _) => self,
                (_, b'\'' | b'"' | b'`') => Self::Quoted(byte),
                (_, b'-') if bytes.peek() == Some(&b'-') => Self::Comment,
                (_, b';') => Self::Between,
                (Self::Between, b' ' | b'\t' | b'\r' | b'\n') => self,
                _ => Self::Statement,
            };
        }
        self
    }
}

/// Calls `import` with a file of SQL if it has at most `largest` bytes, and otherwise with files of about that size, one after the
/// other, which together are the file. Each ends with a line that ends a statement. The file may have no trigger, in which
/// statements stand inside of another.
///
/// # Errors
///
/// The error of `import`, or where a file cannot be read or written.
pub(crate) fn in_parts(file: &Path, largest: u64, import: &mut dyn FnMut(&Path) -> Result<()>) -> Result<()> {
    let shown = file.display();
    if fs::metadata(file).with_context(|| format!("{shown} cannot be read"))?.len() <= largest {
        return import(file);
    }
    let mut whole = BufReader::new(File::open(file).with_context(|| format!("{shown} cannot be read"))?);
    let part = file.with_extension("part.sql");
    let imported = loop {
        match copy_part(&mut whole, &part, largest) {
            Ok(0) => break Ok(()),
            Ok(_) => {}
            Err(error) => break Err(error).with_context(|| format!("{} cannot be written", part.display())),
        }
        if let Err(error) = import(&part) {
            break Err(error);
        }
    };
    // What is left of the last part is a copy: nobody misses it, and nobody should find it.
    let _ = fs::remove_file(&part);
    imported
}

/// Copies whole statements into a new file until it has `largest` bytes. Returns how many bytes it has; 0 where no statement is left.
fn copy_part(whole: &mut impl BufRead, part: &Path, largest: u64) -> Result<u64> {
    let mut out = BufWriter::new(File::create(part)?);
    let (mut written, mut place, mut line) = (0, Place::Between, Vec::new());
    // Empty lines are part of what comes after them.
    while !(written >= largest && place == Place::Between) {
        line.clear();
        let read = whole.read_until(b'\n', &mut line)?;
        if read == 0 {
            break;
        }
        place = place.after(&line);
        out.write_all(&line)?;
        if written > 0 || !line.trim_ascii().is_empty() {
            written += read as u64;
        }
    }
    out.flush()?;
    Ok(written)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SQL: &str = "CREATE TABLE a (
  id TEXT, -- the tenant's; not a number
  \"odd;name\" TEXT);
INSERT INTO a VALUES('one','two;
three');
INSERT INTO a VALUES('it''s;
','--');

INSERT INTO a VALUES('four','');

";

    /// The parts into which a file is taken apart.
    fn parts(name: &str, largest: u64) -> Vec<String> {
        let file = std::env::temp_dir().join(format!("{name}-{}.sql", std::process::id()));
        fs::write(&file, SQL).unwrap();
        let mut all = Vec::new();
        in_parts(&file, largest, &mut |part| {
            all.push(fs::read_to_string(part).unwrap());
            Ok(())
        })
        .unwrap();
        assert!(!file.with_extension("part.sql").exists());
        fs::remove_file(&file).unwrap();
        all
    }

    #[test]
    fn a_large_file_is_imported_statement_by_statement_and_a_small_one_as_it_is() {
        assert_eq!(parts("small", 1000), [SQL]);
        let all = parts("large", 1);
        assert_eq!(all.concat().trim_end(), SQL.trim_end());
        let begins: Vec<&str> = all.iter().map(|part| part.trim_start().lines().next().unwrap()).collect();
        assert_eq!(
            begins,
            [
                "CREATE TABLE a (",
                "INSERT INTO a VALUES('one','two;",
                "INSERT INTO a VALUES('it''s;",
                "INSERT INTO a VALUES('four','');"
            ]
        );
        assert_eq!(parts("halves", 100).len(), 2);
    }

    #[test]
    fn an_import_that_fails_leaves_no_part_behind() {
        let file = std::env::temp_dir().join(format!("failing-{}.sql", std::process::id()));
        fs::write(&file, SQL).unwrap();
        let failed = in_parts(&file, 1, &mut |_| anyhow::bail!("D1 is away"));
        assert_eq!(failed.unwrap_err().to_string(), "D1 is away");
        assert!(!file.with_extension("part.sql").exists());
        fs::remove_file(&file).unwrap();
    }
}
