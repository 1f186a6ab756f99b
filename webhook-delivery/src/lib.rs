//! A Worker.
use worker::{Context, Env, Request, Response, event};

#[event(fetch)]
async fn fetch(request: Request, _env: Env, _context: Context) -> worker::Result<Response> {
    Response::ok(request.url()?.to_string())
}

/// Consumes the Queues.
#[event(queue)]
async fn queue(batch: worker::MessageBatch<String>, _env: Env, _context: Context) -> worker::Result<()> {
    batch.ack_all();
    Ok(())
}
