//! The stylesheet and the icon. Their names contain a hash of their content, so browsers may keep them for good.

use std::sync::OnceLock;

use axum::response::{IntoResponse, Response};
use edge::parameters::NamePath;
use edge::problem::Problem;
use http::header;
use sha2::{Digest, Sha256};

use crate::respond::no_page;

const STYLESHEET: &str = include_str!("../assets/portal.css");
const ICON: &str = include_str!("../assets/icon.svg");

/// The paths of the assets.
pub struct Paths {
    /// The path of the stylesheet.
    pub stylesheet: String,
    /// The path of the icon.
    pub icon: String,
}

/// Returns the paths of the assets, which are computed once.
pub fn paths() -> &'static Paths {
    static PATHS: OnceLock<Paths> = OnceLock::new();
    let hash = |content: &str| hex::encode(&Sha256::digest(content)[..8]);
    PATHS.get_or_init(|| Paths {
        stylesheet: format!("/assets/portal.{}.css", hash(STYLESHEET)),
        icon: format!("/assets/icon.{}.svg", hash(ICON)),
    })
}

/// `GET /assets/{name}`
pub async fn asset(NamePath(name): NamePath) -> Result<Response, Problem> {
    let path = format!("/assets/{name}");
    let (media_type, content) = if path == paths().stylesheet {
        ("text/css; charset=utf-8", STYLESHEET)
    } else if path == paths().icon {
        ("image/svg+xml", ICON)
    } else {
        return Err(no_page());
    };
    let headers =
        [(header::CONTENT_TYPE, media_type), (header::CACHE_CONTROL, "public, max-age=31536000, immutable")];
    Ok((headers, content).into_response())
}
