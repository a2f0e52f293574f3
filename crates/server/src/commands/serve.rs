//! `flowruns serve`

use std::{net::SocketAddr, sync::Arc};

use anyhow::{Context as _, bail};
use flowruns_api::{ApiOptions, Draining, Readiness, auth::TokenVerifier, router};
use flowruns_domain::{Environment, SystemClock, TimeOrderedIds};
use flowruns_persistence::{
    PostgresStore,
    migrate::{self, MigrationState},
};

use tokio::sync::watch;

use crate::{
    admin::AdminPort,
    config::{Settings, Tls},
    cursor_key, data_folder,
    database::Database,
    issuers,
    listen::{self, Certificates},
    local_key::LocalKey,
    metrics::Scrape,
    shutdown::Signals,
    telemetry, welcome,
};

/// Serves until a signal, then drains; a second signal ends it at once, whatever it is doing.
pub(crate) async fn run(settings: &Settings) -> anyhow::Result<()> {
    let signals = Signals::listen()?;
    tokio::select! {
        served = serve(settings, &signals) => served,
        () = signals.reached(2) => bail!("stopped at once by a second signal"),
    }
}

async fn serve(settings: &Settings, signals: &Signals) -> anyhow::Result<()> {
    // Before everything that counts.
    let admin = AdminPort::open(&settings.admin).await?;
    let certificates = certificates(&settings.tls).await?;
    let database = open_database(settings).await?;
    data_folder::warn_if_open(&settings.data_dir, database.cluster.is_some());
    let store = connect(settings, &database).await?;
    let local_key = match settings.auth.has_issuer() {
        false => Some(LocalKey::open(&settings.data_dir)?),
        true => None,
    };
    let draining = Draining::default();
    let options = api_options(settings, &store, &draining, local_key.as_ref()).await?;
    let admin = admin.map(|port| {
        let readiness = options.readiness.clone();
        port.serve(Scrape::new(store.clone(), readiness, &settings.database))
    });
    let listener = listen::bind(&settings.http)?;
    let address = listener.local_addr()?;
    welcome(
        address,
        certificates.is_some(),
        &options.environment,
        local_key.as_ref(),
    )
    .await?;

    let watch = ClusterWatch::start(&database);
    let stop = stop(settings, signals, &watch, &draining);
    listen::serve(
        listener,
        router(options),
        &settings.http,
        certificates,
        stop,
    )
    .await;
    let exit = watch.exit_so_far();
    store.close().await;
    database.stop().await?;
    if let Some(admin) = admin {
        admin.abort();
    }
    if let Some(exit) = exit {
        bail!("the embedded PostgreSQL ended ({exit}); its log is in the data folder");
    }
    tracing::info!("stopped");
    Ok(())
}

/// Waits until the server is to end, and says so to those who ask whether it is ready.
async fn stop(settings: &Settings, signals: &Signals, watch: &ClusterWatch, draining: &Draining) {
    tokio::select! {
        () = signals.reached(1) => {
            draining.begin();
            tokio::time::sleep(settings.http.drain_delay()).await;
        }
        exit = watch.ended() => tracing::error!(%exit, "the embedded PostgreSQL ended"),
    }
    draining.begin();
}

async fn certificates(tls: &Tls) -> anyhow::Result<Option<Certificates>> {
    match tls.files()? {
        Some(files) => Ok(Some(Certificates::load(files, tls.check_interval()).await?)),
        None => Ok(None),
    }
}

/// Ours is migrated, somebody else's is only looked at.
async fn open_database(settings: &Settings) -> anyhow::Result<Database> {
    let database = Database::open(&settings.storage()).await?;
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

async fn api_options(
    settings: &Settings,
    store: &PostgresStore,
    draining: &Draining,
    local_key: Option<&LocalKey>,
) -> anyhow::Result<ApiOptions> {
    let environment = Environment {
        store: Arc::new(store.clone()),
        clock: Arc::new(SystemClock),
        ids: Arc::new(TimeOrderedIds),
    };
    let readiness = Readiness::new(Arc::clone(&environment.store), draining.clone());
    let verifier = Arc::new(verifier(settings, local_key).await?);
    let cursor_key = cursor_key::open(settings, local_key)?;
    let mut options = ApiOptions::new(environment, verifier, cursor_key);
    options.readiness = readiness;
    options.tracer = telemetry::tracer();
    options.max_body_bytes = usize::try_from(settings.http.max_body_bytes)?;
    options.head_limits = settings.http.head_limits();
    options.request_timeout = settings.http.request_timeout();
    options.body_timeout = settings.http.body_timeout();
    options.require_if_match = settings.http.require_if_match;
    options
        .trusted_proxies
        .clone_from(&settings.http.trusted_proxies);
    options.cors_origins.clone_from(&settings.http.cors_origins);
    options.limits = settings.limits.limits(settings.http.minimum_rate())?;
    Ok(options)
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

async fn verifier(
    settings: &Settings,
    local_key: Option<&LocalKey>,
) -> anyhow::Result<TokenVerifier> {
    match local_key {
        Some(key) => key.verifier(),
        None => issuers::verifier(&settings.auth).await,
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
    if !durability.is_synchronous() {
        bail!(
            "the database has synchronous_commit = {}, so an acknowledged report could be lost; set it to on or remote_apply",
            durability.synchronous_commit
        );
    }
    if !durability.fsync {
        tracing::warn!("the database has fsync = off: a crash of the machine may corrupt it");
    }
    Ok(())
}

async fn welcome(
    address: SocketAddr,
    over_tls: bool,
    environment: &Environment,
    local_key: Option<&LocalKey>,
) -> anyhow::Result<()> {
    use std::io::{IsTerminal as _, Write as _};
    let is_terminal = std::io::stdout().is_terminal();
    let scheme = if over_tls { "https" } else { "http" };
    let url = format!("{scheme}://{address}");
    let text = match local_key {
        Some(key) => welcome::first_steps(&url, environment, key, is_terminal).await?,
        None => welcome::address(&url),
    };
    let mut out = std::io::stdout().lock();
    out.write_all(text.as_bytes())?;
    out.flush()?;
    tracing::info!(%address, "serving");
    Ok(())
}
