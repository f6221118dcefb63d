//! The command line's entrance: parse, dispatch, and turn what happened into an exit code.

#![cfg_attr(not(test), warn(clippy::disallowed_methods))]

use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    match insights::cli::run() {
        Ok(code) => ExitCode::from(code),
        Err(error) => ExitCode::from(insights::cli::explain(&error)),
    }
}
