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

/// Whether a character shows something. White space does not, nor do control and format characters and fillers: those that
/// renderers ignore by default (Unicode property `Default_Ignorable_Code_Point`), interlinear annotation, and the empty
/// Braille pattern.
pub fn is_visible(character: char) -> bool {
    let ignored = matches!(
        character,
        '\u{00AD}' | '\u{034F}' | '\u{061C}' | '\u{115F}' | '\u{1160}' | '\u{17B4}' | '\u{17B5}' | '\u{180B}'..='\u{180F}'
            | '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2060}'..='\u{206F}' | '\u{2800}' | '\u{3164}'
            | '\u{FE00}'..='\u{FE0F}' | '\u{FEFF}' | '\u{FFA0}' | '\u{FFF0}'..='\u{FFFB}' | '\u{1BCA0}'..='\u{1BCA3}'
            | '\u{1D173}'..='\u{1D17A}' | '\u{E0000}'..='\u{E0FFF}'
    );
    !ignored && !character.is_whitespace() && !character.is_control()
}
