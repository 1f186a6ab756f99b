//! `cargo xtask dev`: the stack, until Ctrl-C; changes are taken in as they are saved.
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, SystemTime};

use anyhow::{Result, bail};

use crate::progress::{line, step};
use crate::setup::Machine;
use crate::stack::{Stack, StackOptions, USUAL_PORT, require_free_ports, trigger_cron, usual_name};
use crate::workspace::{files_below, root};
use crate::{build, clock, interruption, setup};

/// How often the Workers' cron triggers run: as often as cron can.
const CRON_EVERY: Duration = Duration::from_secs(60);
/// How often the source tree is looked at.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Sets up, builds, starts, and goes on until it is told to stop. With an environment, under its rules.
///
/// # Errors
///
/// One sentence about what is missing or did not start.
pub fn run(port: u16, environment: Option<&'static str>, fresh: bool) -> Result<()> {
    // Before minutes are spent on a build.
    require_free_ports(port)?;
    let machine = setup::run()?;
    build::run(&machine)?;
    interruption::listen()?;

    let name = usual_name(port, environment);
    let mut options = StackOptions::new(&name, port).environment(environment).echo();
    if fresh {
        options = options.fresh();
    }
    let mut stack = Stack::start(options)?;
    announce(&stack, environment);

    let mut sources = Sources::look();
    let mut cron_due = clock::now() + CRON_EVERY;
    while !interruption::requested() {
        thread::sleep(LOOK_EVERY);
        if clock::now() >= cron_due {
            cron_due += CRON_EVERY;
            let door = stack.door();
            thread::spawn(move || {
                if let Err(error) = trigger_cron(&door) {
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

fn announce(stack: &Stack, environment: Option<&str>) {
    let urls = stack.urls();
    line("");
    for (what, url) in [
        ("Admin API", &urls.admin_api_url),
        ("Partner Portal", &urls.portal_url),
        ("Webhook delivery", &urls.delivery_url),
        ("Webhook inbox", &urls.inbox_url),
        ("OpenID provider", &urls.issuer),
    ] {
        line(format!("  {what:<17} {url}"));
    }
    line("");
    let of = environment.map(|name| format!(" --env {name}")).unwrap_or_default();
    line(format!("  Keys and a token:  cargo xtask credentials{of}{}", port_option(stack.port())));
    line(format!("  Log:               {}", stack.log_path().display()));
    if let (Some(environment), Some(certificate)) = (environment, stack.certificate()) {
        line(format!("  Rules:             those of {environment}; webhook URLs have to be reachable there"));
        line(format!("  Certificate:       {}, for `curl --cacert`", certificate.display()));
    }
    line("  Changes to the sources are built and loaded as you save them. Ctrl-C stops everything.");
    line("");
    ready(stack);
}

fn ready(stack: &Stack) {
    line(format!("ready on {}", stack.urls().inbox_url.trim_end_matches("/inbox")));
}

fn port_option(port: u16) -> String {
    if port == USUAL_PORT { String::new() } else { format!(" --port {port}") }
}

/// When the newest file changed, and how many there are: of all, and of those that are read once, at the start.
#[derive(PartialEq, Eq)]
struct Sources {
    all: (Option<SystemTime>, usize),
    settings: (Option<SystemTime>, usize),
}

impl Sources {
    fn look() -> Self {
        // wrangler itself looks after the gateway; tests and tools are no part of the stack.
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

/// wrangler's files, migrations and the OpenID provider.
fn is_setting(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name == "wrangler.toml")
        || path.extension().is_some_and(|extension| extension == "sql" || extension == "mjs")
}

/// Builds and loads what changed. A mistake in the sources is shown, and the stack goes on as it was.
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
