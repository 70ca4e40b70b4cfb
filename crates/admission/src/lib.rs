//! Defaulting and validation of every kind; what it must look up comes back as a need.
