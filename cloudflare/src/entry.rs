//! The one way into a Worker: each of its events finds the Worker put together, or its configuration at fault.

use std::cell::RefCell;
use std::thread::LocalKey;

use axum::response::Response as AxumResponse;
use edge::ports::Platform;
use edge::router::Router;
use edge::serve::{JsonProblems, Surroundings};
use http::HeaderName;
use serde_json::json;
use shared::courier::{Message, Settlement};
use shared::ports::Log;
use shared::settings::SettingFaults;
use shared::time::Timestamp;
use wasm_bindgen::JsValue;

use crate::bindings::Env;
use crate::glue::{self, Call, Promised};
use crate::http_edge::{from_runtime, names, to_runtime};
use crate::queues::delay;
use crate::tasks::spawn;
use crate::{ConsoleLog, Runtime};

/// A Worker: its parts, put together from settings and bindings.
pub trait Worker: Clone + 'static {
    /// The largest request body that any route reads, in bytes.
    const LARGEST_BODY: usize;

    /// The request headers that any route reads.
    fn headers() -> impl AsRef<[HeaderName]>;

    /// Puts the Worker together.
    ///
    /// # Errors
    /// Every setting and binding that is missing or malformed.
    fn assemble(env: &Env) -> Result<Self, SettingFaults>;

    /// What takes a request to its handler.
    fn router(&self) -> Router<Self>;

    /// Answers one request.
    fn answer(
        &self,
        router: &Router<Self>,
        surroundings: &Surroundings,
        request: axum::extract::Request,
    ) -> impl Future<Output = AxumResponse>;

    /// The answer to every request while the configuration is not sound.
    fn misconfigured(surroundings: &Surroundings, faults: &SettingFaults) -> AxumResponse {
        edge::serve::misconfigured(&JsonProblems, surroundings, faults)
    }
}

/// What an isolate keeps of one event for the next: a value, and the version of the Worker that it was made for.
pub struct Kept<T>(RefCell<Option<(Option<String>, T)>>);

impl<T: Clone> Kept<T> {
    /// Nothing yet.
    pub const fn nothing() -> Self {
        Self(RefCell::new(None))
    }

    /// The kept value, if it was made for this version; otherwise what `make` makes.
    fn get_or_make<E>(&self, version: Option<String>, make: impl FnOnce() -> Result<T, E>) -> Result<T, E> {
        if let Some((made_for, made)) = &*self.0.borrow()
            && *made_for == version
        {
            return Ok(made.clone());
        }
        let fresh = make()?;
        self.0.replace(Some((version, fresh.clone())));
        Ok(fresh)
    }
}

/// What every event of a Worker begins with.
#[derive(Clone)]
pub struct Ready<W: Worker> {
    worker: W,
    router: Router<W>,
    surroundings: Surroundings,
}

/// A Worker's thread-local, in which its isolate keeps the Worker that the first event put together.
pub type Isolate<W> = LocalKey<Kept<Ready<W>>>;

/// The Worker is kept for as long as the isolate is given the same version's bindings: if only variables, secrets or
/// bindings change, Cloudflare may give them to isolates that run already
/// (<https://developers.cloudflare.com/workers/runtime-apis/bindings/>, "Making changes to bindings"). Faults are not
/// kept: the next event looks again.
fn ready<W: Worker>(isolate: &'static Isolate<W>, env: &Env) -> Result<Ready<W>, SettingFaults> {
    glue::begin_event();
    isolate.with(|kept| {
        kept.get_or_make(env.version(), || {
            glue::read_headers(&names(W::headers().as_ref()));
            let worker = W::assemble(env)?;
            Ok(Ready { router: worker.router(), surroundings: Runtime.surroundings(), worker })
        })
    })
}

/// Answers one request. Returns the promise of the answer.
pub fn fetch<W: Worker>(isolate: &'static Isolate<W>, request: &JsValue, env: JsValue) -> JsValue {
    let ready = ready(isolate, &Env::new(env));
    let most = u32::try_from(W::LARGEST_BODY).unwrap_or(u32::MAX);
    let (taken, promised, promise) = Call::taking(request, most);
    spawn(async move {
        let taken = taken.await;
        let answer = match ready {
            Ok(Ready { worker, router, surroundings }) => {
                match taken.or_thrown().and_then(|taken| from_runtime(taken, W::headers().as_ref())) {
                    Ok(request) => worker.answer(&router, &surroundings, request).await,
                    Err(fault) => edge::serve::not_read(&surroundings, &fault),
                }
            }
            Err(faults) => W::misconfigured(&Runtime.surroundings(), &faults),
        };
        to_runtime(promised, answer).await;
    });
    promise
}

