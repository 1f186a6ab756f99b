//! `CompressionStream`: DEFLATE without its code in Wasm.

use async_trait::async_trait;
use js_sys::Uint8Array;
use shared::ports::{CompressionError, Compressor};
use wasm_bindgen::prelude::*;
use worker::send::SendFuture;

#[wasm_bindgen(inline_js = r#"
async function through(stream, bytes) {
  const writer = stream.writable.getWriter();
  // A refusal shows at the other end.
  writer.write(bytes).catch(() => {});
  writer.close().catch(() => {});
  return new Uint8Array(await new Response(stream.readable).arrayBuffer());
}
export function deflate(bytes) { return through(new CompressionStream("deflate-raw"), bytes); }
export function inflate(bytes) { return through(new DecompressionStream("deflate-raw"), bytes); }
"#)]
extern "C" {
    #[wasm_bindgen(catch)]
    async fn deflate(bytes: Uint8Array) -> Result<JsValue, JsValue>;
    #[wasm_bindgen(catch)]
    async fn inflate(bytes: Uint8Array) -> Result<JsValue, JsValue>;
}

/// The runtime's compression.
pub struct CompressionStreams;

fn bytes(result: Result<JsValue, JsValue>) -> Result<Vec<u8>, CompressionError> {
    result.map(|bytes| Uint8Array::new(&bytes).to_vec()).map_err(|_| CompressionError)
}

#[async_trait]
impl Compressor for CompressionStreams {
    async fn deflate(&self, plain: &[u8]) -> Result<Vec<u8>, CompressionError> {
        // A copy: the memory of Wasm may move while the stream reads.
        SendFuture::new(async { bytes(deflate(Uint8Array::from(plain)).await) }).await
    }

    async fn inflate(&self, deflated: &[u8]) -> Result<Vec<u8>, CompressionError> {
        SendFuture::new(async { bytes(inflate(Uint8Array::from(deflated)).await) }).await
    }
}
