//! Resource types of the promotion model: kinds, phases, conditions, labels, Freight identity, CRD YAML.
