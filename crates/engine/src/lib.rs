//! Runs Promotions: the step trait, the work directory, context, credentials, the ledger; obeys the planner.
