//! Auth0's tenant as code: checked by auth0-deploy-cli's own schemas.
use anyhow::Result;
use local::process::{command, run};
use local::workspace::root;

use crate::npm;

/// The command that runs the check alone, once the npm packages are there.
pub(crate) const ALONE: &str =
    "AUTH0_TOOLS=.local/npm/auth0 node --test auth0/tenant.test.mjs .github/workflows.test.mjs";

/// Checks the tenant with its Actions, and the workflows, whose linter comes in the same npm packages.
pub(crate) fn check() -> Result<()> {
    let tools = npm::packages("auth0", "auth0")?;
    let tests = ["auth0/tenant.test.mjs", ".github/workflows.test.mjs"].map(|file| root().join(file));
    run(command("node").args(["--test", "--test-reporter=dot"]).args(tests).env("AUTH0_TOOLS", tools))
}
