//! Reading a Worker's environment.

use std::cell::RefCell;
use std::sync::Arc;
use std::thread::LocalKey;

use axum::Router;
use edge::serve::Surroundings;
use shared::settings::SettingFaults;
use worker::{Env, WorkerVersionMetadata};

use crate::{ConsoleLog, SystemClock, WebRandom};

/// The text of a variable or secret, if it is set.
fn read_setting(env: &Env) -> impl Fn(&str) -> Option<String> {
    |name| env.var(name).ok().map(|value| value.to_string())
}

/// The id that Cloudflare gave this version of the Worker when it was uploaded, which `VERSION` tells; `None` where that
/// is not bound. A local runtime draws one when it starts.
fn version(env: &Env) -> Option<String> {
    env.get_binding::<WorkerVersionMetadata>("VERSION").ok().map(|metadata| metadata.id())
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

    /// Which version of the Worker this is, where it is known.
    pub fn version(&self) -> Option<String> {
        version(self.env)
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

/// What an invocation begins with.
#[derive(Clone)]
pub struct Ready<S> {
    /// The routes, over the service.
    pub router: Router,
    /// The Worker's parts.
    pub service: S,
    /// Clock, randomness and log.
    pub surroundings: Surroundings,
}

impl<S> Ready<S> {
    /// A service with its routes, on this platform.
    pub fn new(service: S, router: Router) -> Self {
        Self { router, service, surroundings: surroundings() }
    }
}

/// What an isolate keeps for its next invocations, and the version of the Worker that it was made for.
pub type Kept<T> = RefCell<Option<(Option<String>, T)>>;

/// What an isolate's first invocation made is kept for as long as it is given the same version's bindings: where only
/// variables, secrets or bindings change, Cloudflare may give them to the isolates that are there
/// (<https://developers.cloudflare.com/workers/runtime-apis/bindings/>, "Making changes to bindings"). Faults are
/// looked for again.
///
/// # Errors
/// Those of `make`.
pub fn once<T: Clone, E>(
    kept: &'static LocalKey<Kept<T>>,
    env: &Env,
    make: impl FnOnce() -> Result<T, E>,
) -> Result<T, E> {
    once_per_version(kept, version(env), make)
}

fn once_per_version<T: Clone, E>(
    kept: &'static LocalKey<Kept<T>>,
    version: Option<String>,
    make: impl FnOnce() -> Result<T, E>,
) -> Result<T, E> {
    let known = kept.with_borrow(|kept| {
        kept.as_ref().filter(|(made_for, _)| *made_for == version).map(|(_, made)| made.clone())
    });
    if let Some(made) = known {
        return Ok(made);
    }
    let fresh = make()?;
    kept.set(Some((version, fresh.clone())));
    Ok(fresh)
}

#[cfg(test)]
mod tests {
    use super::*;

    thread_local! {
        static KEPT: Kept<&'static str> = const { RefCell::new(None) };
    }

    fn asked(version: Option<&str>, made: Result<&'static str, ()>) -> Result<&'static str, ()> {
        once_per_version(&KEPT, version.map(str::to_owned), || made)
    }

    #[test]
    fn what_an_isolate_keeps_ends_with_the_version_it_was_made_for() {
        assert_eq!(asked(Some("first"), Err(())), Err(()));
        assert_eq!(asked(Some("first"), Ok("old secrets")), Ok("old secrets"));
        assert_eq!(asked(Some("first"), Ok("never made")), Ok("old secrets"));
        assert_eq!(asked(Some("second"), Ok("new secrets")), Ok("new secrets"));
        assert_eq!(asked(Some("second"), Ok("never made")), Ok("new secrets"));
    }

    #[test]
    fn a_worker_that_does_not_know_its_version_keeps_what_it_made() {
        assert_eq!(asked(None, Ok("made")), Ok("made"));
        assert_eq!(asked(None, Ok("never made")), Ok("made"));
    }
}
