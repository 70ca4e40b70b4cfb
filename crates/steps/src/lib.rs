//! The built-in promotion steps: one file each, one table.
