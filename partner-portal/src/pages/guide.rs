//! The partners' guide, which `build.rs` renders from `docs/partners.md`.

use askama::Template;
use http::StatusCode;

use super::frame::Frame;
use crate::respond::{PageResult, page};
use crate::snippets::{SNIPPETS, Snippet, VECTOR};
use crate::visit::Visit;

/// The text in the guide that stands for the origin of the Admin API.
const ADMIN_API: &str = "https://admin-api.example";
/// The section with the code that verifies a signature.
const VERIFYING: &str = "verify-the-signature";

/// A section of the guide.
struct Section {
    id: &'static str,
    title: &'static str,
    html: &'static str,
}

const SECTIONS: &[Section] = &include!(concat!(env!("OUT_DIR"), "/guide.rs"));

#[derive(Template)]
#[template(path = "guide.html")]
struct GuidePage<'a> {
    frame: Frame,
    admin_api: &'a str,
}

/// `GET /guide`
pub async fn show(visit: Visit) -> PageResult {
    let frame = Frame::for_whoever(&visit, "Guide").await?;
    let admin_api = &visit.service.config.admin_api_origin;
    page(StatusCode::OK, frame.notice, &GuidePage { frame, admin_api })
}

impl GuidePage<'_> {
    fn sections(&self) -> &'static [Section] {
        SECTIONS
    }

    /// Returns the section's HTML with this environment's Admin API.
    fn html(&self, section: &Section) -> String {
        section.html.replace(ADMIN_API, self.admin_api)
    }

    /// Returns the files that the section refers to.
    fn snippets(&self, section: &Section) -> Vec<&'static Snippet> {
        let here = section.id == VERIFYING;
        SNIPPETS.iter().chain([&VECTOR]).filter(|_| here).collect()
    }
}