/// Hands a batch to `consume`, which gets the queue's name and the messages and returns a settlement for each message, in
/// order. While the configuration is not sound, `postpone` says by the queue's name what becomes of every
/// message. Returns the promise of the end.
///
/// Each message is settled by itself, and there is no error to return: the runtime would hand all over again.
pub fn queue<W: Worker>(
    isolate: &'static Isolate<W>,
    batch: JsValue,
    env: JsValue,
    postpone: impl Fn(&str) -> Settlement + 'static,
    consume: impl AsyncFnOnce(W, &str, &[Message]) -> Vec<Settlement> + 'static,
) -> JsValue {
    let ready = ready(isolate, &Env::new(env));
    let (promised, promise) = Promised::make(glue::open);
    spawn(async move {
        let described = glue::describe_batch(&batch);
        let mut lines = described.lines();
        let name = lines.next().unwrap_or_default();
        let times: Vec<_> = lines.collect();
        let settlements = match ready {
            Ok(Ready { worker, .. }) => {
                let messages = times.iter().zip(0_u32..).map(|(time, index)| Message {
                    // A body that is no text becomes the empty text, which is no message of any queue.
                    body: glue::message(&batch, index).into(),
                    sent_at: Timestamp::from_milliseconds(time.parse().unwrap_or_default()),
                });
                consume(worker, name, &messages.collect::<Vec<_>>()).await
            }
            Err(faults) => {
                log_misconfigured(Some(name), &faults);
                vec![postpone(name); times.len()]
            }
        };
        let delays: Vec<i32> = settlements.into_iter().map(delay).collect();
        glue::settle_batch(&batch, &delays);
        promised.close();
    });
    promise
}

/// Hands the cron run to `run`. Returns the promise of the end.
pub fn scheduled<W: Worker>(
    isolate: &'static Isolate<W>,
    env: JsValue,
    run: impl AsyncFnOnce(W) + 'static,
) -> JsValue {
    let ready = ready(isolate, &Env::new(env));
    let (promised, promise) = Promised::make(glue::open);
    spawn(async move {
        match ready {
            Ok(Ready { worker, .. }) => run(worker).await,
            Err(faults) => log_misconfigured(None, &faults),
        }
        promised.close();
    });
    promise
}

fn log_misconfigured(queue: Option<&str>, faults: &SettingFaults) {
    let mut line = json!({"message": "misconfigured", "level": "error", "faults": faults});
    if let Some(queue) = queue {
        line["queue"] = queue.into();
    }
    ConsoleLog.write(line);
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The kept text, after an event of this version for which `made` would be made.
    fn kept_text(
        kept: &Kept<&'static str>,
        version: Option<&str>,
        made: Result<&'static str, ()>,
    ) -> Result<&'static str, ()> {
        kept.get_or_make(version.map(str::to_owned), || made)
    }

    #[test]
    fn what_an_isolate_keeps_ends_with_the_version_it_was_made_for() {
        let kept = Kept::nothing();
        assert_eq!(kept_text(&kept, Some("first"), Err(())), Err(()));
        assert_eq!(kept_text(&kept, Some("first"), Ok("old secrets")), Ok("old secrets"));
        assert_eq!(kept_text(&kept, Some("first"), Ok("never made")), Ok("old secrets"));
        assert_eq!(kept_text(&kept, Some("second"), Ok("new secrets")), Ok("new secrets"));
        assert_eq!(kept_text(&kept, Some("second"), Ok("never made")), Ok("new secrets"));
    }

    #[test]
    fn a_worker_that_does_not_know_its_version_keeps_what_it_made() {
        let kept = Kept::nothing();
        assert_eq!(kept_text(&kept, None, Ok("made")), Ok("made"));
        assert_eq!(kept_text(&kept, None, Ok("never made")), Ok("made"));
    }
}
