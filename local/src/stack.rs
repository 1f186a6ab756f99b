//! A running stack: the Workers in one workerd behind the gateway, with the OpenID provider.
//!
//! Everything that a stack starts ends with it: when the stack is dropped, and also when this process is killed.

mod configuration;
mod environment;
mod migrations;
mod options;
pub(crate) mod ports;
mod processes;
mod shards;

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use http::Method;

pub use self::options::StackOptions;
pub use self::ports::require_free_ports;

use self::ports::free_port;
use self::processes::Output;
use crate::address::{Address, OWN_PORTS};
use crate::client::{Client, HttpAnswer};
use crate::clock;
use crate::credentials::Credentials;
use crate::d1::Wrangler;
use crate::forward::Forward;
use crate::group::Group;
use crate::interruption;
use crate::log::tail;
use crate::process::{command, npm_bin, output};
use crate::progress::{spoken, step};
use crate::secrets::Secrets;
use crate::workspace::{Worker, read_toml, root, workers};

/// How long the Workers may take to answer for the first time.
const START_LIMIT: Duration = Duration::from_secs(90);
/// How long the provider may take to answer for the first time.
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
    /// The port of each Worker that is reached without wrangler's proxy; empty where all are reached through it.
    direct: BTreeMap<String, u16>,
    /// The Workers' own ports.
    forwards: Vec<Forward>,
    output: Output,
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
        let directory = options.directory();
        if options.fresh && directory.exists() {
            drop(lock(&directory, &options.name)?);
            fs::remove_dir_all(&directory)
                .with_context(|| format!("{} cannot be emptied", directory.display()))?;
        }
        let lock = lock(&directory, &options.name)?;
        let direct = direct_ports(&options)?;
        let output = Output::begin(&directory.join("log"))?;
        let mut stack = Self {
            options,
            directory,
            provider: None,
            runtime: None,
            direct,
            forwards: Vec::new(),
            output,
            _lock: lock,
        };
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
        self.forwards.clear();
        // Told together, waited for together.
        let mut groups: Vec<Group> =
            [self.runtime.take(), self.provider.take()].into_iter().flatten().collect();
        groups.iter_mut().for_each(Group::end);
    }

    /// Sets how many databases the tenants are in from the next start on.
    pub fn set_shards(&mut self, count: usize) {
        self.options.shards = count;
    }

    /// Runs wrangler's `d1` commands about the stack's databases of tenants, of which there will be `shards` after a split;
    /// and the folder for [`Databases::new`](crate::split::Databases::new).
    ///
    /// # Errors
    ///
    /// Fails when wrangler's configuration for them cannot be written.
    pub fn d1(&self, shards: usize) -> Result<(Wrangler<'static>, PathBuf)> {
        let folder = self.directory.join("split");
        let mut config = read_toml(&root().join("wrangler.toml"))?;
        config.remove("env");
        shards::expand(&mut config, &self.directory, shards)?;
        fs::create_dir_all(folder.join(".wrangler")).context("the folder of the split cannot be made")?;
        let path = folder.join("wrangler.json");
        fs::write(&path, serde_json::to_string_pretty(&config)?)
            .context("the configuration cannot be written")?;
        // `wrangler d1 export --local` takes no other place for the state.
        let state = folder.join(".wrangler/state");
        if !state.exists() {
            std::os::unix::fs::symlink(self.directory.join("state"), &state)
                .context("the state cannot be linked")?;
        }
        let directory = self.directory.clone();
        let run = move |words: &[&str]| {
            let mut wrangler = command("node");
            wrangler.arg(npm_bin("wrangler")).args(words).arg("--local").arg("--config").arg(&path);
            processes::quieten(&mut wrangler, &directory);
            output(wrangler.env("CI", "true"))
        };
        Ok((Box::new(run), folder))
    }

    /// Runs the Workers' cron triggers once, now, and waits until they have run.
    ///
    /// # Errors
    ///
    /// Fails when one of them failed.
    pub fn trigger_cron(&self) -> Result<()> {
        trigger_cron(&self.address())
    }

    /// Where the stack answers.
    #[must_use]
    pub fn address(&self) -> Address {
        self.options.address()
    }

    /// The port where a Worker answers without wrangler's proxy; see [`StackOptions::beside`].
    ///
    /// # Errors
    ///
    /// Fails when the Worker is reached through wrangler's proxy only.
    pub fn direct_port(&self, worker: &str) -> Result<u16> {
        let port = self.direct.get(worker).copied();
        port.with_context(|| format!("{worker} is reached through wrangler's proxy only"))
    }

    /// How long the Workers' runtime has used the processors so far; `None` where the system does not tell.
    #[must_use]
    pub fn runtime_processor_time(&self) -> Option<Duration> {
        self.runtime.as_ref()?.processor_time(Some("workerd"))
    }

    /// How long everything that this stack started has used the processors so far; `None` where the system does not tell.
    #[must_use]
    pub fn processor_time(&self) -> Option<Duration> {
        let groups = self.runtime.iter().chain(&self.provider);
        groups.map(|group| group.processor_time(None)).sum()
    }

    /// The URLs and keys of this stack; see [`StackOptions::credentials`].
    ///
    /// # Errors
    ///
    /// Fails when the OpenID provider does not answer.
    pub fn credentials(&self, email: Option<&str>) -> Result<Credentials> {
        self.options.credentials(email)
    }

    /// The value that this stack's Workers have as a secret, such as `SERVICE_JWT_SECRET`.
    ///
    /// # Errors
    ///
    /// Fails when no Worker requires a secret of that name.
    pub fn secret(&self, name: &str) -> Result<String> {
        Secrets::load(&self.directory)?.get(name)
    }

    /// The file into which everything that the Workers and the runtime print is written.
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
        // A failure shows the end of the log anyway.
        self.output.echo(false);
        require_free_ports(self.options.port)?;
        let workers = workers()?;
        if let Some(worker) = workers.iter().find(|worker| !worker.bundle().is_file()) {
            bail!("{} is not built: run `cargo xtask build`", worker.name);
        }

        if self.options.environment.is_some() {
            self.options.certificate().ensure(workers.iter().map(|worker| worker.name.clone()))?;
        }
        let mut secrets = Secrets::load(&self.directory)?;
        let configs = configuration::write(&self.directory, &self.options, &workers, &mut secrets)?;
        secrets.save(&self.directory)?;
        migrations::apply(&self.directory, &configs)?;

        step("Starting", "the OpenID provider");
        self.provider = Some(processes::start_provider(&self.options, &secrets, &self.output)?);
        step("Starting", "the Workers");
        let runtime = processes::start_runtime(&self.options, &self.direct, &configs, &self.output)?;
        self.runtime = Some(runtime);
        let address = self.address();
        self.wait(
            "the OpenID provider",
            PROVIDER_LIMIT,
            &address.provider()?,
            "/.well-known/jwks.json",
            &[200],
        )?;
        self.wait("the Workers", START_LIMIT, &address.gateway()?, "/health", &[200])?;
        // Where somebody has changed settings, they may be meant to be wrong.
        let healthy: &[u16] = if self.options.overrides.is_empty() { &[200] } else { &[200, 503] };
        for Worker { name, .. } in &workers {
            self.wait(name, START_LIMIT, &address.worker(name)?, "/health", healthy)?;
        }
        for (name, distance) in OWN_PORTS {
            let forward = Forward::start(self.options.port + distance, self.options.port);
            self.forwards.push(forward.with_context(|| format!("the port of {name} is taken"))?);
        }
        self.output.echo(self.options.echo);
        step("Started", &format!("in {}", spoken(started.elapsed())));
        Ok(())
    }

    /// Waits until `what` answers with one of these statuses.
    fn wait(
        &mut self,
        what: &str,
        limit: Duration,
        client: &Client,
        path: &str,
        statuses: &[u16],
    ) -> Result<()> {
        let client = client.clone().within(ANSWER_LIMIT);
        let mut ended = false;
        let answered = clock::wait_until(limit, Duration::from_millis(100), || {
            ended = !self.is_alive();
            let ready = || client.get(path).is_ok_and(|answer| statuses.contains(&answer.status));
            (interruption::requested() || ended || ready()).then_some(())
        });
        if interruption::requested() {
            bail!("interrupted");
        }
        if ended || answered.is_none() {
            let why = if ended { "ended at its start" } else { "did not answer in time" };
            bail!("{what} {why}; the log ends so:\n{}", tail(&self.log_path(), 30));
        }
        Ok(())
    }
}

