//! Generates clients from the documents, without a warning, and checks that the compilers take them.

use std::fs;

use anyhow::{Context, Result};
use local::process::npm_bin;
use local::progress::step;
use local::workspace::root;

use super::{DOCUMENTS, Document, TOOL_LIMIT, Tools, copy, stamp, succeeding, without_a_warning};

/// What openapi-generator warns of whatever the document is, even one with a single text.
const OF_EVERY_DOCUMENT: [&str; 2] =
    ["OpenAPI 3.1 support is still in beta", "Failed to get the schema name: null"];

/// Generates the clients into the tools' folder, unless the same tools have generated them from the same documents.
pub(super) fn run(tools: &Tools) -> Result<()> {
    let (written, wanted) = (tools.clients.join("stamp"), stamp(tools)?);
    if fs::read_to_string(&written).is_ok_and(|present| present == wanted) {
        step("Reusing", "the clients that were generated from the same documents");
    } else {
        fs::remove_dir_all(&tools.clients).context("the earlier clients cannot be removed")?;
        fs::create_dir_all(&tools.clients).context("the folder of the clients cannot be made")?;
        for document in &DOCUMENTS {
            for_typescript(tools, document)?;
            for_python(tools, document)?;
            if tools.java {
                by_openapi_generator(tools, document)?;
            }
        }
        fs::write(written, wanted).context("the clients' stamp cannot be written")?;
    }
    compile(tools)
}

fn for_typescript(tools: &Tools, Document { name, path }: &Document) -> Result<()> {
    step("Generating", &format!("clients in TypeScript from {path}"));
    let document = root().join(path);
    let mut types = tools.of_npm("openapi-typescript");
    types.arg(&document).arg("--output").arg(tools.clients.join(format!("openapi-typescript-{name}.ts")));
    without_a_warning(&mut types, &[])?;
    let mut client = tools.of_npm("openapi-ts");
    client.arg("--no-log-file").arg("--input").arg(&document).arg("--output");
    client.arg(tools.clients.join(format!("hey-api-{name}")));
    without_a_warning(&mut client, &[])
}

fn for_python(tools: &Tools, Document { name, path }: &Document) -> Result<()> {
    step("Generating", &format!("a client in Python from {path}"));
    let mut client = tools.of_python("openapi-python-client");
    client
        .args(["generate", "--meta", "none", "--overwrite", "--fail-on-warning", "--path"])
        .arg(root().join(path));
    client.arg("--output-path").arg(tools.clients.join(format!("python_client_{name}")));
    without_a_warning(&mut client, &[])
}

fn by_openapi_generator(tools: &Tools, Document { name, path }: &Document) -> Result<()> {
    for language in ["python", "typescript-fetch"] {
        step("Generating", &format!("a client in {language} from {path} with openapi-generator"));
        let mut client = tools.of_python("openapi-generator-cli");
        client.args(["generate", "--generator-name", language, "--input-spec"]).arg(root().join(path));
        client.arg("--output").arg(tools.clients.join(format!("openapi-generator-{language}-{name}")));
        without_a_warning(&mut client, &OF_EVERY_DOCUMENT)?;
    }
    Ok(())
}

/// Checks the types of all that is in TypeScript, bundles the story, and has Python take events of every type.
fn compile(tools: &Tools) -> Result<()> {
    step("Compiling", "the clients");
    for file in ["tests/clients/tsconfig.json", "tests/clients/story.ts", "docs/verify/verify.mjs"] {
        copy(file, &tools.clients)?;
    }
    succeeding(tools.of_npm("tsc").arg("--project").arg(&tools.clients), "", TOOL_LIMIT)?;
    let mut bundle = local::process::command(npm_bin("esbuild"));
    bundle.arg(tools.clients.join("story.ts"));
    bundle.args([
        "--bundle",
        "--platform=node",
        "--format=esm",
        "--log-level=warning",
        "--outfile=target/clients/story.mjs",
    ]);
    without_a_warning(&mut bundle, &[])?;
    if tools.java {
        let mut events = tools.of_python("python");
        events.arg("tests/clients/events.py").arg("admin-api/event-types.json");
        events.env("PYTHONPATH", tools.clients.join("openapi-generator-python-partner"));
        succeeding(&mut events, "", TOOL_LIMIT)?;
    }
    Ok(())
}
