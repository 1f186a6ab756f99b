//! Sets, maps and lists in order, without a sort, which is 4 KB of Wasm for each type.

/// These items in a collection that keeps them in order. `collect` would sort them first.
pub(crate) fn gathered<T, C: Default + Extend<T>>(items: impl IntoIterator<Item = T>) -> C {
    let mut collection = C::default();
    collection.extend(items);
    collection
}

/// These items in the order of their keys; those with one key stay in the order in which they came. Fast where the items nearly
/// have that order, or are few: each goes to its place by a binary search, and moves those behind.
pub(crate) fn in_order<T, K: Ord>(items: impl IntoIterator<Item = T>, key: impl Fn(&T) -> K) -> Vec<T> {
    let mut ordered = Vec::new();
    for item in items {
        let own = key(&item);
        let place = ordered.partition_point(|other| key(other) <= own);
        ordered.insert(place, item);
    }
    ordered
}
