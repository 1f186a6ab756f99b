//! The whole system on one machine: the Workers in one workerd behind the gateway, with the OpenID provider.
//!
//! ```no_run
//! use xtask::stack::{Stack, StackOptions};
//!
//! let stack = Stack::start(StackOptions::on_free_ports("tests")?.fresh())?;
//! let credentials = stack.credentials(None)?;
//! println!("{}", credentials.admin_api_url);
//! # Ok::<(), anyhow::Error>(())
//! ```
//!
//! Everything it starts ends with it: when it is dropped, and also when this process dies without a word.

mod certificate;
mod configuration;
mod environment;
mod group;
mod log;
mod migrations;
mod options;
mod processes;
mod secrets;

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::{Context, Result, bail};

pub use options::StackOptions;

use self::certificate::Certificate;
use self::group::Group;
use self::secrets::Secrets;
use crate::clock;
use crate::credentials::{self, Credentials, Urls};
use crate::http::Loopback;
use crate::interruption;
use crate::progress::{spoken, step};
use crate::workspace::{Worker, root, workers};

/// The local stack's usual port.
pub(crate) const USUAL_PORT: u16 = 8787;
/// How long the Workers may take to answer for the first time.
const START_LIMIT: Duration = Duration::from_secs(90);
/// How long the provider may take.
const PROVIDER_LIMIT: Duration = Duration::from_secs(20);
/// How long one answer may take while things start.
const ANSWER_LIMIT: Duration = Duration::from_secs(10);
/// How long a cron run may take.
const CRON_LIMIT: Duration = Duration::from_secs(120);

/// A running local stack.
pub struct Stack {
    options: StackOptions,
    directory: PathBuf,
    provider: Option<Group>,
    runtime: Option<Group>,
    /// The port of each Worker that is reached without wrangler's proxy; none where all are reached through it.
    direct: BTreeMap<String, u16>,
    /// Whether the log is shown on the terminal: not while things start, where a failure shows its end anyway.
    echoing: Arc<AtomicBool>,
    /// Held as long as the stack lives: two stacks must not share one state.
    _lock: File,
}

impl Stack {
    /// Starts the stack and waits until everything answers; where [`StackOptions`] change settings, 503 is an answer
    /// too. The Workers must have been built.
    ///
    /// # Errors
    ///
    /// One sentence that says what to do: a port is taken, a Worker is not built, or something did not start, with
    /// the end of its log.
    pub fn start(options: StackOptions) -> Result<Self> {
        let directory = directory(&options.name);
        if options.fresh && directory.exists() {
            drop(lock(&directory, &options.name)?);
            fs::remove_dir_all(&directory)
                .with_context(|| format!("{} cannot be emptied", directory.display()))?;
        }
        let lock = lock(&directory, &options.name)?;
        let direct = direct_ports(&options)?;
        let mut stack = Self {
            options,
            directory,
            provider: None,
            runtime: None,
            direct,
            echoing: Arc::default(),
            _lock: lock,
        };
        fs::write(stack.log_path(), "").context("the log cannot be written")?;
        stack.launch()?;
        Ok(stack)
    }

    /// Starts anew on the same state, after [`kill_hard`](Self::kill_hard) or in place of what runs; takes in changed
    /// configuration and new migrations.
    ///
    /// # Errors
    ///
    /// As [`start`](Self::start).
    pub fn restart(&mut self) -> Result<()> {
        self.stop();
        self.launch()
    }

