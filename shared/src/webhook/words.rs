//! Lists of words that a Worker carries. A word is a part of a text, with spaces between: a text for each word would take more room
//! in the Wasm than the words.

/// Whether `is_wanted` holds for a word of a list.
pub(super) fn any(list: &[&str], is_wanted: &dyn Fn(&str) -> bool) -> bool {
    for words in list {
        for word in words.split(' ') {
            if is_wanted(word) {
                return true;
            }
        }
    }
    false
}
