//! What the compiler cannot be asked: who depends on what, and what is written where.
//!
//! `tests/ui/` proves what types keep from a handler. It rests on the facts checked here: that a handler cannot name a
//! database crate, that the makers of proofs stay with those who start the program, and that nothing is remembered
//! from one request to the next.

#[path = "../support/cargo.rs"]
mod cargo;
mod dependencies;
mod source;
mod sources;
