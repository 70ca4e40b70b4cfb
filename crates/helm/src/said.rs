//! What helm says where it fails, so that the cause is to be seen.

use std::path::Path;

use ferry_exec::Error;

/// What helm says of each link that it follows.
const LINK: &str = ": found symbolic link in path: ";

/// What helm says, without the links that it followed and without the name of a folder that is ours.
pub fn cause(error: Error, ours: &Path) -> Error {
    let Error::Failed { program, said } = error else { return error };
    let lines: Vec<_> = said.lines().filter(|line| !line.contains(LINK)).collect();
    Error::Failed { program, said: lines.join("\n").replace(&format!("{}/", ours.display()), "") }
}
