//! Tokens and certificates of a data directory: made once, for the owner's eyes only.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use ferry_apiserver::SigningKey;

/// What is kept.
pub(super) struct Keys {
    /// The administrator's token.
    pub admin: String,
    /// The controllers' token.
    pub controller: String,
    /// What tokens of ServiceAccounts are signed with, as PKCS#8.
    pub accounts: Vec<u8>,
    /// The directory of the certificates.
    pub tls: PathBuf,
}

/// Reads them, or makes them.
pub(super) fn open(directory: &Path) -> Result<Keys> {
    let tls = directory.join("tls");
    let made = fs::DirBuilder::new().recursive(true).mode(0o700).create(&tls);
    made.with_context(|| format!("cannot make {}", tls.display()))?;
    Ok(Keys {
        admin: token(&tls.join("admin.token"))?,
        controller: token(&tls.join("controller.token"))?,
        accounts: signing_key(&tls.join("service-accounts.key"))?,
        tls,
    })
}

fn signing_key(path: &Path) -> Result<Vec<u8>> {
    match fs::read(path) {
        Ok(kept) => {
            SigningKey::read(&kept)
                .with_context(|| format!("{}; remove it to get a new one", path.display()))?;
            Ok(kept)
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            let made = SigningKey::make()?;
            write_private(path, &made)?;
            Ok(made)
        }
        Err(error) => Err(error).with_context(|| format!("cannot read {}", path.display())),
    }
}

fn token(path: &Path) -> Result<String> {
    if let Ok(kept) = fs::read_to_string(path)
        && kept.trim().len() >= 32
    {
        return Ok(kept.trim().to_owned());
    }
    let made = format!("{}{}", uuid::Uuid::new_v4().simple(), uuid::Uuid::new_v4().simple());
    write_private(path, &made)?;
    Ok(made)
}

/// Writes a file only its owner can read; it is there whole or not at all.
pub(super) fn write_private(path: &Path, content: impl AsRef<[u8]>) -> Result<()> {
    let write = || {
        let mut name = path.file_name().unwrap_or_default().to_owned();
        name.push(".new");
        let fresh = path.with_file_name(name);
        let mut options = fs::OpenOptions::new();
        let mut file = options.write(true).create(true).truncate(true).mode(0o600).open(&fresh)?;
        file.write_all(content.as_ref())?;
        file.sync_all()?;
        fs::rename(&fresh, path)
    };
    write().with_context(|| format!("cannot write {}", path.display()))
}
