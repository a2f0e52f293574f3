//! `flowruns serve`

use std::{net::SocketAddr, sync::Arc};

use anyhow::{Context as _, bail};
use axum::Router;
use flowruns_api::{ApiOptions, router};
use flowruns_domain::{
    clock::{SystemClock, TimeOrderedIds},
    service::Environment,
    store::unsuitable_encoding,
};
use flowruns_http::{Admission, Draining, Readiness, auth::TokenVerifier};
use flowruns_persistence::{PostgresStore, SchemaFinding, SchemaStatus};

use tokio::{net::TcpListener, sync::watch};

use crate::{
    admin::AdminPort,
    config::{HttpSettings, Settings, TlsSettings},
    dashboard, data_folder,
    database::Database,
    issuers,
    local_key::LocalKey,
    metrics::Scrape,
    shared_secret::SharedSecret,
    shutdown::Signals,
    startup_message,
    tasks::{
        BackgroundTasks, CertificateRenewal, KeyPurge, MetricsUpkeep, PeriodicTask as _,
        SchemaMeasurement,
    },
    telemetry,
};

/// The path of the pages for people.
const PAGES: &str = "/ui";

/// Serves until a signal, then drains; a second signal ends the server at once.
pub(crate) async fn run(settings: &Settings) -> anyhow::Result<()> {
    let signals = Signals::listen()?;
    tokio::select! {
        served = serve(settings, &signals) => served,
        () = signals.reached(2) => bail!("stopped at once by a second signal"),
    }
}

