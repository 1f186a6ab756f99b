//! `cargo xtask`: the commands a developer needs.
use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};
use shared::shard::ShardCount;
use xtask::deployment::{self, Deployment};
use xtask::environments::{self, ENVIRONMENTS};

/// Sets up, builds, runs and checks the Workers on this machine.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Start everything on this machine: Workers, OpenID provider, webhook inbox; Ctrl-C stops it
    Dev {
        /// Port of the Workers and the inbox; the four ports after it are the OpenID provider's and each Worker's own
        #[arg(long, default_value_t = 8787, value_parser = clap::value_parser!(u16).range(1024..=65531))]
        port: u16,
        /// Run under the configuration and rules of a deployed environment: dev, nonprod, stage or prod
        #[arg(long)]
        env: Option<String>,
        /// How many databases the tenants are in: 1, 2, 4 … Another number than before needs --fresh
        #[arg(long, default_value = "1", value_parser = ShardCount::parse)]
        shards: ShardCount,
        /// Start empty: forget the databases, secrets and keys of earlier runs
        #[arg(long)]
        fresh: bool,
    },
    /// Print the running stack's URLs and keys, with a token good for an hour, as one JSON object
    Credentials {
        /// Port of the running stack
        #[arg(long, default_value_t = 8787)]
        port: u16,
        /// The environment whose rules the stack runs under, as `dev --env` was told
        #[arg(long)]
        env: Option<String>,
        /// E-mail to put into the token, for trying refusals
        #[arg(long)]
        email: Option<String>,
    },
    /// Double the databases of an environment's tenants (docs/scaling.md)
    SplitShards {
        /// The environment: dev, nonprod, stage or prod
        #[arg(long)]
        env: String,
    },
    /// Create what an environment lacks (D1, KV, Queues) and write the ids into the wrangler files
    Provision {
        /// dev, nonprod, stage or prod
        #[arg(long)]
        env: String,
        /// Only check plan, permissions, subdomain and jurisdiction
        #[arg(long)]
        check: bool,
        /// Move to the account that CLOUDFLARE_ACCOUNT_ID names: forget the ids of the account before (docs/leaving.md)
        #[arg(long, conflicts_with = "check")]
        new_account: bool,
    },
    /// Print the addresses of an environment's Workers, by environments.toml, as one JSON object
    Addresses {
        /// dev, nonprod, stage or prod
        #[arg(long)]
        env: String,
        /// Write them into the wrangler files, too
        #[arg(long)]
        write: bool,
    },
    /// Upload the secrets that are set in this process's environment, after checking them
    Secrets {
        /// dev, nonprod, stage or prod
        #[arg(long)]
        env: String,
        /// Only check which are set
        #[arg(long)]
        check: bool,
    },
    /// Check, build, migrate and deploy the commit that is checked out
    Deploy {
        /// dev, nonprod, stage or prod; with --dry-run all of them where it is absent
        #[arg(long, required_unless_present = "dry_run")]
        env: Option<String>,
        /// Do everything but talk to Cloudflare
        #[arg(long)]
        dry_run: bool,
        /// Give each new version a tenth of the requests for five minutes, then all; go back if it is not well
        #[arg(long, conflicts_with = "dry_run")]
        gradual: bool,
    },
    /// Deploy Auth0's tenant as code
    Auth0 {
        /// dev, nonprod, stage or prod
        #[arg(long)]
        env: String,
    },
    /// Print a token for the Admin API, for you or for a script (docs/auth0.md)
    Token {
        /// dev, nonprod, stage or prod
        #[arg(long)]
        env: String,
    },
    /// Play an event's way through a deployed environment, and remove what that made
    Smoke {
        /// dev, nonprod, stage or prod
        #[arg(long)]
        env: String,
    },
    /// Copy an environment's databases into files
    Export {
        /// dev, nonprod, stage or prod
        #[arg(long)]
        env: String,
        /// The folder of the files
        #[arg(long)]
        to: std::path::PathBuf,
    },
    /// Put exported databases in place of an environment's (docs/leaving.md)
    Restore {
        /// dev, nonprod, stage or prod
        #[arg(long)]
        env: String,
        /// The folder of the files
        #[arg(long)]
        from: std::path::PathBuf,
        /// Replace databases that hold tenants
        #[arg(long)]
        overwrite: bool,
    },
    /// Check everything: formatting, lints, unit tests, tidiness, and the Workers end to end
    Test,
    /// Measure the Workers against plain JavaScript ones, in the same run
    Bench {
        /// Measure only the operations with this text in their names, such as `GET tenant`
        only: Option<String>,
    },
    /// Simulate heavy loads and trouble, and write the tables and plots of docs/scaling.md
    Simulate,
    /// Build the Workers as they are deployed
    Build,
    /// Install what this machine lacks
    Setup,
    /// Ask the Admin API, as built, whatever its OpenAPI document allows and forbids
    Schemathesis,
    /// Lint the OpenAPI documents, generate clients from them, and play the README's story with those and by curl
    Clients,
    /// Make the tokens of the tests with a library that is not ours, and compare them with the file
    Tokens {
        /// Write the file
        #[arg(long)]
        write: bool,
    },
    /// Search for longer than the tests do for inputs that break what reads texts of strangers
    Fuzz {
        /// One target alone
        target: Option<String>,
        /// How long each target is tried
        #[arg(long, default_value_t = 60)]
        seconds: u32,
    },
    /// Check the rules of the source tree that no compiler checks
    Tidy,
}

