//! Stand-in until the documents land.
