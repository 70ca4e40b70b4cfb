//! The expression language and the templates around it: parse, evaluate, host functions injected as a table.
