//! Shards: databases that each hold whole tenants (spec: Room, cost and scale, Shards).
//!
//! `shard = bucket(orgId) * SHARDS / 256`. Webhook ids begin with their tenant's bucket, and so do the digests of API keys:
//! what names a webhook or a key names its database as well.

use sha2::{Digest, Sha256};

use crate::settings::Settings;
use crate::tenant::OrgId;

/// The most shards: one for each bucket.
const MOST: usize = 256;

/// A tenant's bucket: the first byte of the SHA-256 of its `orgId`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Bucket(pub u8);

impl Bucket {
    /// The bucket of a tenant, be there such a tenant or not.
    pub fn of(org_id: &str) -> Self {
        Self(Sha256::digest(org_id.as_bytes())[0])
    }
}

impl From<&OrgId> for Bucket {
    fn from(org_id: &OrgId) -> Self {
        Self::of(org_id.as_str())
    }
}

/// How many shards there are: 1, 2, 4 … 256.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ShardCount(u16);

impl ShardCount {
    /// One database for all.
    pub const ONE: Self = Self(1);

    /// Reads digits.
    ///
    /// # Errors
    /// What is allowed.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        let count = text.parse::<u16>().ok().filter(|_| text.bytes().all(|byte| byte.is_ascii_digit()));
        let good = count.filter(|count| count.is_power_of_two() && usize::from(*count) <= MOST);
        good.map(Self).ok_or("must be a power of two from 1 to 256")
    }

    /// The setting `SHARDS`.
    pub fn read(settings: &mut Settings<'_>) -> Option<Self> {
        settings.required("SHARDS", Self::parse)
    }

    /// The setting `QUEUE_PAIRS`: how many pairs of Queues the shards share, one where it is absent. Each pair takes 5,000
    /// messages a second each way, and serves a group of shards.
    pub fn read_pairs(settings: &mut Settings<'_>, shards: Option<Self>) -> Option<Self> {
        let pairs = settings.optional("QUEUE_PAIRS", Self::parse).unwrap_or(Self::ONE);
        if shards.is_some_and(|shards| pairs.0 > shards.0) {
            return settings.fault("QUEUE_PAIRS", "must not be more than SHARDS");
        }
        Some(pairs)
    }

    /// The number.
    pub fn get(self) -> usize {
        self.0.into()
    }

    /// The place of a bucket's shard, from 0 on.
    pub fn place(self, bucket: Bucket) -> usize {
        usize::from(bucket.0) * self.get() / MOST
    }

    /// The first and the last bucket of the shard at this place.
    pub fn buckets(self, place: usize) -> (usize, usize) {
        let width = MOST / self.get();
        (place * width, (place + 1) * width - 1)
    }
}

/// One of something for each shard, in their order.
#[derive(Clone, Debug)]
pub struct Shards<T>(Vec<T>);

impl<T> Shards<T> {
    /// One for all.
    pub fn one(only: T) -> Self {
        Self(vec![only])
    }

    /// Makes one for each shard, given its place.
    pub fn make(count: ShardCount, make: impl FnMut(usize) -> T) -> Self {
        Self((0..count.get()).map(make).collect())
    }

    /// Makes another of each.
    pub fn map<U>(&self, make: impl FnMut(&T) -> U) -> Shards<U> {
        Shards(self.0.iter().map(make).collect())
    }

    /// Makes another of each, given its place.
    pub fn map_with_place<U>(&self, mut make: impl FnMut(usize, &T) -> U) -> Shards<U> {
        Shards(self.0.iter().enumerate().map(|(place, one)| make(place, one)).collect())
    }

    /// The one, of fewer, that serves the group of the shard at this place, of `shards`.
    pub fn of_group(&self, place: usize, shards: ShardCount) -> &T {
        &self.0[place * self.0.len() / shards.get()]
    }

    /// How many there are.
    pub fn count(&self) -> ShardCount {
        ShardCount(u16::try_from(self.0.len()).unwrap_or(1))
    }

    /// All, in their order.
    pub fn all(&self) -> &[T] {
        &self.0
    }

    /// All, to be changed.
    pub fn all_mut(&mut self) -> &mut [T] {
        &mut self.0
    }

    /// The place of a bucket's shard.
    pub fn place(&self, bucket: impl Into<Bucket>) -> usize {
        self.count().place(bucket.into())
    }

    /// The one of a bucket's shard.
    pub fn of(&self, bucket: impl Into<Bucket>) -> &T {
        &self.0[self.place(bucket)]
    }
}

impl<T> Shards<Option<T>> {
    /// All of them, if none is missing.
    pub fn transpose(self) -> Option<Shards<T>> {
        self.0.into_iter().collect::<Option<Vec<T>>>().map(Shards)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_count_is_a_power_of_two() {
        for count in [1, 2, 4, 8, 16, 32, 64, 128, 256] {
            assert_eq!(ShardCount::parse(&count.to_string()).map(ShardCount::get), Ok(count));
        }
        for bad in ["", "0", "3", "6", "512", "-1", "+1", "1.0", " 1", "one", "65536"] {
            assert!(ShardCount::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn each_shard_has_its_buckets_and_a_doubled_one_splits_in_two() {
        for count in [1_u16, 2, 4, 16, 256].map(ShardCount) {
            for bucket in 0..=255 {
                let place = count.place(Bucket(bucket));
                let (first, last) = count.buckets(place);
                assert!((first..=last).contains(&usize::from(bucket)), "{count:?} {bucket}");
                if count.get() < 256 {
                    assert_eq!(ShardCount(count.0 * 2).place(Bucket(bucket)) / 2, place);
                }
            }
        }
    }

    #[test]
    fn a_group_of_shards_shares_one() {
        let pairs = Shards::make(ShardCount(2), |pair| pair);
        let groups: Vec<usize> = (0..8).map(|place| *pairs.of_group(place, ShardCount(8))).collect();
        assert_eq!(groups, [0, 0, 0, 0, 1, 1, 1, 1]);
    }

    #[test]
    fn a_tenants_bucket_is_the_first_byte_of_the_digest_of_its_id() {
        // echo -n acme-corp | sha256sum
        assert_eq!(Bucket::of("acme-corp"), Bucket(Sha256::digest(b"acme-corp")[0]));
        let shards = Shards::make(ShardCount(4), |place| place);
        let acme = OrgId::parse("acme-corp").unwrap();
        assert_eq!(*shards.of(&acme), usize::from(Bucket::of("acme-corp").0) / 64);
    }
}
