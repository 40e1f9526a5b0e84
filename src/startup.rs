//! The application, built once for `main`, for the demo and for tests.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use actix_web::dev::Server;
use actix_web::middleware::{Compress, Condition, from_fn};
use actix_web::{App, HttpServer, web};
use entity::{Database, Gatekeeper};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::Notify;
use tokio::time::{Instant, timeout_at};

use crate::auth::keys::{KeyError, Keys};
use crate::auth::{Authenticator, audit_refusals};
use crate::config::{Config, Resolver};
use crate::health::{Metrics, track};
use crate::http::middleware::{deadline, edge};
use crate::http::{Limits, RouteTable, cors, fallback};
use crate::limits::Limiter;
use crate::tenancy::path::strip_tenant;
use crate::usage::Meter;
use crate::{openapi, routes};

/// How long an idle connection is kept: longer than the minute after which load balancers give one up, so that it is never
/// this side that closes one as a request comes in on it.
const KEEP_ALIVE: Duration = Duration::from_secs(75);

/// How often a worker that is to stop looks whether its time is over, and a moment more.
const WORKERS_LOOK: Duration = Duration::from_millis(1_500);

/// Why the application did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The keys are unusable.
    #[error(transparent)]
    Keys(#[from] KeyError),
    /// The address cannot be listened on.
    #[error("BIND_ADDR={address} cannot be listened on: {source}")]
    Bind {
        /// What was asked for.
        address: SocketAddr,
        /// What the system says.
        source: io::Error,
    },
    /// There can be no connections to Redis.
    #[error(transparent)]
    Redis(#[from] entity::redis::PoolError),
    /// The counters cannot be made.
    #[error("metrics cannot be kept: {0}")]
    Metrics(#[from] prometheus::Error),
}

/// The server, listening.
pub struct Application {
    server: Server,
    stop: Arc<Notify>,
    grace: Duration,
    meter: web::Data<Meter>,
    address: SocketAddr,
    database: Database,
}

impl Application {
    /// Builds the application over an open database and starts to listen. Requests are answered once it runs.
    pub async fn build(config: Config, database: Database, gatekeeper: Gatekeeper) -> Result<Self, StartError> {
        let keys = Keys::load(&config.auth)?;
        let redis = config.database.redis().map(entity::Redis::pool).transpose()?;
        let limiter = Limiter::new(config.limits, redis);
        let proxies = config.auth.trusted_proxies.clone();
        let authenticator =
            Authenticator::new(keys, gatekeeper, database.clone(), config.tenancy.clone(), proxies, limiter);
        let address = config.server.bind_addr;
        let listener = TcpListener::bind(address).map_err(|source| StartError::Bind { address, source })?;
        let address = listener.local_addr().map_err(|source| StartError::Bind { address, source })?;
        actix_web::rt::spawn(database.clone().take_care());
        database.tend_cache();
        let metrics = Metrics::new(config.usage.metrics_tenants)?;
        let meter = Arc::new(Meter::new(database.clone(), metrics.busiest().clone(), config.usage));
        actix_web::rt::spawn(Arc::clone(&meter).run());
        let meter = web::Data::from(meter);
        let grace = config.server.shutdown_grace;
        let server = serve(listener, &config, authenticator, database.clone(), metrics, meter.clone());
        let server = server.map_err(|source| StartError::Bind { address, source })?;
        Ok(Self { server, stop: Arc::default(), grace, meter, address, database })
    }

    /// Where it listens; the real port, also when a free one was asked for.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Stops it from elsewhere, as SIGTERM does.
    pub fn handle(&self) -> StopHandle {
        StopHandle(Arc::clone(&self.stop))
    }

    /// Answers requests until SIGTERM or Ctrl-C, then finishes those it has taken.
    pub async fn run(self) -> io::Result<()> {
        // Before anybody is told that it runs: a signal that comes early must not find the default, which kills.
        let signal = StopSignal::awaited()?;
        tracing::info!(address = %self.address, "listening");
        let mut server = self.server;
        tokio::select! {
            stopped = &mut server => stopped?,
            () = signal.received() => stop(server, &self.database, self.grace).await?,
            () = self.stop.notified() => stop(server, &self.database, self.grace).await?,
        }
        if let Err(error) = self.meter.flush().await {
            tracing::warn!(%error, "what tenants used in the last seconds could not be written down");
        }
        self.database.leave_cache().await;
        tracing::info!("stopped");
        Ok(())
    }
}

/// Finishes the requests that were taken, for at most the grace.
async fn stop(server: Server, database: &Database, grace: Duration) -> io::Result<()> {
    tracing::info!("stopping: finishing the requests that were taken");
    let (until, handle) = (Instant::now() + grace, server.handle());
    // Workers end as soon as each has nothing to do, and another may hold what they drive for as long as a request takes.
    let _ = timeout_at(until, database.come_home()).await;
    let stopping = async { tokio::join!(handle.stop(true), server).1 };
    // What is not finished by then ends with the server.
    timeout_at(until + WORKERS_LOOK, stopping).await.unwrap_or(Ok(()))
}

/// Stops an application from elsewhere.
pub struct StopHandle(Arc<Notify>);

impl StopHandle {
    /// Begins to stop it.
    pub fn stop(&self) {
        self.0.notify_one();
    }
}

/// SIGTERM or Ctrl-C. The server's own handling would end requests at Ctrl-C.
struct StopSignal {
    terminated: Signal,
    interrupted: Signal,
}

impl StopSignal {
    fn awaited() -> io::Result<Self> {
        Ok(Self { terminated: signal(SignalKind::terminate())?, interrupted: signal(SignalKind::interrupt())? })
    }

    async fn received(mut self) {
        tokio::select! {
            _ = self.terminated.recv() => {}
            _ = self.interrupted.recv() => {}
        }
    }
}

fn serve(
    listener: TcpListener,
    config: &Config,
    authenticator: Authenticator,
    database: Database,
    metrics: Metrics,
    meter: web::Data<Meter>,
) -> io::Result<Server> {
    let metrics = web::Data::new(metrics);
    let authenticator = web::Data::new(authenticator);
    let database = web::Data::new(database);
    let route_table = web::Data::new(RouteTable::new(&openapi::document()));
    let limits = web::Data::new(Limits {
        body: config.server.body_limit,
        time: config.server.request_timeout,
        streamed: Some(routes::STREAMED),
    });
    let tenancy = web::Data::new(config.tenancy.clone());
    let origins = config.server.cors_origins.clone();
    let path_names_tenant = config.tenancy.resolvers.contains(Resolver::Path);
    // The server counts whole seconds.
    let grace = config.server.shutdown_grace.as_millis().div_ceil(1000) as u64;
    let server = HttpServer::new(move || {
        database.drive_here();
        App::new()
            .app_data(metrics.clone())
            .app_data(meter.clone())
            .app_data(authenticator.clone())
            .app_data(database.clone())
            .app_data(route_table.clone())
            .app_data(limits.clone())
            .app_data(tenancy.clone())
            .configure(routes::mount)
            .default_service(web::to(fallback))
            // The last is the outermost.
            .wrap(from_fn(deadline))
            .wrap(from_fn(audit_refusals))
            .wrap(from_fn(track))
            .wrap(Condition::new(path_names_tenant, from_fn(strip_tenant)))
            .wrap(Compress::default())
            .wrap(Condition::new(!origins.is_empty(), cors(&origins)))
            .wrap(from_fn(edge))
    });
    let server = server.keep_alive(KEEP_ALIVE).disable_signals().shutdown_timeout(grace).listen(listener)?;
    Ok(server.run())
}
