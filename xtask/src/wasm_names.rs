//! The section of a Wasm file that names its functions: 50 to 70 KB of each upload, which only people need who read a panic.

use anyhow::{Context, Result};

const HEADER: usize = 8;
const CUSTOM: u8 = 0;

/// The same file without its names.
///
/// # Errors
///
/// When the file is cut off, or is no Wasm.
pub(crate) fn without_names(wasm: &[u8]) -> Result<Vec<u8>> {
    let (header, mut rest) = wasm.split_at_checked(HEADER).context("the Wasm file has no header")?;
    let mut kept = header.to_vec();
    while let [id, after_id @ ..] = rest {
        let (length, content) = number(after_id)?;
        let begin = rest.len() - content.len();
        let section = rest.get(..begin + length).context("the Wasm file is cut off")?;
        if *id != CUSTOM || !is_named(&section[begin..], b"name") {
            kept.extend_from_slice(section);
        }
        rest = &rest[section.len()..];
    }
    Ok(kept)
}

fn is_named(content: &[u8], name: &[u8]) -> bool {
    number(content).is_ok_and(|(length, rest)| rest.get(..length) == Some(name))
}

/// Reads an unsigned number (LEB128). Returns what comes after as well.
fn number(bytes: &[u8]) -> Result<(usize, &[u8])> {
    let mut value = 0;
    for (index, byte) in bytes.iter().enumerate().take(5) {
        value |= usize::from(byte & 0x7f) << (7 * index);
        if byte & 0x80 == 0 {
            return Ok((value, &bytes[index + 1..]));
        }
    }
    anyhow::bail!("a number of the Wasm file is too long")
}

#[cfg(test)]
mod tests {
    use super::*;

    const BEGIN: &[u8] = b"\0asm\x01\0\0\0";

    fn file(sections: &[&[u8]]) -> Vec<u8> {
        [BEGIN].iter().chain(sections).copied().flatten().copied().collect()
    }

    #[test]
    fn the_names_go_and_everything_else_stays() {
        let long = [&[0, 0x85, 0x01, 4][..], b"name", &[7; 128]].concat();
        let (types, producers) = (&[1, 2, 9, 9][..], &b"\x00\x05\x04prod"[..]);
        assert_eq!(without_names(&file(&[types, &long, producers])).unwrap(), file(&[types, producers]));
    }

    #[test]
    fn what_is_cut_off_is_a_fault() {
        for wasm in [&b"\0asm"[..], &file(&[&[1, 9, 9]]), &file(&[&[1, 0x80]])] {
            assert!(without_names(wasm).is_err());
        }
    }
}