    /// Ends the Workers' runtime with SIGKILL, in the middle of whatever it does, as a crash would. The OpenID provider
    /// goes on.
    pub fn kill_hard(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.kill();
        }
    }

    /// Stops everything in order; dropping the stack does the same.
    pub fn stop(&mut self) {
        // Told together, waited for together.
        let mut groups: Vec<Group> =
            [self.runtime.take(), self.provider.take()].into_iter().flatten().collect();
        groups.iter_mut().for_each(Group::end);
    }

    /// Runs the Workers' cron triggers once, now, and waits until they have run.
    ///
    /// # Errors
    ///
    /// When one of them failed.
    pub fn trigger_cron(&self) -> Result<()> {
        trigger_cron(&self.door())
    }

    /// Where the stack answers.
    pub(crate) fn door(&self) -> Loopback {
        let certificate = self.options.environment.map(|_| Certificate::of(&self.directory).certificate);
        Loopback { port: self.options.port, certificate }
    }

    /// The port where a Worker answers without wrangler's proxy; see [`StackOptions::beside`].
    pub(crate) fn direct_port(&self, worker: &str) -> Result<u16> {
        let port = self.direct.get(worker).copied();
        port.with_context(|| format!("{worker} is reached through wrangler's proxy only"))
    }

    /// What the Workers' runtime has used of the processors so far; nothing where the system does not tell.
    pub(crate) fn runtime_processor_time(&self) -> Option<Duration> {
        self.runtime.as_ref()?.processor_time("workerd")
    }

    /// The certificate of a stack that runs under a deployed environment's rules.
    #[must_use]
    pub fn certificate(&self) -> Option<PathBuf> {
        self.door().certificate
    }

    /// The URLs and keys of this stack, with an Admin API token for `email`
    /// (`developer@smartphonekey.com` where absent). They are the generated ones, whatever [`StackOptions::set`] says.
    ///
    /// # Errors
    ///
    /// When the OpenID provider does not answer.
    pub fn credentials(&self, email: Option<&str>) -> Result<Credentials> {
        credentials::of(&self.options.name, &self.door(), email)
    }

    /// The URLs of this stack.
    #[must_use]
    pub fn urls(&self) -> Urls {
        Urls::of(&self.door())
    }

    /// The port of the Workers and the inbox; the OpenID provider has the one after it.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.options.port
    }

    /// What this stack's Workers have as a secret, such as `SERVICE_JWT_SECRET`.
    ///
    /// # Errors
    ///
    /// When no Worker requires a secret of that name.
    pub fn secret(&self, name: &str) -> Result<String> {
        Secrets::load(&self.directory)?.get(name)
    }

    /// Where everything that the Workers and the runtime print is written.
    #[must_use]
    pub fn log_path(&self) -> PathBuf {
        self.directory.join("log")
    }

    /// Whether everything this stack started still runs.
    #[must_use]
    pub fn is_alive(&mut self) -> bool {
        let groups = [&mut self.runtime, &mut self.provider];
        groups.into_iter().all(|group| group.as_mut().is_some_and(Group::is_alive))
    }

    fn launch(&mut self) -> Result<()> {
        let started = clock::now();
        self.echoing.store(false, Ordering::Relaxed);
        let port = self.options.port;
        require_free_ports(port)?;
        let workers = workers()?;
        if let Some(worker) = workers.iter().find(|worker| !worker.bundle().is_file()) {
            bail!("{} is not built: run `cargo xtask build`", worker.name);
        }

        if self.options.environment.is_some() {
            Certificate::of(&self.directory).ensure(workers.iter().map(|worker| worker.name.clone()))?;
        }
        let mut secrets = Secrets::load(&self.directory)?;
        let configs = configuration::write(&self.directory, &self.options, &workers, &mut secrets)?;
        secrets.save(&self.directory)?;
        migrations::apply(&self.directory, &configs)?;

        step("Starting", "the OpenID provider");
        self.provider = Some(self.start_provider(&secrets)?);
        step("Starting", "the Workers");
        self.runtime = Some(self.start_runtime(&configs)?);
        self.wait("the OpenID provider", PROVIDER_LIMIT, |door| {
            answers(&door.next(), "localhost", "/.well-known/jwks.json")
        })?;
        self.wait("the Workers", START_LIMIT, |door| answers(door, "localhost", "/health"))?;
        for Worker { name, .. } in &workers {
            let host = format!("{name}.localhost");
            // Where somebody has changed settings, they may be meant to be wrong.
            let changed = !self.options.overrides.is_empty();
            self.wait(name, START_LIMIT, |door| {
                answers(door, &host, "/health") || (changed && is_unavailable(door, &host))
            })?;
        }
        self.echoing.store(self.options.echo, Ordering::Relaxed);
        step("Started", &format!("in {}", spoken(started.elapsed())));
        Ok(())
    }

    fn wait(&mut self, what: &str, limit: Duration, mut ready: impl FnMut(&Loopback) -> bool) -> Result<()> {
        let door = self.door();
        let mut ended = false;
        let answered = clock::wait_until(limit, Duration::from_millis(100), || {
            ended = !self.is_alive();
            (interruption::requested() || ended || ready(&door)).then_some(())
        });
        if interruption::requested() {
            bail!("interrupted");
        }
        if ended || answered.is_none() {
            let why = if ended { "ended at its start" } else { "did not answer in time" };
            bail!("{what} {why}; the log ends so:\n{}", log::tail(&self.log_path(), 30));
        }
        Ok(())
    }
}

