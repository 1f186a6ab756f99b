//! Reading a Worker's environment.

use std::sync::Arc;

use edge::serve::Surroundings;
use worker::Env;

use crate::{ConsoleLog, SystemClock, WebRandom};

/// The text of a variable or secret, if it is set.
pub fn read_setting(env: &Env) -> impl Fn(&str) -> Option<String> {
    |name| env.var(name).ok().map(|value| value.to_string())
}

/// Clock, randomness and log of a Worker.
pub fn surroundings() -> Surroundings {
    Surroundings { clock: Arc::new(SystemClock), random: Arc::new(WebRandom), log: Arc::new(ConsoleLog) }
}
