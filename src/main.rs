//! The command `tenantry`.

use std::process::ExitCode;

use mimalloc::MiMalloc;

/// A request makes and drops some hundreds of small values, on whichever thread.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

fn main() -> ExitCode {
    tenantry::cli::main()
}
