//! Sets and maps.

/// These items in a collection that keeps them in order. `collect` would sort them first, and a sort is 4 KB of Wasm for each
/// type.
pub(crate) fn gathered<T, C: Default + Extend<T>>(items: impl IntoIterator<Item = T>) -> C {
    let mut collection = C::default();
    collection.extend(items);
    collection
}
