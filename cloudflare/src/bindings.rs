//! Reading a Worker's environment.

use std::sync::Arc;

use shared::settings::SettingFaults;
use shared::shard::{ShardCount, Shards};
use worker::{Env, WorkerVersionMetadata};

/// The text of a variable or secret, if it is set.
fn read_setting(env: &Env) -> impl Fn(&str) -> Option<String> {
    |name| env.var(name).ok().map(|value| value.to_string())
}

/// The id that Cloudflare gave this version of the Worker when it was uploaded. `None` if `VERSION` is not bound. A local
/// runtime draws the id when it starts.
pub(crate) fn version(env: &Env) -> Option<String> {
    env.get_binding::<WorkerVersionMetadata>("VERSION").ok().map(|metadata| metadata.id())
}

/// A Worker's bindings. Look up every binding before the first `?`, so that one error names all that are missing.
pub struct Bindings<'a> {
    env: &'a Env,
    faults: SettingFaults,
}

impl Bindings<'_> {
    /// The binding of this name. `None` if there is none, which is noted as a fault.
    pub fn bind<T>(
        &mut self,
        bound: impl FnOnce(&Env, &str) -> worker::Result<T>,
        name: &str,
    ) -> Option<Arc<T>> {
        let binding = bound(self.env, name).ok();
        if binding.is_none() {
            self.faults.insert(name.to_owned(), "is not bound".to_owned());
        }
        binding.map(Arc::new)
    }

    /// The bindings `NAME_0` …, one for each shard.
    pub fn bind_shards<T>(
        &mut self,
        bound: impl Fn(&Env, &str) -> worker::Result<T>,
        name: &str,
        count: ShardCount,
    ) -> Option<Shards<Arc<T>>> {
        Shards::make(count, |place| self.bind(&bound, &format!("{name}_{place}"))).transpose()
    }

    /// The bindings `NAME`, `NAME_2` …: a Queue of each pair.
    pub fn bind_pairs<T>(
        &mut self,
        bound: impl Fn(&Env, &str) -> worker::Result<T>,
        name: &str,
        count: ShardCount,
    ) -> Option<Shards<Arc<T>>> {
        let name = |pair: usize| if pair == 0 { name.to_owned() } else { format!("{name}_{}", pair + 1) };
        Shards::make(count, |pair| self.bind(&bound, &name(pair))).transpose()
    }

    /// The binding of this name, if there is one: the Worker also does without.
    pub fn bind_if_there<T>(
        &self,
        bound: impl FnOnce(&Env, &str) -> worker::Result<T>,
        name: &str,
    ) -> Option<Arc<T>> {
        bound(self.env, name).ok().map(Arc::new)
    }

    /// The id that Cloudflare gave this version of the Worker. `None` if `VERSION` is not bound.
    pub fn version(&self) -> Option<String> {
        version(self.env)
    }
}

/// Reads a Worker's settings and looks up its bindings.
///
/// # Errors
/// Every fault of both.
pub fn settings_and_bindings<C, B>(
    env: &Env,
    read: impl FnOnce(&dyn Fn(&str) -> Option<String>) -> Result<C, SettingFaults>,
    bind: impl FnOnce(&mut Bindings<'_>, &C) -> Option<B>,
) -> Result<(C, B), SettingFaults> {
    let mut bindings = Bindings { env, faults: SettingFaults::new() };
    let config = read(&read_setting(env));
    let config = config?;
    match bind(&mut bindings, &config) {
        Some(bound) => Ok((config, bound)),
        None => Err(bindings.faults),
    }
}
