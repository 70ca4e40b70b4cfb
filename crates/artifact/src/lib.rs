//! What the other crates name things by: repository URLs and their normal forms, versions, name and path patterns.