fn run() -> Result<()> {
    match Arguments::parse().command {
        Command::Dev { port, env, shards, fresh } => {
            xtask::dev::run(port, env.as_deref().map(environments::named).transpose()?, shards, fresh)
        }
        Command::Credentials { port, env, email } => {
            let environment = env.as_deref().map(environments::named).transpose()?;
            xtask::credentials::print(port, environment, email.as_deref())
        }
        Command::SplitShards { env } => {
            Deployment::of_this_process(environments::named(&env)?).split_shards()
        }
        Command::Provision { env, check, new_account } => {
            let deployment = Deployment::of_this_process(environments::named(&env)?);
            match (check, new_account) {
                (true, _) => deployment.check_account(),
                (false, true) => deployment.provision_new_account(),
                (false, false) => deployment.provision(),
            }
        }
        Command::Addresses { env, write } => {
            let deployment = Deployment::of_this_process(environments::named(&env)?);
            local::progress::line(deployment.addresses(write)?);
            Ok(())
        }
        Command::Secrets { env, check } => {
            Deployment::of_this_process(environments::named(&env)?).secrets(check)
        }
        Command::Deploy { env, dry_run, gradual } => deploy(env.as_deref(), dry_run, gradual),
        Command::Auth0 { env } => Deployment::of_this_process(environments::named(&env)?).deploy_tenant(),
        Command::Token { env } => {
            local::progress::line(Deployment::of_this_process(environments::named(&env)?).token()?);
            Ok(())
        }
        Command::Smoke { env } => Deployment::of_this_process(environments::named(&env)?).smoke(),
        Command::Export { env, to } => Deployment::of_this_process(environments::named(&env)?).export(&to),
        Command::Restore { env, from, overwrite } => {
            Deployment::of_this_process(environments::named(&env)?).restore(&from, overwrite)
        }
        Command::Test => xtask::check::run(),
        Command::Bench { only } => xtask::bench::run(only.as_deref()),
        Command::Simulate => xtask::simulate::run(),
        Command::Build => {
            let machine = xtask::setup::run()?;
            xtask::build::run(&machine).map(drop)
        }
        Command::Setup => xtask::setup::run().map(drop),
        Command::Schemathesis => xtask::schemathesis::run(),
        Command::Clients => xtask::clients::run(),
        Command::Tokens { write } => xtask::tokens::run(write),
        Command::Fuzz { target, seconds } => xtask::fuzz::run(target.as_deref(), seconds),
        Command::Tidy => xtask::tidy::run(),
    }
}

fn deploy(environment: Option<&str>, dry_run: bool, gradual: bool) -> Result<()> {
    let environment = environment.map(environments::named).transpose()?;
    let build = || xtask::build::run(&xtask::setup::run()?).map(drop);
    match environment {
        Some(environment) if !dry_run => Deployment::of_this_process(environment).deploy(build, gradual),
        chosen => {
            build()?;
            deployment::dry_run(&chosen.map_or_else(|| ENVIRONMENTS.to_vec(), |name| vec![name]))
        }
    }
}

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
