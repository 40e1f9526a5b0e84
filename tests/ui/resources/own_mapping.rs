//! Ties a type of one's own to a table, with no tenant column, by a trait of the data crate.
//!
//! Must fail: the modules of the traits that do it are private.

pub fn mapping<R>() -> Box<dyn Fn(&R) -> u8> {
    use entity::resource::Mapped;
    unreachable!()
}

pub fn ownership<R>() -> Box<dyn Fn(&R) -> u8> {
    use entity::resource::Owned;
    unreachable!()
}
