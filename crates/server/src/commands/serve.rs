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

use crate::{
    config::Settings, database::Database, listen, local_key::LocalKey, shutdown::Signals, welcome,
};

/// Seconds of clock skew that tokens of an issuer are granted.
const ISSUER_LEEWAY: u64 = 60;

/// Serves until a signal, then drains.
pub(crate) async fn run(settings: Settings) -> anyhow::Result<()> {
    let mut signals = Signals::listen()?;
    let database = Database::open(&settings).await?;
    if database.cluster.is_some() {
        database.migrate().await?;
    } else {
        refuse_unmigrated(&database).await?;
    }
    let store = PostgresStore::connect(&database.connect_options(&settings)?)
        .await
        .context("no database")?;
    refuse_undurable(&store).await?;
    let local_key = match settings.auth.jwks_file {
        None => Some(LocalKey::open(&settings.data_dir)?),
        Some(_) => None,
    };
    let environment = Environment {
        store: Arc::new(store.clone()),
        clock: Arc::new(SystemClock),
        ids: Arc::new(TimeOrderedIds),
    };
    let routes = router(ApiOptions {
        environment: environment.clone(),
        verifier: Arc::new(verifier(&settings, local_key.as_ref())?),
        max_body_bytes: usize::try_from(settings.http.max_body_bytes)?,
        request_timeout: settings.http.request_timeout(),
        require_if_match: settings.http.require_if_match,
    });
    let listener = listen::bind(&settings.http).await?;
    let address = listener.local_addr()?;
    say(&match &local_key {
        Some(key) => welcome::first_steps(address, &environment, key).await?,
        None => welcome::address(address),
    })?;
    tracing::info!(%address, "serving");

    let stop = Stop::new(&database);
    let database_died = stop.database_died();
    let serving = listen::serve(listener, routes, &settings.http, async {
        tokio::select! {
            () = signals.next() => {}
            () = database_died => {}
        }
    });
    let mut second = Signals::listen()?;
    tokio::select! {
        () = serving => {}
        () = async { second.next().await; second.next().await } => bail!("stopped at once by a second signal"),
    }
    let died = stop.has_died();
    store.close().await;
    database.stop().await?;
    if died {
        bail!("the embedded PostgreSQL ended; its log is in the data folder");
    }
    tracing::info!("stopped");
    Ok(())
}

/// Watches the embedded server.
struct Stop(tokio::sync::watch::Receiver<bool>);

impl Stop {
    fn new(database: &Database) -> Self {
        let (sender, receiver) = tokio::sync::watch::channel(false);
        let cluster = database.cluster.clone();
        // A plain thread: it waits as long as the server runs, and nobody waits for it.
        std::thread::spawn(move || {
            if let Some(cluster) = cluster {
                let exit = cluster.wait_for_exit();
                tracing::info!(%exit, "the embedded PostgreSQL ended");
                sender.send_replace(true);
            } else {
                // Without a server of ours the channel stays open and silent.
                std::mem::forget(sender);
            }
        });
        Self(receiver)
    }

    fn database_died(&self) -> impl Future<Output = ()> + use<> {
        let mut receiver = self.0.clone();
        async move {
            if receiver.wait_for(|died| *died).await.is_err() {
                std::future::pending::<()>().await;
            }
        }
    }

    fn has_died(&self) -> bool {
        *self.0.borrow()
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
