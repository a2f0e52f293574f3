//! `flowruns serve`

use std::{fs, sync::Arc};

use anyhow::{Context as _, bail};
use flowruns_api::{
    ApiOptions,
    auth::{Expectations, KeySet, TokenVerifier},
    router,
};
use flowruns_domain::{Environment, SystemClock, TimeOrderedIds};
use flowruns_persistence::{
    PostgresStore,
    migrate::{self, MigrationState},
};

use tokio::sync::watch;

use crate::{
    config::Settings, cursor_key, database::Database, listen, local_key::LocalKey,
    shutdown::Signals, welcome,
};

/// Seconds of clock skew that tokens of an issuer are granted.
const ISSUER_LEEWAY: u64 = 60;

/// Serves until a signal, then drains; a second signal ends it at once, whatever it is doing.
pub(crate) async fn run(settings: &Settings) -> anyhow::Result<()> {
    let signals = Signals::listen()?;
    tokio::select! {
        served = serve(settings, &signals) => served,
        () = signals.reached(2) => bail!("stopped at once by a second signal"),
    }
}

async fn serve(settings: &Settings, signals: &Signals) -> anyhow::Result<()> {
    let database = open_database(settings).await?;
    let store = connect(settings, &database).await?;
    let local_key = match settings.auth.jwks_file {
        None => Some(LocalKey::open(&settings.data_dir)?),
        Some(_) => None,
    };
    let options = api_options(settings, &store, local_key.as_ref())?;
    let listener = listen::bind(&settings.http).await?;
    let address = listener.local_addr()?;
    say(&match &local_key {
        Some(key) => welcome::first_steps(address, &options.environment, key).await?,
        None => welcome::address(address),
    })?;
    tracing::info!(%address, "serving");

    let watch = ClusterWatch::start(&database);
    listen::serve(listener, router(options), &settings.http, async {
        tokio::select! {
            () = signals.reached(1) => {}
            exit = watch.ended() => tracing::error!(%exit, "the embedded PostgreSQL ended"),
        }
    })
    .await;
    let exit = watch.exit_so_far();
    store.close().await;
    database.stop().await?;
    if let Some(exit) = exit {
        bail!("the embedded PostgreSQL ended ({exit}); its log is in the data folder");
    }
    tracing::info!("stopped");
    Ok(())
}

/// Ours is migrated, somebody else's is only looked at.
async fn open_database(settings: &Settings) -> anyhow::Result<Database> {
    let database = Database::open(settings).await?;
    if database.cluster.is_some() {
        database.migrate().await?;
    } else {
        refuse_unmigrated(&database).await?;
    }
    Ok(database)
}

async fn connect(settings: &Settings, database: &Database) -> anyhow::Result<PostgresStore> {
    let store = PostgresStore::connect(&database.connect_options(settings)?)
        .await
        .context("no database")?;
    refuse_undurable(&store).await?;
    Ok(store)
}

fn api_options(
    settings: &Settings,
    store: &PostgresStore,
    local_key: Option<&LocalKey>,
) -> anyhow::Result<ApiOptions> {
    let environment = Environment {
        store: Arc::new(store.clone()),
        clock: Arc::new(SystemClock),
        ids: Arc::new(TimeOrderedIds),
    };
    Ok(ApiOptions {
        environment,
        verifier: Arc::new(verifier(settings, local_key)?),
        max_body_bytes: usize::try_from(settings.http.max_body_bytes)?,
        request_timeout: settings.http.request_timeout(),
        require_if_match: settings.http.require_if_match,
        trusted_proxies: settings.http.trusted_proxies.clone(),
        cursor_key: cursor_key::open(settings, local_key)?,
        limits: settings.limits.limits()?,
    })
}

/// Tells when the embedded server ends, and how; silent where there is none.
struct ClusterWatch(Option<watch::Receiver<Option<String>>>);

impl ClusterWatch {
    fn start(database: &Database) -> Self {
        Self(database.cluster.clone().map(|cluster| {
            let (sender, receiver) = watch::channel(None);
            // A plain thread: it waits as long as the server runs, and nobody waits for it.
            std::thread::spawn(move || {
                sender.send_replace(Some(cluster.wait_for_exit().to_string()));
            });
            receiver
        }))
    }

    async fn ended(&self) -> String {
        if let Some(mut receiver) = self.0.clone()
            && let Ok(exit) = receiver.wait_for(Option::is_some).await
        {
            return exit.clone().unwrap_or_default();
        }
        std::future::pending().await
    }

    fn exit_so_far(&self) -> Option<String> {
        self.0.as_ref()?.borrow().clone()
    }
}

fn verifier(settings: &Settings, local_key: Option<&LocalKey>) -> anyhow::Result<TokenVerifier> {
    let auth = &settings.auth;
    match (local_key, &auth.jwks_file) {
        (Some(key), _) => key.verifier(),
        (None, None) => bail!("neither a local key nor auth.jwks_file"),
        (None, Some(file)) => {
            let json = fs::read(file)
                .with_context(|| format!("the key set {} cannot be read", file.display()))?;
            let keys = KeySet::from_jwks(&json)
                .with_context(|| format!("the key set {}", file.display()))?;
            let (issuer, audience) = (auth.issuer.clone(), auth.audience.clone());
            Ok(TokenVerifier::new(
                keys,
                Expectations {
                    issuer,
                    audience,
                    leeway_seconds: ISSUER_LEEWAY,
                },
            ))
        }
    }
}

async fn refuse_unmigrated(database: &Database) -> anyhow::Result<()> {
    let migrations = migrate::status(&database.service)
        .await
        .context("the database cannot be asked")?;
    let of = |state| {
        migrations
            .iter()
            .filter(|m| m.state == state)
            .map(|m| m.version.to_string())
            .collect::<Vec<_>>()
    };
    let (pending, changed) = (of(MigrationState::Pending), of(MigrationState::Changed));
    if !changed.is_empty() {
        bail!(
            "migrations {} were changed after they were applied; use the release that applied them, and see `flowruns migrate status`",
            changed.join(", ")
        );
    }
    if !pending.is_empty() {
        bail!(
            "migrations {} are pending; run `flowruns migrate up` as the owner of the database",
            pending.join(", ")
        );
    }
    for version in of(MigrationState::Unknown) {
        tracing::warn!(version, "the database is of a newer release");
    }
    Ok(())
}

async fn refuse_undurable(store: &PostgresStore) -> anyhow::Result<()> {
    let durability = store.durability().await?;
    if !durability.synchronous_commit {
        bail!(
            "the database has synchronous_commit = off, so an acknowledged report could be lost; set it to on"
        );
    }
    if !durability.fsync {
        tracing::warn!("the database has fsync = off: a crash of the machine may corrupt it");
    }
    Ok(())
}

fn say(text: &str) -> anyhow::Result<()> {
    use std::io::Write as _;
    let mut out = std::io::stdout().lock();
    out.write_all(text.as_bytes())?;
    Ok(out.flush()?)
}
