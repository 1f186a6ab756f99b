//! `cargo xtask dev`: runs the stack until Ctrl-C, and loads changes to the sources as they are saved.
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, SystemTime};

use anyhow::{Result, bail};
use local::progress::{line, step};
use local::stack::{Stack, StackOptions, require_free_ports, trigger_cron};
use local::workspace::{files_below, root};
use local::{clock, interruption};

use shared::shard::ShardCount;

use crate::setup::Machine;
use crate::{build, setup};

/// The port without `--port`.
const USUAL_PORT: u16 = 8787;
/// How often the Workers' cron triggers run: as often as cron can.
const CRON_EVERY: Duration = Duration::from_secs(60);
/// How often this process looks for changes to the sources.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// The stack that `cargo xtask dev` runs with these options.
pub(crate) fn options(port: u16, environment: Option<&'static str>) -> StackOptions {
    let mut name = "dev".to_owned();
    name.extend(environment.map(|environment| format!("-{environment}")));
    if port != USUAL_PORT {
        name = format!("{name}-{port}");
    }
    StackOptions::new(&name, port).environment(environment)
}

/// These options as a person types them.
pub(crate) fn flags(port: u16, environment: Option<&str>) -> String {
    let env = environment.map(|name| format!(" --env {name}")).unwrap_or_default();
    if port == USUAL_PORT { env } else { format!("{env} --port {port}") }
}

/// Sets up, builds, starts the stack, and goes on until a signal says to stop. With an environment, under its rules.
///
/// # Errors
///
/// One sentence about what is missing or did not start.
pub fn run(port: u16, environment: Option<&'static str>, shards: ShardCount, fresh: bool) -> Result<()> {
    // Before a build takes minutes.
    require_free_ports(port)?;
    let machine = setup::run()?;
    build::run(&machine)?;
    interruption::listen()?;

    let mut options = options(port, environment).shards(shards.get()).echo();
    if fresh {
        options = options.fresh();
    }
    let mut stack = Stack::start(options)?;
    announce(&stack, port, environment);

    let mut sources = Sources::look();
    let mut cron_due = clock::now() + CRON_EVERY;
    while !interruption::requested() {
        thread::sleep(LOOK_EVERY);
        if clock::now() >= cron_due {
            cron_due += CRON_EVERY;
            let address = stack.address();
            thread::spawn(move || {
                if let Err(error) = trigger_cron(&address) {
                    line(format!("cron: {error:#}"));
                }
            });
        }
        let seen = Sources::look();
        if seen != sources {
            take_in(&machine, &mut stack, &sources, &seen);
            sources = seen;
        }
        if !stack.is_alive() && !interruption::requested() {
            bail!("the local stack ended by itself: its log is {}", stack.log_path().display());
        }
    }
    step("Stopping", "everything that was started");
    stack.stop();
    Ok(())
}

fn announce(stack: &Stack, port: u16, environment: Option<&str>) {
    let urls = stack.address().urls();
    line("");
    for (what, url, own) in [
        ("Admin API", &urls.admin_api_url, Some(&urls.admin_api_localhost_url)),
        ("Partner Portal", &urls.portal_url, Some(&urls.portal_localhost_url)),
        ("Webhook delivery", &urls.delivery_url, Some(&urls.delivery_localhost_url)),
        ("Webhook inbox", &urls.inbox_url, None),
        ("OpenID provider", &urls.issuer, None),
    ] {
        let own = own.map(|own| format!(" or {own}")).unwrap_or_default();
        line(format!("  {what:<17} {url}{own}"));
    }
    line("");
    line(format!("  Keys and a token:  cargo xtask credentials{}", flags(port, environment)));
    line(format!("  Log:               {}", stack.log_path().display()));
    if let (Some(environment), Some(certificate)) = (environment, stack.address().certificate) {
        line(format!("  Rules:             those of {environment}; webhook URLs have to be reachable there"));
        line(format!("  Certificate:       {}, for `curl --cacert`", certificate.display()));
    }
    line("  Changes to the sources are built and loaded as you save them. Ctrl-C stops everything.");
    line("");
    ready(stack);
}

fn ready(stack: &Stack) {
    line(format!("ready on {}", stack.address().urls().inbox_url.trim_end_matches("/inbox")));
}

/// The time of the newest change and the number of files: of all files, and of those that a stack reads at its start only.
#[derive(PartialEq, Eq)]
struct Sources {
    all: (Option<SystemTime>, usize),
    settings: (Option<SystemTime>, usize),
}

impl Sources {
    fn look() -> Self {
        // wrangler itself reloads the gateway; tests and tools are no part of the stack.
        let skip =
            [".git", ".local", ".wrangler", "build", "gateway", "node_modules", "target", "tests", "xtask"];
        let files = files_below(root(), &skip);
        let newest = |files: &mut dyn Iterator<Item = &PathBuf>| {
            files.fold((None, 0), |(newest, count), file| {
                let changed = file.metadata().and_then(|metadata| metadata.modified()).ok();
                (newest.max(changed), count + 1)
            })
        };
        Self {
            all: newest(&mut files.iter()),
            settings: newest(&mut files.iter().filter(|file| is_setting(file))),
        }
    }
}

/// Whether a stack reads this file at its start only: wrangler's files, migrations and the OpenID provider.
fn is_setting(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name == "wrangler.toml")
        || path.extension().is_some_and(|extension| extension == "sql" || extension == "mjs")
}

/// Builds and loads what changed. A mistake in the sources is shown, and the stack goes on as before.
fn take_in(machine: &Machine, stack: &mut Stack, before: &Sources, now: &Sources) {
    line("");
    // Cargo knows whether there is anything to build.
    let built = build::run(machine);
    let taken = built.and_then(|_| if before.settings == now.settings { Ok(()) } else { stack.restart() });
    match taken {
        Ok(()) => ready(stack),
        Err(error) => {
            line(format!("error: {error:#}\nSave again when it is mended; until then the last build runs."))
        }
    }
}