async fn serve(settings: &Settings, signals: &Signals) -> anyhow::Result<()> {
    // First, since it starts the recording of metrics.
    let admin = AdminPort::open(&settings.admin).await?;
    let renewal = certificate_renewal(&settings.tls).await?;
    let certificates = renewal.as_ref().map(CertificateRenewal::certificates);
    let database = open_database(settings).await?;
    data_folder::warn_if_open(&settings.data_dir, database.cluster.is_some());
    let store = connect(settings, &database).await?;
    let local_key = match settings.auth.has_issuer() {
        false => Some(LocalKey::open(&settings.data_dir)?),
        true => None,
    };
    let draining = Draining::default();
    let secret = SharedSecret::open(settings, local_key.as_ref())?;
    let options = api_options(settings, &store, &draining, local_key.as_ref(), &secret).await?;
    let pages = pages(settings, &options, &secret, &draining)?;
    let tasks = start_tasks(&store, &options.environment, admin.as_ref(), renewal).await;
    let admin = admin.map(|port| {
        let readiness = options.readiness.clone();
        port.serve(Scrape::new(store.clone(), readiness, &settings.database))
    });
    let listener = bind(&settings.http)?;
    let address = listener.local_addr()?;
    let over_tls = certificates.is_some();
    announce(settings, address, over_tls, &options.environment, local_key.as_ref()).await?;

    let watch = ClusterWatch::start(&database);
    let stop = stop(settings, signals, &watch, &draining);
    let listen_options = settings.http.listen_options();
    let routes = pages.merge(router(options));
    flowruns_listener::serve(listener, routes, &listen_options, certificates, stop).await?;
    let exit = watch.exit_so_far();
    tasks.stop().await;
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

/// Waits until the server must end, and makes it not ready.
async fn stop(settings: &Settings, signals: &Signals, watch: &ClusterWatch, draining: &Draining) {
    tokio::select! {
        () = signals.reached(1) => {
            draining.begin();
            tokio::time::sleep(settings.http.drain_delay_ms.duration()).await;
        }
        exit = watch.ended() => tracing::error!(%exit, "the embedded PostgreSQL ended"),
    }
    draining.begin();
}

fn bind(http: &HttpSettings) -> anyhow::Result<TcpListener> {
    flowruns_listener::bind(http.listen).with_context(|| {
        format!("cannot listen on {}; does another server use it? Set FLOWRUNS_HTTP__LISTEN to another address", http.listen)
    })
}

async fn certificate_renewal(tls: &TlsSettings) -> anyhow::Result<Option<CertificateRenewal>> {
    let Some(files) = tls.files()? else {
        return Ok(None);
    };
    let interval = tls.check_interval_ms.duration();
    CertificateRenewal::load(files, interval).await.map(Some)
}

async fn start_tasks(
    store: &PostgresStore,
    environment: &Environment,
    admin: Option<&AdminPort>,
    renewal: Option<CertificateRenewal>,
) -> BackgroundTasks {
    let mut tasks = BackgroundTasks::new();
    tasks.start(KeyPurge::new(store.clone(), Arc::clone(&environment.clock)));
    if let Some(renewal) = renewal {
        tasks.start(renewal);
    }
    if let Some(admin) = admin {
        tasks.start(MetricsUpkeep(admin.recorder().clone()));
        let mut measurement = SchemaMeasurement(store.clone());
        // Now, so that the first scrape finds the result. The task reports a failure.
        let _measured = measurement.run().await;
        tasks.start(measurement);
    }
    tasks
}

/// The embedded database is migrated here; any other one is only checked.
async fn open_database(settings: &Settings) -> anyhow::Result<Database> {
    let database = Database::open(&settings.storage()).await?;
    if database.cluster.is_some() {
        database.migrate().await?;
    } else {
        reject_unmigrated(&database).await?;
    }
    Ok(database)
}

async fn connect(settings: &Settings, database: &Database) -> anyhow::Result<PostgresStore> {
    let store = PostgresStore::connect(&database.connect_options(settings)?)
        .await
        .context("cannot connect to the database")?;
    reject_undurable(&store).await?;
    Ok(store)
}

async fn api_options(
    settings: &Settings,
    store: &PostgresStore,
    draining: &Draining,
    local_key: Option<&LocalKey>,
    secret: &SharedSecret,
) -> anyhow::Result<ApiOptions> {
    let environment = Environment {
        store: Arc::new(store.clone()),
        clock: Arc::new(SystemClock),
        ids: Arc::new(TimeOrderedIds),
    };
    let readiness = Readiness::new(Arc::clone(&environment.store), draining.clone());
    let verifier = Arc::new(verifier(settings, local_key).await?);
    let mut options = ApiOptions::new(environment, verifier, secret.cursor_key());
    options.readiness = readiness;
    options.tracer = telemetry::tracer();
    options.max_body_bytes = usize::try_from(settings.http.max_body_bytes)?;
    options.head_limits = settings.http.head_limits();
    options.request_timeout = settings.http.request_timeout_ms.duration();
    options.body_timeout = settings.http.body_timeout_ms.duration();
    options.require_if_match = settings.http.require_if_match;
    options.trusted_proxies.clone_from(&settings.http.trusted_proxies);
    options.cors_origins.clone_from(&settings.http.cors_origins);
    options.limits = settings.limits.limits(settings.http.minimum_rate())?;
    options.admission = Some(Arc::new(Admission::new(options.limits.clone())));
    options.pages = settings.dashboard.enabled.then_some(PAGES);
    Ok(options)
}

/// The routes of the dashboard, without any if it is not enabled.
fn pages(
    settings: &Settings,
    api: &ApiOptions,
    secret: &SharedSecret,
    draining: &Draining,
) -> anyhow::Result<Router> {
    match (settings.dashboard.enabled, api.admission.clone()) {
        (true, Some(admission)) => {
            dashboard::router(settings, api, admission, secret, draining.clone())
        }
        (_, _) => Ok(Router::new()),
    }
}

/// Reports when and how the embedded PostgreSQL ended; without an embedded PostgreSQL it reports nothing.
struct ClusterWatch(Option<watch::Receiver<Option<String>>>);

impl ClusterWatch {
    fn start(database: &Database) -> Self {
        Self(database.cluster.clone().map(|cluster| {
            let (sender, receiver) = watch::channel(None);
            // A thread of its own: it blocks for as long as the server runs, and a blocking task would delay the shutdown.
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

async fn reject_unmigrated(database: &Database) -> anyhow::Result<()> {
    let status = SchemaStatus::read(&database.service)
        .await
        .context("the state of the migrations cannot be read")?;
    for finding in status.findings() {
        match finding {
            SchemaFinding::Encoding(encoding) => bail!(unsuitable_encoding(&encoding)),
            SchemaFinding::Changed(versions) => bail!(
                "migrations {} were changed after they were applied; use the release that applied them, and see `flowruns migrate status`",
                listed(&versions)
            ),
            SchemaFinding::Pending(versions) => bail!(
                "migrations {} are pending; run `flowruns migrate up` as the owner of the database",
                listed(&versions)
            ),
            SchemaFinding::Newer(versions) => {
                for version in versions {
                    tracing::warn!(version, "the database was migrated by a newer release");
                }
            }
            // The server starts, and is not ready until the database accepts writes.
            SchemaFinding::ReadOnly => {}
        }
    }
    Ok(())
}

fn listed(versions: &[i64]) -> String {
    let versions: Vec<_> = versions.iter().map(ToString::to_string).collect();
    versions.join(", ")
}

async fn reject_undurable(store: &PostgresStore) -> anyhow::Result<()> {
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

async fn announce(
    settings: &Settings,
    address: SocketAddr,
    over_tls: bool,
    environment: &Environment,
    local_key: Option<&LocalKey>,
) -> anyhow::Result<()> {
    use std::io::{IsTerminal as _, Write as _};
    let is_terminal = std::io::stdout().is_terminal();
    let scheme = if over_tls { "https" } else { "http" };
    let url = format!("{scheme}://{address}");
    let mut text = match local_key {
        Some(key) => startup_message::first_steps(&url, environment, key, is_terminal).await?,
        None => startup_message::address(&url),
    };
    if let (Some(key), true, true) = (local_key, is_terminal, settings.dashboard.enabled) {
        text.push_str(&startup_message::dashboard_link(&url, key)?);
    }
    let mut out = std::io::stdout().lock();
    out.write_all(text.as_bytes())?;
    out.flush()?;
    tracing::info!(%address, "serving");
    Ok(())
}
