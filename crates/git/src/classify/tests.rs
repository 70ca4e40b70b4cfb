//! Texts of real servers.
use super::*;

#[test]
fn failures_of_a_conversation_have_classes() {
    let class = |text: &str| match remote("fetch", "https://h/r", text) {
        Error::Unauthorized { .. } => "unauthorized",
        Error::NotFound { .. } => "not found",
        Error::Unreachable { .. } => "unreachable",
        _ => "other",
    };
    for (text, wanted) in [
        ("fatal: could not read Username for 'https://h': terminal prompts disabled", "unauthorized"),
        ("fatal: Authentication failed for 'https://h/r/'", "unauthorized"),
        (
            "git@h: Permission denied (publickey).\nfatal: Could not read from remote repository.",
            "unauthorized",
        ),
        ("fatal: unable to access 'https://h/r/': The requested URL returned error: 403", "unauthorized"),
        ("remote: Repository not found.\nfatal: repository 'https://h/r/' not found", "not found"),
        ("fatal: repository 'https://h/r/' not found", "not found"),
        ("ERROR: The project you were looking for could not be found", "not found"),
        (
            "fatal: '/r' does not appear to be a git repository\nfatal: Could not read from remote repository.",
            "not found",
        ),
        ("fatal: unable to access 'https://h/r/': Could not resolve host: h", "unreachable"),
        ("ssh: Could not resolve hostname h: Name or service not known", "unreachable"),
        (
            "fatal: unable to access 'http://h/': Failed to connect to h port 1: Connection refused",
            "unreachable",
        ),
        ("error: RPC failed; curl 28 Operation too slow. Less than 1 bytes/sec", "unreachable"),
        ("fatal: the remote end hung up unexpectedly", "unreachable"),
        ("fatal: unable to access 'https://h/r/': The requested URL returned error: 500", "unreachable"),
        ("fatal: bad object", "other"),
    ] {
        assert_eq!(class(text), wanted, "{text}");
    }
}

#[test]
fn fm_52_texts_of_hosts_that_mean_come_again() {
    for (line, said) in [
        ("!\tx:refs/heads/b\t[rejected] (stale info)", ""),
        ("!\tx:refs/heads/b\t[rejected] (fetch first)", ""),
        ("!\tx:refs/heads/b\t[rejected] (non-fast-forward)", ""),
        ("!\tx:refs/heads/b\t[remote rejected] (cannot lock ref 'refs/heads/b': is at 1 but expected 2)", ""),
        (
            "!\tx:refs/heads/b\t[remote rejected] (failed to update ref)",
            "remote: error: cannot lock ref 'refs/heads/b'",
        ),
        ("!\tx:refs/heads/b\t[remote rejected] (incorrect old value provided)", ""),
        ("!\tx:refs/heads/b\t[remote rejected] (failed to lock)", ""),
        ("!\tx:refs/heads/b\t[remote rejected] (reference already exists)", ""),
        ("!\tx:refs/heads/b\t[remote rejected] (remote ref updated since checkout)", ""),
        (
            "!\tx:refs/heads/b\t[remote rejected] (TF401028: The reference has already been updated by another client)",
            "",
        ),
    ] {
        assert_eq!(push(line, said), PushRefusal::Moved, "{line}");
    }
}

#[test]
fn refusals_that_stay_refusals() {
    let line = "!\tx:refs/heads/b\t[remote rejected] (pre-receive hook declined)";
    let refused = push(line, "remote: not on a Friday        \nTo http://h/r\n");
    assert_eq!(
        refused,
        PushRefusal::Refused("[remote rejected] (pre-receive hook declined): not on a Friday".into())
    );
    let line = "!\tx:refs/heads/b\t[remote rejected] (failed to update ref)";
    let said = "remote: error: cannot lock ref 'refs/heads/b': 'refs/heads/b/c' exists; cannot create 'refs/heads/b'";
    assert!(matches!(push(line, said), PushRefusal::Refused(_)));
    assert_eq!(push("", "fatal: the remote end hung up unexpectedly"), PushRefusal::Other);
}

#[test]
fn secrets_do_not_get_into_messages() {
    let text = "fatal: 'https://me:s3cret@h/r' and s3%2Fcret and s3/cret at ssh://git@h/x";
    let clean = redacted(text, &["s3/cret", ""]);
    assert_eq!(clean, "fatal: 'https://***@h/r' and *** and *** at ssh://git@h/x");
}

#[test]
fn the_essence_is_one_short_line() {
    assert_eq!(essence("hint: x\nfatal: a\r\n\n b \n"), "fatal: a; b");
    assert_eq!(essence(""), "it gave no reason");
    assert_eq!(essence(&"ż".repeat(1000)).chars().count(), 501);
}
