//! The edge between JavaScript and Wasm: `glue.js`, `glue_http.js` and `glue_crypto.js`, whose functions do in one call what
//! would take dozens from here.
//!
//! Each call across the edge costs more than the work behind it, so nothing of the runtime's is held in Rust: bindings are
//! places in a list of the glue, and whatever takes time is a [`Call`].

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use wasm_bindgen::prelude::*;

use crate::tasks::run_woken;

#[wasm_bindgen(module = "/src/glue.js")]
extern "C" {
    fn start(finish: &Closure<Finish>);
    fn now() -> f64;
    fn close(call: u32, value: &JsValue);
    #[wasm_bindgen(js_name = wake)]
    fn cancel_sleep(call: u32);

    pub(crate) fn log(line: &str);
    pub(crate) fn random(bytes: &mut [u8]);
    pub(crate) fn version(env: &JsValue) -> Option<String>;
    pub(crate) fn setting(env: &JsValue, name: &str) -> Option<String>;
    pub(crate) fn binding(env: &JsValue, name: &str, method: &str) -> i32;
    pub(crate) fn open(call: u32) -> JsValue;
    pub(crate) fn sleep(call: u32, milliseconds: f64);
    pub(crate) fn run(call: u32, place: i32, text: &str, layout: &[f64]);
    pub(crate) fn send(call: u32, place: i32, layout: &[u32]);
    pub(crate) fn backlog(call: u32, place: i32);
    pub(crate) fn get(call: u32, place: i32, key: &str);
    pub(crate) fn put(call: u32, place: i32, key: &str, text: &str, seconds: f64);
    pub(crate) fn limit(call: u32, place: i32, key: &str);
    pub(crate) fn mail(call: u32, place: i32, from: &str, to: &str, subject: &str, text: &str);
    #[wasm_bindgen(js_name = writePoints)]
    pub(crate) fn write_points(place: i32, points: &str) -> Option<String>;
}

#[wasm_bindgen(module = "/src/glue_http.js")]
extern "C" {
    #[wasm_bindgen(js_name = describeBatch)]
    pub(crate) fn describe_batch(batch: &JsValue) -> String;
    pub(crate) fn message(batch: &JsValue, index: u32) -> String;
    #[wasm_bindgen(js_name = settleBatch)]
    pub(crate) fn settle_batch(batch: &JsValue, delays: &[i32]);
    #[wasm_bindgen(js_name = read)]
    pub(crate) fn read_headers(names: &str);
    pub(crate) fn take(call: u32, request: &JsValue, most: u32) -> JsValue;
    pub(crate) fn answer(call: u32, status: u16, headers: &str, body: &[u8]);
    pub(crate) fn attempt(
        call: u32,
        url: &str,
        headers: &str,
        number: u32,
        body: &[u8],
        timeout: u32,
        most: u32,
    );
    #[allow(clippy::too_many_arguments, reason = "one call across the edge takes everything")]
    pub(crate) fn exchange(
        call: u32,
        place: i32,
        method: &str,
        url: &str,
        headers: &str,
        body: &str,
        timeout: u32,
        most: u32,
    );
}

#[wasm_bindgen(module = "/src/glue_crypto.js")]
extern "C" {
    pub(crate) fn aes(
        call: u32,
        operation: &str,
        key_id: &str,
        key: &[u8],
        nonce: &[u8],
        context: &[u8],
        data: &[u8],
    );
    pub(crate) fn verify(
        call: u32,
        key_id: &str,
        modulus: &str,
        exponent: &str,
        message: &[u8],
        signature: &[u8],
    );
    pub(crate) fn deflate(call: u32, bytes: &[u8], back: bool);
}

/// The callback that hands over an outcome: the number of the call, the time, a code, a text and bytes.
type Finish = dyn Fn(u32, f64, i32, String, Vec<u8>);

/// What a call led to. Where the code is [`FAILED`], the text says why.
#[derive(Debug)]
pub(crate) struct Outcome {
    /// A status, or one of the codes below.
    pub(crate) code: i32,
    pub(crate) text: String,
    pub(crate) bytes: Vec<u8>,
}

/// Something was thrown.
pub(crate) const FAILED: i32 = -1;
/// The deadline passed.
pub(crate) const LATE: i32 = -2;

