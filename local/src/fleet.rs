//! A large fleet, to be put into a stack's database of tenants: what a request costs must not grow with it.

/// SQL that adds 100,000 tenants with a key and five webhooks each, and 1,000,000 deliveries, half of them to the first webhook
/// that was there before.
pub const LARGE_FLEET: &str = include_str!("fleet.sql");
