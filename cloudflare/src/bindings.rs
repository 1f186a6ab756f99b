//! Reading a Worker's environment.

use std::sync::Arc;

use shared::settings::SettingFaults;
use shared::shard::{ShardCount, Shards};
use wasm_bindgen::JsValue;

use crate::glue;

/// A Worker's environment: its variables, secrets and bindings.
pub struct Env(JsValue);

/// A binding, as a place in the glue's list.
pub(crate) struct Bound(i32);

impl Bound {
    pub(crate) fn place(&self) -> i32 {
        self.0
    }
}

impl Env {
    pub(crate) fn new(env: JsValue) -> Self {
        Self(env)
    }

    /// The text of a variable or secret, if it is set.
    fn setting(&self, name: &str) -> Option<String> {
        glue::setting(&self.0, name)
    }

    /// The id that Cloudflare gave this version of the Worker when it was uploaded. `None` if `VERSION` is not bound. A local
    /// runtime draws the id when it starts.
    pub(crate) fn version(&self) -> Option<String> {
        glue::version(&self.0)
    }

    /// The binding of this name. `None` if there is none, or none with this method.
    pub(crate) fn bound(&self, name: &str, method: &str) -> Option<Bound> {
        let place = glue::binding(&self.0, name, method);
        (place >= 0).then_some(Bound(place))
    }
}

/// A Worker's bindings. Look up every binding before the first `?`, so that one error names all that are missing.
pub struct Bindings<'a> {
    env: &'a Env,
    faults: SettingFaults,
}

impl Bindings<'_> {
    /// The binding of this name. `None` if there is none, which is noted as a fault.
    pub fn bind<T>(&mut self, bound: impl FnOnce(&Env, &str) -> Option<T>, name: &str) -> Option<Arc<T>> {
        let binding = bound(self.env, name);
        if binding.is_none() {
            self.faults.insert(name.to_owned(), "is not bound".to_owned());
        }
        binding.map(Arc::new)
    }

    /// The bindings `NAME_0` …, one for each shard.
    pub fn bind_shards<T>(
        &mut self,
        bound: impl Fn(&Env, &str) -> Option<T>,
        name: &str,
        count: ShardCount,
    ) -> Option<Shards<Arc<T>>> {
        Shards::make(count, |place| self.bind(&bound, &format!("{name}_{place}"))).transpose()
    }

    /// The bindings `NAME`, `NAME_2` …: a Queue of each pair.
    pub fn bind_pairs<T>(
        &mut self,
        bound: impl Fn(&Env, &str) -> Option<T>,
        name: &str,
        count: ShardCount,
    ) -> Option<Shards<Arc<T>>> {
        let name = |pair: usize| if pair == 0 { name.to_owned() } else { format!("{name}_{}", pair + 1) };
        Shards::make(count, |pair| self.bind(&bound, &name(pair))).transpose()
    }

    /// The id that Cloudflare gave this version of the Worker. `None` if `VERSION` is not bound.
    pub fn version(&self) -> Option<String> {
        self.env.version()
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
    let config = read(&|name| env.setting(name));
    let config = config?;
    match bind(&mut bindings, &config) {
        Some(bound) => Ok((config, bound)),
        None => Err(bindings.faults),
    }
}
