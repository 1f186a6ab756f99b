//! A Worker.
use worker::{Context, Env, Request, Response, event};

#[event(fetch)]
async fn fetch(request: Request, _env: Env, _context: Context) -> worker::Result<Response> {
    Response::ok(request.url()?.to_string())
}
