//! The table: which crate may see which, which are pure, how long a file may be, which words have no place.
//! ARCHITECTURE.md says why.

/// A crate of ours: directory under `crates/`, purity, and the directories of the crates it may depend on.
pub struct Layer {
    pub name: &'static str,
    pub pure: bool,
    pub sees: &'static [&'static str],
}

const fn pure(name: &'static str, sees: &'static [&'static str]) -> Layer {
    Layer { name, pure: true, sees }
}
const fn layer(name: &'static str, sees: &'static [&'static str]) -> Layer {
    Layer { name, pure: false, sees }
}

/// The arrows. What stands in [`EVERYBODY_SEES`] is left out.
pub const LAYERS: &[Layer] = &[
    pure("api", &[]),
    pure("artifact", &[]),
    pure("expr", &[]),
    layer("exec", &[]),
    layer("failpoint", &[]),
    layer("fuzz", &[]),
    pure("admission", &["api", "expr", "planner"]),
    pure("planner", &["api", "expr", "argocd"]),
    pure("access", &["api"]),
    layer("git", &["lfs", "net"]),
    layer("lfs", &["net"]),
    layer("forge", &[]),
    layer("net", &[]),
    layer("oci", &["net"]),
    layer("helm", &["exec", "net", "oci"]),
    pure("argocd", &[]),
    layer("store", &[]),
    layer("apiserver", &["store"]),
    layer("engine", &["planner", "expr", "api", "argocd"]),
    layer("steps", &["engine", "api", "exec", "git", "forge", "net", "oci", "helm", "argocd"]),
    layer("controllers", &["planner", "engine", "api", "git", "oci", "helm", "argocd"]),
    layer("rest", &["planner", "access", "api", "expr", "engine"]),
    layer("cli", &["api", "planner"]),
    layer("standin", &["argocd", "git"]),
    layer(
        "app",
        &[
            "api",
            "expr",
            "admission",
            "planner",
            "access",
            "exec",
            "git",
            "forge",
            "net",
            "oci",
            "helm",
            "argocd",
            "store",
            "apiserver",
            "engine",
            "steps",
            "controllers",
            "rest",
            "cli",
            "standin",
        ],
    ),
    layer(
        "bench",
        &["api", "app", "apiserver", "cli", "expr", "git", "planner", "standin", "steps", "store", "testkit"],
    ),
    layer("vectors", &[]),
    layer("testkit", &["api", "store", "apiserver", "git", "oci", "standin"]),
    layer("xtask", &["api", "steps", "rest", "cli"]),
];

/// What things are named by, and where they can be killed: no arrow is needed for it.
pub const EVERYBODY_SEES: &[&str] = &["artifact", "failpoint"];

/// The package and the feature that only a test may ask for.
pub const ARMED: (&str, &str) = ("ferry-failpoint", "armed");

/// Crates that must stay out of sight, also through others: who, whom, and why.
pub const NEVER: &[(&str, &[&str], &str)] = &[
    ("rest", &["store", "apiserver"], "it holds a kube client; a cluster is a matter of configuration"),
    (
        "controllers",
        &["store", "apiserver"],
        "they hold a kube client; a cluster is a matter of configuration",
    ),
    ("controllers", &["steps"], "app passes the table of steps in"),
    ("store", &["api"], "storage knows no promotion word"),
    ("apiserver", &["api"], "admission enters as a trait object from app"),
    ("git", &["api"], "adapters take and return plain values"),
    ("forge", &["api"], "adapters take and return plain values"),
    ("oci", &["api"], "adapters take and return plain values"),
    ("helm", &["api"], "adapters take and return plain values"),
    ("argocd", &["api"], "adapters take and return plain values"),
];

/// Dependencies that a pure crate must not have, also through others: runtimes, sockets, HTTP, SQL, files, randomness.
pub const IMPURE: &[&str] = &[
    "async-std",
    "axum",
    "cap-std",
    "getrandom",
    "hyper",
    "hyper-util",
    "kube-client",
    "kube-runtime",
    "libsqlite3-sys",
    "mio",
    "nix",
    "rand",
    "reqwest",
    "rusqlite",
    "rustls",
    "smol",
    "socket2",
    "tempfile",
    "tokio",
    "tokio-rustls",
    "tokio-util",
    "ureq",
];

/// The `clippy.toml` that every pure crate has, word for word.
pub const PURE_CLIPPY: &str = "crates/artifact/clippy.toml";

/// Dependencies that only some crates may name themselves: the dependency, who, and what others do.
pub const ONLY_IN: &[(&str, &[&str], &str)] = &[
    ("rusqlite", &["store"], "reach data through the client; only store knows the SQLite driver"),
    ("libsqlite3-sys", &["store"], "reach data through the client; only store knows the SQLite driver"),
    ("anyhow", &["app", "bench", "cli", "testkit", "vectors", "xtask"], "use a thiserror enum of the module"),
];

/// Lines of a Rust file, tests and data apart: above the first it is a warning, above the second an error.
pub const LINES: (usize, usize) = (400, 600);

/// Texts that have no place in Rust code: the text, what is wrong, what to do.
pub const RUST_TEXTS: &[(&str, &str, &str)] = &[
    ("#[ignore", "an ignored test", "make it run or remove it"),
    ("#[allow(", "a silenced lint", "use #[expect(lint, reason = \"…\")]"),
    ("#![allow(", "a silenced lint", "use #![expect(lint, reason = \"…\")]"),
];

/// Calls that have no place in tests.
pub const SLEEPS: &[&str] = &["sleep(", "sleep_until(", "sleep_ms("];

/// Tests on a clock of their own, which moves as soon as everybody waits: sleeping there takes no time.
pub const VIRTUAL_TIME: &[&str] = &["crates/engine/tests/sim/"];

/// Beginnings of paths that exist on somebody's machine only.
pub const MACHINE_PATHS: &[&str] =
    &[concat!("/", "work/"), concat!("/", "root/"), concat!("/", "home/"), concat!("/", "tmp/")];

/// Hosts of package registries: which one is used is a matter of the machine.
pub const REGISTRY_HOSTS: &[&str] = &[
    "index.crates.io",
    "static.crates.io",
    "proxy.golang.org",
    "sum.golang.org",
    "registry.npmjs.org",
    "registry.yarnpkg.com",
    "pypi.org",
    "files.pythonhosted.org",
];

/// Files whose words are not ours, or that must name the words: this table, lock files, recordings.
pub const NOT_READ: &[&str] = &[
    "Cargo.lock",
    "LICENSE",
    "tools/helm/go.sum",
    "tools/kubectl/go.sum",
    "tools/kustomize/go.sum",
    "tools/registry/go.sum",
    "vectors/",
    "xtask/src/tidy/table.rs",
    "xtask/src/vectors.rs",
];
