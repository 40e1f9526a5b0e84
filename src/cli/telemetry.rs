//! Where log lines go, and how they look; where traces go, if anywhere.

use std::io::{self, IsTerminal};

use opentelemetry::global;
use opentelemetry::trace::TracerProvider;
use opentelemetry_otlp::{SpanExporter, WithExportConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sdk::trace::SdkTracerProvider;
use tracing::Subscriber;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer, fmt};

use super::Failure;
use crate::config::{LogConfig, LogFormat, TraceConfig};

/// The target of spans that are made for traces. They are of the level TRACE, so that logging alone does not make them.
const SPANS: &str = "tenantry::span";

/// What sends traces while the process runs.
pub(super) struct Telemetry(Option<SdkTracerProvider>);

/// Starts logging to standard error and, if there is a collector, tracing. Once a process.
pub(super) fn start(log: &LogConfig, traces: &TraceConfig) -> Result<Telemetry, Failure> {
    let provider = traces.endpoint.as_deref().map(|endpoint| provider(endpoint, &traces.service)).transpose()?;
    let spans = provider.as_ref().map(|provider| {
        let layer = tracing_opentelemetry::layer().with_tracer(provider.tracer("tenantry"));
        layer.with_filter(Targets::new().with_target(SPANS, LevelFilter::TRACE))
    });
    tracing_subscriber::registry().with(lines(log)).with(spans).init();
    Ok(Telemetry(provider))
}

impl Telemetry {
    /// Sends what has not been sent.
    pub(super) async fn end(self) {
        let Some(provider) = self.0 else { return };
        // Waits for the collector, at most 5 s, and must not keep others waiting.
        let ended = tokio::task::spawn_blocking(move || provider.shutdown()).await;
        if let Ok(Err(error)) = ended {
            tracing::warn!(%error, "the last traces were not sent");
        }
    }
}

fn lines<S>(config: &LogConfig) -> Box<dyn Layer<S> + Send + Sync>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    let filter = EnvFilter::builder().parse_lossy(&config.filter);
    let lines = fmt::layer().with_writer(io::stderr);
    match config.format {
        LogFormat::Pretty => lines.with_ansi(io::stderr().is_terminal()).with_filter(filter).boxed(),
        LogFormat::Json => lines.json().flatten_event(true).with_span_list(false).with_filter(filter).boxed(),
    }
}

/// Sends spans by OTLP over HTTP, in batches, from a thread of its own. What else there is to set, such as the share of requests
/// that is traced (`OTEL_TRACES_SAMPLER`), it reads from the environment by itself.
fn provider(endpoint: &str, service: &str) -> Result<SdkTracerProvider, Failure> {
    global::set_text_map_propagator(TraceContextPropagator::new());
    let exporter = SpanExporter::builder().with_http().with_endpoint(format!("{endpoint}/v1/traces")).build()?;
    let resource = Resource::builder().with_service_name(service.to_owned()).build();
    Ok(SdkTracerProvider::builder().with_resource(resource).with_batch_exporter(exporter).build())
}