impl Drop for Stack {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Runs the cron triggers of the stack at this address.
///
/// # Errors
///
/// Fails when one of them failed.
pub fn trigger_cron(address: &Address) -> Result<()> {
    let HttpAnswer { status, text, .. } =
        address.gateway()?.within(CRON_LIMIT).send(Method::POST, "/cron", None)?;
    if status != 200 {
        bail!("the cron triggers answered {status}: {text}");
    }
    Ok(())
}

fn lock(directory: &Path, name: &str) -> Result<File> {
    fs::create_dir_all(directory).with_context(|| format!("{} cannot be created", directory.display()))?;
    let file = File::create(directory.join("lock")).context("the stack's lock file cannot be written")?;
    if file.try_lock().is_err() {
        bail!("the local stack `{name}` is running already: stop it first, or choose another --port");
    }
    Ok(file)
}

/// A port for each Worker of a stack with Workers beside the product's.
fn direct_ports(options: &StackOptions) -> Result<BTreeMap<String, u16>> {
    let beside = options.beside.iter().map(|folder| configuration::beside_name(folder).to_owned());
    let mut names: Vec<String> = beside.collect();
    if !names.is_empty() {
        names.extend(workers()?.into_iter().map(|worker| worker.name));
    }
    names.into_iter().map(|name| Ok((name, free_port()?))).collect()
}
