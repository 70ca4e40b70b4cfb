//! The certificates of the loopback listener: made once, kept in the data directory (keys 0600), renewed in time.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose,
};
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

/// Why there is no TLS.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file could not be read or written.
    #[error("cannot use {path}: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A certificate could not be made.
    #[error("cannot make a certificate: {0}")]
    Make(#[from] rcgen::Error),
    /// A stored file is not what it should be.
    #[error("{path} is damaged: delete it and start again ({reason})")]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// The TLS library refused the certificate.
    #[error("cannot set up TLS: {0}")]
    Setup(#[from] rustls::Error),
}

const DAY: Duration = Duration::from_hours(24);
const CA_DAYS: u32 = 3650;
const SERVER_DAYS: u32 = 365;

/// A certificate authority of our own and what a listener needs.
#[derive(Debug, Clone)]
pub struct Certificates {
    /// The authority's certificate, PEM: for kubeconfigs.
    pub authority: String,
    /// What a listener is set up with; offers HTTP/2 and HTTP/1.1.
    pub config: Arc<ServerConfig>,
}

impl Certificates {
    /// Reads the certificates in `directory`, or makes them. `hosts` are names and addresses beside the loopback ones.
    pub fn open(directory: &Path, hosts: &[String]) -> Result<Self, Error> {
        let (authority_path, authority_key) = (directory.join("ca.crt"), directory.join("ca.key"));
        let (server_path, server_key) = (directory.join("server.crt"), directory.join("server.key"));
        let names = directory.join("server.names");
        let wanted = sorted(hosts);
        if is_old(&authority_path, CA_DAYS / 2) || !authority_key.exists() {
            let (certificate, key) = make_authority()?;
            write_private(&authority_key, &key)?;
            write_private(&authority_path, &certificate)?;
            let _ = fs::remove_file(&server_path);
        }
        let same_names = fs::read_to_string(&names).is_ok_and(|n| n == wanted.join("\n"));
        if is_old(&server_path, SERVER_DAYS / 2) || !server_key.exists() || !same_names {
            let issuer_key = KeyPair::from_pem(&read(&authority_key)?)
                .map_err(|e| Error::Damaged { path: authority_key.clone(), reason: e.to_string() })?;
            let issuer = Issuer::new(authority_params(), issuer_key);
            let (certificate, key) = make_server(&issuer, &wanted)?;
            write_private(&server_key, &key)?;
            write_private(&server_path, &certificate)?;
            write_private(&names, &wanted.join("\n"))?;
        }
        let config = configure(&server_path, &server_key)?;
        Ok(Self { authority: read(&authority_path)?, config: Arc::new(config) })
    }
}

fn sorted(hosts: &[String]) -> Vec<String> {
    let mut all: Vec<String> = ["localhost", "127.0.0.1", "::1"].map(str::to_owned).to_vec();
    all.extend(hosts.iter().cloned());
    all.sort();
    all.dedup();
    all
}

/// Not there, or not for the present time.
fn is_old(path: &Path, days: u32) -> bool {
    let made = fs::metadata(path).and_then(|m| m.modified());
    made.map_or(true, |made| is_due(made, days, SystemTime::now()))
}

/// Made so long ago that it is time for a new one; or by a clock that was so far ahead that it does not hold yet.
fn is_due(made: SystemTime, days: u32, now: SystemTime) -> bool {
    match now.duration_since(made) {
        Ok(age) => age > DAY * days,
        Err(ahead) => ahead.duration() > DAY / 2,
    }
}

fn validity(params: &mut CertificateParams, days: u32) {
    let now = rcgen::date_time_ymd(1970, 1, 1)
        + SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    // A clock that is a little behind must not refuse it.
    params.not_before = now - DAY;
    params.not_after = now + DAY * days;
}

fn authority_params() -> CertificateParams {
    let mut params = CertificateParams::default();
    validity(&mut params, CA_DAYS);
    params.distinguished_name.push(DnType::CommonName, "ferry");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params
}

fn make_authority() -> Result<(String, String), Error> {
    let key = KeyPair::generate()?;
    let certificate = authority_params().self_signed(&key)?;
    Ok((certificate.pem(), key.serialize_pem()))
}

fn make_server(issuer: &Issuer<'_, KeyPair>, names: &[String]) -> Result<(String, String), Error> {
    let key = KeyPair::generate()?;
    let mut params = CertificateParams::new(names.to_vec())?;
    validity(&mut params, SERVER_DAYS);
    params.distinguished_name.push(DnType::CommonName, "ferry api server");
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    let certificate = params.signed_by(&key, issuer)?;
    Ok((certificate.pem(), key.serialize_pem()))
}

fn configure(certificate: &Path, key: &Path) -> Result<ServerConfig, Error> {
    let damaged = |path: &Path, reason: String| Error::Damaged { path: path.into(), reason };
    let chain: Vec<CertificateDer<'static>> = CertificateDer::pem_slice_iter(read(certificate)?.as_bytes())
        .collect::<Result<_, _>>()
        .map_err(|e| damaged(certificate, e.to_string()))?;
    let key_der =
        PrivateKeyDer::from_pem_slice(read(key)?.as_bytes()).map_err(|e| damaged(key, e.to_string()))?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(chain, key_der)?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(config)
}

fn read(path: &Path) -> Result<String, Error> {
    fs::read_to_string(path).map_err(|source| Error::Io { path: path.into(), source })
}

/// Writes a file only its owner can read; it is there whole or not at all.
fn write_private(path: &Path, text: &str) -> Result<(), Error> {
    let fail = |source| Error::Io { path: path.into(), source };
    let temporary = path.with_extension("new");
    let mut options = fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(&temporary).map_err(fail)?;
    file.write_all(text.as_bytes()).map_err(fail)?;
    file.sync_all().map_err(fail)?;
    fs::rename(&temporary, path).map_err(fail)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_certificate_is_made_again_in_time_and_after_a_wrong_clock() {
        let made = SystemTime::UNIX_EPOCH + DAY * 20_000;
        assert!(!is_due(made, 10, made) && !is_due(made, 10, made + DAY * 10));
        assert!(is_due(made, 10, made + DAY * 11));
        // What it is given for the past covers a clock that is set back a little, not by a year.
        assert!(!is_due(made, 10, made - DAY / 4));
        assert!(is_due(made, 10, made - DAY * 365));
    }
}
