//! Git: a mirror per repository and credential, working trees, commits, pushes that swap the expected head.
