//! The command `tenantry`.

use std::process::ExitCode;

fn main() -> ExitCode {
    tenantry::cli::main()
}
