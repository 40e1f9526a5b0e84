//! Reads private fields by their place in memory.
//!
//! Must fail: unsafe code is forbidden in the whole workspace.

use entity::{Database, TenantAccess};

pub fn transmuted(access: TenantAccess) -> [usize; 4] {
    unsafe { std::mem::transmute(access) }
}

pub fn pointed_at(database: &Database) -> usize {
    let first = std::ptr::from_ref(database).cast::<usize>();
    unsafe { *first }
}

pub fn linked() {
    unsafe extern "C" {
        fn sqlite3_open(path: *const std::ffi::c_char, database: *mut usize) -> i32;
    }
}
