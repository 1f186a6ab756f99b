//! `cargo xtask deploy --dry-run`: does everything but talk to Cloudflare.
use anyhow::{Context, Result};
use local::process::{command, npm_bin, output};
use local::progress::{line, step};

use super::Deployment;
use super::wrangler::quieten;

/// Bundles and checks every Worker as it would be deployed to these environments.
///
/// # Errors
///
/// Fails at the first Worker that wrangler would not deploy.
pub fn dry_run(environments: &[&'static str]) -> Result<()> {
    for environment in environments {
        let deployment = Deployment::of_this_process(environment);
        let files = deployment.files()?;
        for (worker, file) in deployment.workers(&files) {
            let bundle = local::workspace::root().join(".local/dry-run").join(environment).join(worker);
            let mut wrangler = command(npm_bin("wrangler"));
            wrangler.args(["deploy", "--dry-run", "--env", environment, "--config"]).arg(&file.path);
            wrangler.arg("--outdir").arg(bundle);
            quieten(&mut wrangler);
            output(&mut wrangler)
                .with_context(|| format!("{worker} could not be deployed to {environment}"))?;
            step("Bundled", &format!("{worker} for {environment}"));
        }
        let (ids, values): (Vec<String>, Vec<String>) =
            deployment.placeholders(&files)?.into_iter().partition(|missing| !missing.starts_with("vars."));
        if !ids.is_empty() {
            line(format!(
                "  not yet  {} ids of {environment}: run {}",
                ids.len(),
                deployment.own("provision")
            ));
        }
        values.iter().for_each(|missing| line(format!("  not yet  {missing}")));
        if let Err(error) = deployment.require_clean_tree() {
            line(format!("  not yet  {error:#}"));
        }
    }
    Ok(())
}
