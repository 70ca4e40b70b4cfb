//! A world for tests: a real API server in memory, a Git server, faulty peers.
