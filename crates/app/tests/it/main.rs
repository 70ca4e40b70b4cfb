//! Whole-system stories: commits become Freight, Promotions push, Applications follow; and what goes wrong on the way.
#![expect(clippy::unwrap_used, reason = "tests")]

mod backup;
mod bad_input;
mod branch;
mod cluster;
mod commands;
mod crash;
mod documentation;
mod explained;
mod health;
mod interventions;
mod journey;
mod kills;
mod kubectl;
mod objects;
mod process;
mod recorded;
mod scale;
mod start;
mod world;
