//! Checks of the house and generation of test data.

fn main() {}
