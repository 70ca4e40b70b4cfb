//! A thin shell per kind: observe, let the planner decide, act.