impl Drop for Stack {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Runs the cron triggers of the stack that answers there.
pub(crate) fn trigger_cron(door: &Loopback) -> Result<()> {
    let answer = door.post_form("/cron", &[], CRON_LIMIT)?;
    if answer.status != 200 {
        bail!("the cron triggers answered {}: {}", answer.status, answer.body);
    }
    Ok(())
}

/// The name of the stack that `cargo xtask dev` runs.
pub(crate) fn usual_name(port: u16, environment: Option<&str>) -> String {
    let mut name = "dev".to_owned();
    if let Some(environment) = environment {
        name = format!("{name}-{environment}");
    }
    if port == USUAL_PORT { name } else { format!("{name}-{port}") }
}

/// Where that stack answers.
pub(crate) fn usual_door(port: u16, environment: Option<&str>) -> Loopback {
    let directory = directory(&usual_name(port, environment));
    Loopback { port, certificate: environment.map(|_| Certificate::of(&directory).certificate) }
}

/// Where a stack keeps everything of its own.
pub(crate) fn directory(name: &str) -> PathBuf {
    root().join(".local").join(name)
}

/// A secret of the stack that is kept under this name.
pub(crate) fn secret(stack: &str, name: &str) -> Result<String> {
    Secrets::load(&directory(stack))?.get(name)
}

pub(crate) use log::uncoloured;
pub(crate) use secrets::CREDENTIALS_CLIENT;

fn lock(directory: &Path, name: &str) -> Result<File> {
    fs::create_dir_all(directory).with_context(|| format!("{} cannot be created", directory.display()))?;
    let file = File::create(directory.join("lock")).context("the stack's lock file cannot be written")?;
    if file.try_lock().is_err() {
        bail!("the local stack `{name}` is running already: stop it first, or choose another --port");
    }
    Ok(file)
}

/// Refuses a port that something else listens on, and the one after it.
pub(crate) fn require_free_ports(port: u16) -> Result<()> {
    for (port, of) in [(port, "the Workers"), (port.wrapping_add(1), "the OpenID provider")] {
        if port == 0 || TcpListener::bind(("127.0.0.1", port)).is_err() {
            bail!("port {port} (for {of}) is taken: stop what listens there, or choose another with --port");
        }
    }
    Ok(())
}

fn free_port() -> Result<u16> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).context("no port is free for the inspector")?;
    Ok(listener.local_addr()?.port())
}

/// A port for each Worker of a stack with Workers beside the product's.
fn direct_ports(options: &StackOptions) -> Result<BTreeMap<String, u16>> {
    let beside = options.beside.iter().map(|folder| configuration::beside_name(folder).to_owned());
    let mut names: Vec<String> = beside.collect();
    if !names.is_empty() {
        names.extend(workers()?.into_iter().map(|worker| worker.name));
    }
    // All at once, so that none is given out twice, nor one of the stack's own.
    let _own = [options.port, options.port + 1].map(|port| TcpListener::bind(("127.0.0.1", port)));
    let bound = names.into_iter().map(|name| Ok((name, TcpListener::bind(("127.0.0.1", 0))?)));
    let bound: Vec<(String, TcpListener)> = bound.collect::<Result<_>>().context("no port is free")?;
    bound.into_iter().map(|(name, listener)| Ok((name, listener.local_addr()?.port()))).collect()
}

fn answers(door: &Loopback, host: &str, path: &str) -> bool {
    door.get(host, path, ANSWER_LIMIT).is_ok_and(|answer| answer.status == 200)
}

fn is_unavailable(door: &Loopback, host: &str) -> bool {
    door.get(host, "/health", ANSWER_LIMIT).is_ok_and(|answer| answer.status == 503)
}
