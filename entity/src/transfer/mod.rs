//! Everything a tenant has, as a stream of lines, and a tenant made from such a stream: in this installation or another, on
//! this database or another.

mod export;
mod import;
mod line;
mod origin;

pub use export::Export;
pub(crate) use import::undo_import;
pub use import::{Import, ImportOptions};
pub use line::ImportedTenant;
