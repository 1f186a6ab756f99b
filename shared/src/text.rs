//! Characters that make a page, a log or a terminal show something else than what is stored.

/// Whether a character moves the cursor, breaks the line or changes the direction of text: control characters; marks,
/// embeddings, overrides and isolates (Unicode UAX #9); line and paragraph separators.
pub fn redirects(character: char) -> bool {
    let directs = matches!(
        character,
        '\u{061C}' | '\u{200E}' | '\u{200F}' | '\u{2028}'..='\u{202E}' | '\u{2066}'..='\u{2069}' | '\u{FEFF}'
    );
    directs || character.is_control()
}
