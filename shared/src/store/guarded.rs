//! A database that refuses where it is not the shard that it is taken for.

use std::sync::Arc;

use async_trait::async_trait;

use super::shard::{MarkerRow, guard, marker};
use crate::ports::{Batch, Database, DatabaseError, Statement};
use crate::shard::{ShardCount, Shards};

/// One shard's database. Each batch has a guard, in the same round trip: nothing is read or written where the
/// database holds other tenants, or is being split.
pub struct GuardedDatabase {
    database: Arc<dyn Database>,
    place: usize,
    count: ShardCount,
}

impl GuardedDatabase {
    /// Guards the databases of all shards, given in their order.
    pub fn all(databases: &Shards<Arc<dyn Database>>) -> Shards<Arc<dyn Database>> {
        let count = databases.count();
        let mut place = 0;
        databases.map(|database| {
            let guarded: Arc<dyn Database> = Arc::new(Self { database: database.clone(), place, count });
            place += 1;
            guarded
        })
    }

    /// Why the guard did not let the batch through; `None` if it did.
    async fn refusal(&self) -> Option<DatabaseError> {
        let mut batch = self.database.batch(vec![marker()]).await.ok()?;
        let row = batch.first::<MarkerRow>(0).ok()?;
        let binding = format!("DATABASE_{}", self.place);
        let Some(row) = row else {
            return Some(DatabaseError::WrongShard(format!("{binding} has no row in the table shard")));
        };
        if (row.number, row.shards) != (self.place, self.count.get()) {
            return Some(DatabaseError::WrongShard(format!(
                "{binding} is shard {} of {}, and should be shard {} of {}",
                row.number,
                row.shards,
                self.place,
                self.count.get()
            )));
        }
        (row.splitting != 0).then(|| DatabaseError::Failed(format!("{binding} is being split")))
    }
}

#[async_trait]
impl Database for GuardedDatabase {
    async fn batch(&self, mut statements: Vec<Statement>) -> Result<Batch, DatabaseError> {
        let is_first = guard(&mut statements, self.place, self.count);
        match self.database.batch(statements).await {
            Ok(batch) if is_first => Ok(batch.without_first()),
            Ok(batch) => Ok(batch),
            // The guard's own error; a JSON of ours is never malformed.
            Err(DatabaseError::Failed(text)) if text.contains("malformed JSON") => {
                Err(self.refusal().await.unwrap_or(DatabaseError::Failed(text)))
            }
            Err(error) => Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::actor::Actor;
    use crate::api_key::ApiKey;
    use crate::store::transitions::{self, Guard, NewTransition};
    use crate::store::{api_keys, targets, tenants, webhooks};
    use crate::tenant::OrgId;
    use crate::tenant_scope::TenantScope;
    use crate::testing::SqliteDatabase;
    use crate::time::Timestamp;
    use crate::transition::TransitionKind;

    fn databases(markers: &[(usize, usize, u8)]) -> (Vec<Arc<SqliteDatabase>>, Shards<Arc<dyn Database>>) {
        let mark = |(number, shards, splitting): &(usize, usize, u8)| {
            let database = SqliteDatabase::migrated();
            database.query(Statement::new(format!(
                "UPDATE shard SET number = {number}, shards = {shards}, splitting = {splitting}"
            )));
            Arc::new(database)
        };
        let all: Vec<Arc<SqliteDatabase>> = markers.iter().map(mark).collect();
        let count = ShardCount::parse(&all.len().to_string()).unwrap();
        let shards: Shards<Arc<dyn Database>> =
            Shards::make(count, |place| all[place].clone() as Arc<dyn Database>);
        (all, GuardedDatabase::all(&shards))
    }

    async fn write(database: &Arc<dyn Database>) -> Result<u64, DatabaseError> {
        let write =
            Statement::new("INSERT INTO rounds (name, position) VALUES ('x', 'y') RETURNING 1 AS one");
        database.batch(vec![write]).await.map(|batch| batch.count(0))
    }

    #[tokio::test]
    async fn a_shard_that_is_what_it_should_be_costs_no_further_round_trip() {
        let (all, guarded) = databases(&[(0, 2, 0), (1, 2, 0)]);
        for (database, guarded) in all.iter().zip(guarded.all()) {
            database.take_round_trips();
            assert_eq!(write(guarded).await, Ok(1));
            assert_eq!(database.take_round_trips(), 1);
        }
    }

    #[tokio::test]
    async fn a_database_of_other_tenants_is_named_and_left_alone() {
        for (markers, place, said) in [
            ([(0, 2, 0), (0, 2, 0)], 1, "DATABASE_1 is shard 0 of 2, and should be shard 1 of 2"),
            ([(1, 2, 0), (0, 2, 0)], 0, "DATABASE_0 is shard 1 of 2, and should be shard 0 of 2"),
            ([(0, 1, 0), (1, 2, 0)], 0, "DATABASE_0 is shard 0 of 1, and should be shard 0 of 2"),
        ] {
            let (all, guarded) = databases(&markers);
            assert_eq!(write(&guarded.all()[place]).await, Err(DatabaseError::WrongShard(said.to_owned())));
            assert!(all[place].query(Statement::new("SELECT 1 AS one FROM rounds")).is_empty());
        }
    }

    #[tokio::test]
    async fn a_statement_that_guards_its_batch_does_so_where_it_finds_nothing_too() {
        let (all, guarded) = databases(&[(0, 1, 0)]);
        let now = Timestamp::from_milliseconds(1);
        let scope =
            TenantScope::new(Actor::person("admin@smartphonekey.com"), OrgId::parse("nobody").unwrap());
        let batches = || {
            let digest = ApiKey::parse("0123456789012345678901234567890123456789").unwrap().digest();
            let transition =
                NewTransition { kind: TransitionKind::TenantChanged, at: now, details: json!({}) };
            [
                vec![tenants::select(&scope, now)],
                vec![tenants::registered(&scope), webhooks::count(&scope)],
                vec![targets::of_tenants(&["nobody"])],
                vec![api_keys::by_digest(&digest)],
                vec![transitions::append(&scope, transition, &Guard::Tenant)],
            ]
        };
        for batch in batches() {
            let count = batch.len() as u64;
            all[0].take_statements();
            let found = guarded.all()[0].batch(batch).await.unwrap();
            assert_eq!((found.count(0), all[0].take_statements().0), (0, count));
        }
        all[0].query(Statement::new("UPDATE shard SET shards = 2"));
        for batch in batches() {
            let refused = guarded.all()[0].batch(batch).await;
            assert!(matches!(refused, Err(DatabaseError::WrongShard(_))), "{refused:?}");
        }
    }

    #[tokio::test]
    async fn a_database_that_is_being_split_is_unavailable() {
        let (all, guarded) = databases(&[(0, 1, 1)]);
        assert_eq!(
            write(&guarded.all()[0]).await,
            Err(DatabaseError::Failed("DATABASE_0 is being split".into()))
        );
        all[0].query(Statement::new("UPDATE shard SET splitting = 0"));
        assert_eq!(write(&guarded.all()[0]).await, Ok(1));
        all[0].query(Statement::new("DELETE FROM shard"));
        assert!(matches!(write(&guarded.all()[0]).await, Err(DatabaseError::WrongShard(_))));
    }
}
