//! Which tenant a request is for, and whether it may be for that one.

mod hosts;
mod oracle;
mod order;
mod resolvers;
mod table;
mod tokens;
