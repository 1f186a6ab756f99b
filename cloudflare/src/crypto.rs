//! WebCrypto, for what is too large to carry in Wasm: RSA and AES.

use async_trait::async_trait;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use edge::ports::Rs256;
use js_sys::{Array, Object, Promise, Reflect, Uint8Array};
use shared::ports::{Aead, CipherError};
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{Crypto, CryptoKey, SubtleCrypto};
use worker::send::SendFuture;

/// `crypto.subtle`.
pub struct WebCrypto;

fn subtle() -> Result<SubtleCrypto, JsValue> {
    let crypto: Crypto = Reflect::get(&js_sys::global(), &JsValue::from_str("crypto"))?.unchecked_into();
    Ok(crypto.subtle())
}

fn object(fields: &[(&str, JsValue)]) -> Result<Object, JsValue> {
    let object = Object::new();
    for (name, value) in fields {
        Reflect::set(&object, &JsValue::from_str(name), value)?;
    }
    Ok(object)
}

fn usages(usage: &str) -> JsValue {
    Array::of1(&JsValue::from_str(usage)).into()
}

async fn key(imported: Promise) -> Result<CryptoKey, JsValue> {
    Ok(JsFuture::from(imported).await?.unchecked_into())
}

async fn aes_key(bytes: &[u8; 32], usage: &str) -> Result<CryptoKey, JsValue> {
    let raw: Object = Uint8Array::from(bytes.as_slice()).unchecked_into();
    key(subtle()?.import_key_with_str("raw", &raw, "AES-GCM", false, &usages(usage))?).await
}

fn aes_parameters(nonce: &[u8; 12], context: &[u8]) -> Result<Object, JsValue> {
    object(&[
        ("name", JsValue::from_str("AES-GCM")),
        ("iv", Uint8Array::from(nonce.as_slice()).into()),
        ("additionalData", Uint8Array::from(context).into()),
        ("tagLength", JsValue::from_f64(128.0)),
    ])
}

async fn bytes(promise: Promise) -> Result<Vec<u8>, JsValue> {
    Ok(Uint8Array::new(&JsFuture::from(promise).await?).to_vec())
}

#[async_trait]
impl Aead for WebCrypto {
    async fn seal(
        &self,
        key: &[u8; 32],
        nonce: &[u8; 12],
        context: &[u8],
        plaintext: &[u8],
    ) -> Result<Vec<u8>, CipherError> {
        let sealed = async {
            let key = aes_key(key, "encrypt").await?;
            let parameters = aes_parameters(nonce, context)?;
            bytes(subtle()?.encrypt_with_object_and_u8_array(&parameters, &key, plaintext)?).await
        };
        SendFuture::new(sealed).await.map_err(|_: JsValue| CipherError)
    }

    async fn open(
        &self,
        key: &[u8; 32],
        nonce: &[u8; 12],
        context: &[u8],
        ciphertext: &[u8],
    ) -> Result<Vec<u8>, CipherError> {
        let opened = async {
            let key = aes_key(key, "decrypt").await?;
            let parameters = aes_parameters(nonce, context)?;
            bytes(subtle()?.decrypt_with_object_and_u8_array(&parameters, &key, ciphertext)?).await
        };
        SendFuture::new(opened).await.map_err(|_: JsValue| CipherError)
    }
}

#[async_trait]
impl Rs256 for WebCrypto {
    async fn verify(&self, modulus: &[u8], exponent: &[u8], message: &[u8], signature: &[u8]) -> bool {
        let verified = async {
            let jwk = object(&[
                ("kty", JsValue::from_str("RSA")),
                ("alg", JsValue::from_str("RS256")),
                ("n", JsValue::from_str(&URL_SAFE_NO_PAD.encode(modulus))),
                ("e", JsValue::from_str(&URL_SAFE_NO_PAD.encode(exponent))),
            ])?;
            let algorithm = object(&[
                ("name", JsValue::from_str("RSASSA-PKCS1-v1_5")),
                ("hash", JsValue::from_str("SHA-256")),
            ])?;
            let imported =
                subtle()?.import_key_with_object("jwk", &jwk, &algorithm, false, &usages("verify"))?;
            let key = key(imported).await?;
            let promise = subtle()?.verify_with_str_and_u8_array_and_u8_array(
                "RSASSA-PKCS1-v1_5",
                &key,
                signature,
                message,
            )?;
            Ok::<_, JsValue>(JsFuture::from(promise).await?.is_truthy())
        };
        SendFuture::new(verified).await.unwrap_or(false)
    }
}
