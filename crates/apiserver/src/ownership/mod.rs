//! Who owns which field of an object: `managedFields`, kept by every write, and server-side apply, which rests on it.
//!
//! A [`set::Set`] of paths stands for the fields of one manager. [`update`] judges a write by what it changed,
//! [`apply`] by what the applied configuration says; both end in the same book-keeping ([`managed::Managed`]).

mod apply;
mod compare;
mod configuration;
mod element;
mod last_applied;
mod managed;
mod merge;
mod remove;
mod set;
mod shape;
mod update;

#[cfg(test)]
mod laws;

pub(crate) use apply::{Applied, Conflict, Refusal, apply};
pub(crate) use last_applied::{conflicts_to_overrule, renew};
pub(crate) use managed::Managed;
pub(crate) use shape::Shape;
pub(crate) use update::{Book, Scope, create, update};
