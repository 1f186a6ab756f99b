//! Reading a Worker's environment.

use std::cell::RefCell;
use std::sync::Arc;
use std::thread::LocalKey;

use edge::serve::Surroundings;
use shared::settings::SettingFaults;
use worker::Env;

use crate::{ConsoleLog, SystemClock, WebRandom};

/// The text of a variable or secret, if it is set.
fn read_setting(env: &Env) -> impl Fn(&str) -> Option<String> {
    |name| env.var(name).ok().map(|value| value.to_string())
}

/// Clock, randomness and log of a Worker.
pub fn surroundings() -> Surroundings {
    Surroundings { clock: Arc::new(SystemClock), random: Arc::new(WebRandom), log: Arc::new(ConsoleLog) }
}

/// A Worker's bindings, taken one by one; what is not there is noted.
pub struct Bindings<'a> {
    env: &'a Env,
    faults: SettingFaults,
}

impl Bindings<'_> {
    /// The binding of this name.
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

    /// The binding of this name, of something that the Worker also does without.
    pub fn bind_if_there<T>(
        &self,
        bound: impl FnOnce(&Env, &str) -> worker::Result<T>,
        name: &str,
    ) -> Option<Arc<T>> {
        bound(self.env, name).ok().map(Arc::new)
    }
}

/// What a Worker is made of: its settings and its ports.
///
/// # Errors
/// Every fault of both.
pub fn assemble<C, P>(
    env: &Env,
    read: impl FnOnce(&dyn Fn(&str) -> Option<String>) -> Result<C, SettingFaults>,
    bind: impl FnOnce(&mut Bindings<'_>) -> Option<P>,
) -> Result<(C, P), SettingFaults> {
    let mut bindings = Bindings { env, faults: SettingFaults::new() };
    let config = read(&read_setting(env));
    let ports = bind(&mut bindings);
    match (config, ports) {
        (Ok(config), Some(ports)) => Ok((config, ports)),
        (config, _) => {
            let mut faults = config.err().unwrap_or_default();
            faults.extend(bindings.faults);
            Err(faults)
        }
    }
}

/// What an isolate's first invocation made is kept: its environment never changes. Faults are looked for again.
///
/// # Errors
/// Those of `make`.
pub fn once<T: Clone, E>(
    made: &'static LocalKey<RefCell<Option<T>>>,
    make: impl FnOnce() -> Result<T, E>,
) -> Result<T, E> {
    if let Some(made) = made.with_borrow(Clone::clone) {
        return Ok(made);
    }
    let fresh = make()?;
    made.set(Some(fresh.clone()));
    Ok(fresh)
}
