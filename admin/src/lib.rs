//! What the admin ports of controller and proxy have in common: how many connections they keep, and of whom. What they tell is
//! each one's own.

mod open;

pub use open::Open;
