//! Where log lines go, and how they look.

use std::io::{self, IsTerminal};

use tracing_subscriber::{EnvFilter, fmt};

use crate::config::{LogConfig, LogFormat};

/// Starts logging to standard error. Once a process.
pub(super) fn start(config: &LogConfig) {
    let lines = fmt().with_env_filter(EnvFilter::builder().parse_lossy(&config.filter)).with_writer(io::stderr);
    match config.format {
        LogFormat::Pretty => lines.with_ansi(io::stderr().is_terminal()).init(),
        LogFormat::Json => lines.json().flatten_event(true).with_span_list(false).init(),
    }
}
