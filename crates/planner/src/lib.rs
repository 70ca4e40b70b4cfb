//! Every product rule: a decision per kind, and the machine that moves a Promotion through its steps.
