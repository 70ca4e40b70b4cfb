//! SQLite object store: revisions, compare-and-swap, selectors, watch log.
