//! How far the fleet is, on standard error: a bar on a terminal, a line for each tenant elsewhere.

use std::io::{self, IsTerminal, Write};

use entity::migrate::Watch;
use indicatif::{ProgressBar, ProgressStyle};

use crate::cli::one_line;

const BAR: &str = "{bar:40} {pos} of {len} tenants, {eta} left  {msg}";

pub(super) struct Progress(Option<ProgressBar>);

impl Progress {
    pub(super) fn new() -> Self {
        Self(io::stderr().is_terminal().then(bar))
    }

    /// Leaves the screen as it was.
    pub(super) fn end(&self) {
        if let Some(bar) = &self.0 {
            bar.finish_and_clear();
        }
    }
}

impl Watch for Progress {
    fn tenant_done(&self, done: u64, of: u64, tenant: &str, error: Option<&str>) {
        let outcome = match error {
            Some(error) => format!("FAILED {tenant}: {}", one_line(error)),
            None => format!("migrated {tenant}"),
        };
        match &self.0 {
            Some(bar) => advance(bar, done, of, &outcome, error.is_some()),
            // Whoever does not read this wants the tenants migrated all the same.
            None => drop(writeln!(io::stderr(), "{done} of {of} tenants: {outcome}")),
        }
    }
}

fn bar() -> ProgressBar {
    let style = ProgressStyle::with_template(BAR).expect("the template is a constant");
    ProgressBar::new(0).with_style(style)
}

fn advance(bar: &ProgressBar, done: u64, of: u64, outcome: &str, failed: bool) {
    bar.set_length(of);
    // Tenants that end at once may tell so in another order.
    bar.set_position(done.max(bar.position()));
    if failed {
        bar.println(outcome);
    } else {
        bar.set_message(outcome.to_owned());
    }
}