impl Outcome {
    /// The outcome, unless something was thrown.
    ///
    /// # Errors
    /// The text of what was thrown.
    pub(crate) fn or_thrown(self) -> Result<Self, String> {
        if self.code == FAILED { Err(self.text) } else { Ok(self) }
    }
}

enum Slot {
    Waiting(Option<Waker>),
    Finished(Outcome),
}

thread_local! {
    static SLOTS: RefCell<HashMap<u32, Slot>> = RefCell::default();
    static LAST_CALL: Cell<u32> = const { Cell::new(0) };
    static NOW: Cell<Option<f64>> = const { Cell::new(None) };
    static FINISH: Closure<Finish> = Closure::new(finish);
}

fn finish(call: u32, at: f64, code: i32, text: String, bytes: Vec<u8>) {
    NOW.set(Some(at));
    let waker = SLOTS.with_borrow_mut(|slots| {
        let slot = slots.get_mut(&call)?;
        match std::mem::replace(slot, Slot::Finished(Outcome { code, text, bytes })) {
            Slot::Waiting(waker) => waker,
            Slot::Finished(_) => None,
        }
    });
    if let Some(waker) = waker {
        waker.wake();
        run_woken();
    }
}

/// Begins an event of the runtime: from here on, every outcome brings the time along.
pub(crate) fn begin_event() {
    if NOW.replace(Some(now())).is_none() {
        FINISH.with(start);
    }
}

/// The time of the last outcome, in milliseconds since 1970. The runtime's clock stands still in between.
pub(crate) fn last_time() -> f64 {
    NOW.get().unwrap_or_default()
}

/// The number of a promise that the runtime waits for.
pub(crate) struct Promised(u32);

impl Promised {
    /// A promise, made by [`open`] or [`take`].
    pub(crate) fn make(promise: impl FnOnce(u32) -> JsValue) -> (Self, JsValue) {
        let number = next_number();
        (Self(number), promise(number))
    }

    /// Keeps the promise with an answer: a status, header names and values by turns, and a body.
    pub(crate) fn answer(self, status: u16, headers: &str, body: &[u8]) {
        answer(self.0, status, headers, body);
    }

    /// Keeps the promise.
    pub(crate) fn close(self) {
        close(self.0, &JsValue::UNDEFINED);
    }
}

fn next_number() -> u32 {
    LAST_CALL.set(LAST_CALL.get().wrapping_add(1));
    LAST_CALL.get()
}

/// A call that takes time.
pub(crate) struct Call {
    number: u32,
    sleeps: bool,
}

impl Call {
    /// Makes the call; `call` gets the call's number.
    pub(crate) fn make(call: impl FnOnce(u32)) -> Self {
        Self::with(call).0
    }

    /// The call that takes a request over, and the promise of an answer.
    pub(crate) fn taking(request: &JsValue, most: u32) -> (Self, Promised, JsValue) {
        let (call, promise) = Self::with(|number| take(number, request, most));
        let promised = Promised(call.number);
        (call, promised, promise)
    }

    /// Waits for a time.
    pub(crate) fn sleeping(milliseconds: f64) -> Self {
        Self { sleeps: true, ..Self::make(|number| sleep(number, milliseconds)) }
    }

    fn with<T>(call: impl FnOnce(u32) -> T) -> (Self, T) {
        let number = next_number();
        SLOTS.with_borrow_mut(|slots| slots.insert(number, Slot::Waiting(None)));
        let made = call(number);
        (Self { number, sleeps: false }, made)
    }
}

impl Future for Call {
    type Output = Outcome;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Outcome> {
        SLOTS.with_borrow_mut(|slots| match slots.remove(&self.number) {
            Some(Slot::Finished(outcome)) => Poll::Ready(outcome),
            Some(Slot::Waiting(_)) | None => {
                slots.insert(self.number, Slot::Waiting(Some(context.waker().clone())));
                Poll::Pending
            }
        })
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        let slot = SLOTS.with_borrow_mut(|slots| slots.remove(&self.number));
        if self.sleeps && matches!(slot, Some(Slot::Waiting(_))) {
            cancel_sleep(self.number);
        }
    }
}
