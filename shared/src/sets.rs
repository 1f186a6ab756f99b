//! Sets.

use std::collections::BTreeSet;

/// The set of these items. `collect` would sort them first, and a sort is 4 KB of Wasm for each type.
pub(crate) fn set_of<T: Ord>(items: impl IntoIterator<Item = T>) -> BTreeSet<T> {
    let mut set = BTreeSet::new();
    set.extend(items);
    set
}
