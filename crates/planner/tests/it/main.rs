//! The product's rules from outside: recorded answers, stories, and properties over generated situations.
#![expect(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod build;
mod driver;
mod failures;
mod promotion_properties;
mod recorded;
mod stage_properties;
mod vectors_auto_promotion;
mod vectors_expr_functions;
mod vectors_freight_availability;
mod vectors_orchestrator;
mod vectors_selection;
mod vectors_stage_health;
mod warehouse_looks;
mod world;
