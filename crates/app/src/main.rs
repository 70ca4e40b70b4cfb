//! The one binary `ferry`.

fn main() {}
