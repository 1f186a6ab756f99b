//! What spans tenants: all shards are asked at once, and what they answer becomes one list.

use serde::de::DeserializeOwned;

use super::App;
use crate::error::Error;
use crate::join::join_all;
use crate::ports::Statement;
use crate::shard::Shards;

impl Shards<App> {
    /// The rows of a statement, of each shard.
    pub(super) async fn rows<R: DeserializeOwned>(
        &self,
        statement: impl Fn() -> Statement,
    ) -> Result<Vec<Vec<R>>, Error> {
        let ask = |app: &App| {
            let (app, statement) = (app.clone(), statement());
            async move { Ok(app.run(vec![statement]).await?.take(0)?) }
        };
        join_all(self.all().iter().map(ask)).await.into_iter().collect()
    }
}

/// Merges lists that are each in the order of `place` into their first `limit` entries, with the place to go on from if
/// there are more. Each list has to have one entry more than that, or all that it has.
pub(super) fn merge<R, P: Ord>(
    lists: Vec<Vec<R>>,
    limit: u32,
    place: impl Fn(&R) -> P,
) -> (Vec<R>, Option<P>) {
    let mut all: Vec<R> = lists.into_iter().flatten().collect();
    all.sort_by_key(&place);
    let more = all.len() > limit as usize;
    all.truncate(limit as usize);
    let next = all.last().filter(|_| more).map(place);
    (all, next)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn merged_pages_are_one_list(mut numbers in prop::collection::btree_set(0..1_000_u32, 0..60), shards in 1..5_u32, limit in 1..9_u32) {
            let mut seen = Vec::new();
            let mut after = None;
            loop {
                let list = |shard: u32| -> Vec<u32> {
                    let own = numbers.iter().copied().filter(|number| number % shards == shard);
                    own.filter(|number| after.is_none_or(|after| *number > after)).take(limit as usize + 1).collect()
                };
                let (page, next) = merge((0..shards).map(list).collect(), limit, |number| *number);
                prop_assert!(page.len() <= limit as usize);
                seen.extend(page);
                after = next;
                if next.is_none() {
                    break;
                }
            }
            prop_assert_eq!(seen, std::mem::take(&mut numbers).into_iter().collect::<Vec<_>>());
        }
    }
}
