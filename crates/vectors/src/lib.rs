//! Replay of recorded answers of the real programs: reads the folder, runs each case, compares, reports.
