//! Linters of the documents, with the rules that they recommend.

use anyhow::Result;
use local::progress::step;
use local::workspace::root;

use super::{Document, Tools, without_a_warning};

pub(super) fn run(tools: &Tools, document: &Document) -> Result<()> {
    step("Linting", &format!("{} with redocly and spectral", document.path));
    let path = root().join(document.path);
    let mut redocly = tools.of_npm("redocly");
    redocly.args(["lint", "--extends=recommended", "--format=stylish"]).arg(&path);
    without_a_warning(&mut redocly, &[])?;
    let mut spectral = tools.of_npm("spectral");
    // A hint is the least that spectral has to say.
    spectral.args(["lint", "--fail-severity=hint", "--ruleset", "tests/clients/spectral.yaml"]).arg(&path);
    without_a_warning(&mut spectral, &[])
}
