//! How far long work is, on standard error: a bar on a terminal, plain lines elsewhere.

use std::io::{self, IsTerminal, Write};

use indicatif::{ProgressBar, ProgressStyle};

/// Shows how far one piece of long work is.
pub(super) struct Meter(Option<ProgressBar>);

impl Meter {
    /// A meter of so many things of which it is not known yet how many there are.
    pub(super) fn new(things: &str) -> Self {
        Self(io::stderr().is_terminal().then(|| bar(things)))
    }

    /// So many are done of about so many.
    pub(super) fn at(&self, done: u64, of: u64) {
        if let Some(bar) = &self.0 {
            bar.set_length(of.max(done));
            bar.set_position(done);
        }
    }

    /// Says what is being done.
    pub(super) fn says(&self, what: &str) {
        match &self.0 {
            Some(bar) => bar.set_message(what.to_owned()),
            // Whoever does not read this wants the work done all the same.
            None => drop(writeln!(io::stderr(), "{what}")),
        }
    }

    /// Leaves the screen as it was.
    pub(super) fn end(&self) {
        if let Some(bar) = &self.0 {
            bar.finish_and_clear();
        }
    }
}

fn bar(things: &str) -> ProgressBar {
    let template = format!("{{bar:40}} {{pos}} of {{len}} {things}  {{msg}}");
    let style = ProgressStyle::with_template(&template).expect("the template is made of constants");
    ProgressBar::new(0).with_style(style)
}
