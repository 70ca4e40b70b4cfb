//! Signing commits with an OpenPGP key, in this process: the key is given to no program.

use std::fmt;

use jiff::Timestamp;
use pgp::composed::{
    ArmorOptions, Deserializable as _, DetachedSignature, SignedSecretKey, SignedSecretSubKey,
};
use pgp::crypto::hash::HashAlgorithm;
use pgp::packet::{SecretSubkey, SignatureConfig, SignatureType, Subpacket, SubpacketData};
use pgp::types::{KeyDetails as _, KeyVersion, Password, Timestamp as PgpTimestamp};

use crate::Error;

/// The header of a commit that holds its signature.
const HEADER: &[u8] = b"gpgsig";

/// A private OpenPGP key without a passphrase.
#[derive(Clone, PartialEq, Eq)]
pub struct SigningKey(String);

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SigningKey(…)")
    }
}

impl SigningKey {
    /// Reads a key as `gpg --armor --export-secret-keys` writes it. An error does not show the key.
    pub fn parse(armored: &str) -> Result<Self, Error> {
        let key = Self(armored.trim().to_owned() + "\n");
        key.read().map(|_| key)
    }

    pub(crate) fn armored(&self) -> &str {
        &self.0
    }

    fn read(&self) -> Result<SignedSecretKey, Error> {
        let invalid = |why: &'static str| Error::InvalidSigningKey(why);
        if self.0.contains("PUBLIC KEY BLOCK") {
            return Err(invalid("it is a public key; a private one is needed"));
        }
        if self.0.contains("OPENSSH PRIVATE KEY") {
            return Err(invalid("it is an SSH key; an OpenPGP key is needed"));
        }
        let (key, _) = SignedSecretKey::from_string(&self.0).map_err(|_| {
            invalid("it is no private OpenPGP key as gpg --armor --export-secret-keys writes it")
        })?;
        if key.primary_key.version() != KeyVersion::V4 {
            return Err(invalid("it is of a version that Git's tools do not know yet; version 4 is needed"));
        }
        // The primary key may be missing where there is a subkey to sign with.
        if subkey(&key).is_none() && key.primary_key.secret_params().is_encrypted() {
            return Err(invalid("it has a passphrase; export it without one"));
        }
        Ok(key)
    }

    /// A commit object with its signature; the same each time for keys whose signatures have no chance in them.
    pub(crate) fn sign(&self, object: &[u8], time: Timestamp) -> Result<Vec<u8>, Error> {
        let key = self.read()?;
        let signature = match subkey(&key) {
            Some(subkey) => signature(subkey, object, time),
            None => signature(&key.primary_key, object, time),
        };
        let signature = signature.map_err(|_| Error::InvalidSigningKey("it cannot sign"))?;
        Ok(with_header(object, &signature))
    }
}

impl SigningKey {
    /// Whether a commit object has this key's signature, and that it is good.
    pub(crate) fn made(&self, object: &[u8]) -> bool {
        let verified = || {
            let (signature, signed) = apart(object)?;
            let (signature, _) = DetachedSignature::from_string(&signature).ok()?;
            let key = self.read().ok()?;
            let subkeys = key.secret_subkeys.iter().map(|subkey| subkey.key.public_key());
            let by_subkey = subkeys.into_iter().any(|subkey| signature.verify(subkey, &signed).is_ok());
            Some(by_subkey || signature.verify(key.primary_key.public_key(), &signed).is_ok())
        };
        verified().unwrap_or(false)
    }
}

/// The signature of a commit object, and what was signed.
fn apart(object: &[u8]) -> Option<(String, Vec<u8>)> {
    let end = object.windows(2).position(|window| window == b"\n\n")?;
    let (headers, rest) = object.split_at_checked(end)?;
    let (mut signature, mut signed, mut inside) = (Vec::new(), Vec::new(), false);
    for line in headers.split(|byte| *byte == b'\n') {
        let first = line.strip_prefix(HEADER).and_then(|line| line.strip_prefix(b" "));
        inside = first.is_some() || inside && line.starts_with(b" ");
        if inside {
            signature.extend_from_slice(first.or(line.get(1..))?);
            signature.push(b'\n');
        } else {
            signed.extend_from_slice(line);
            signed.push(b'\n');
        }
    }
    signed.pop();
    signed.extend_from_slice(rest);
    Some((String::from_utf8(signature).ok()?, signed)).filter(|(signature, _)| !signature.is_empty())
}

/// The newest subkey that is to sign with.
fn subkey(key: &SignedSecretKey) -> Option<&SecretSubkey> {
    let signs = |subkey: &&SignedSecretSubKey| {
        subkey.signatures.iter().any(|signature| signature.key_flags().sign())
            && !subkey.key.secret_params().is_encrypted()
    };
    key.secret_subkeys.iter().rfind(signs).map(|subkey| &subkey.key)
}

fn signature<K: pgp::types::SigningKey>(
    key: &K,
    object: &[u8],
    time: Timestamp,
) -> Result<String, pgp::errors::Error> {
    // Nothing is signed before its key was made, whatever our clock says.
    let seconds = u32::try_from(time.as_second()).unwrap_or_default().max(key.created_at().as_secs());
    let seconds = PgpTimestamp::from_secs(seconds);
    let hashed = vec![
        Subpacket::regular(SubpacketData::IssuerFingerprint(key.fingerprint()))?,
        Subpacket::regular(SubpacketData::SignatureCreationTime(seconds))?,
    ];
    let unhashed = vec![Subpacket::regular(SubpacketData::IssuerKeyId(key.legacy_key_id()))?];
    // Keys of some kinds ask for a longer hash.
    let hash = match key.hash_alg() {
        longer @ (HashAlgorithm::Sha384 | HashAlgorithm::Sha512) => longer,
        _ => HashAlgorithm::Sha256,
    };
    let mut config = SignatureConfig::v4(SignatureType::Binary, key.algorithm(), hash);
    config.hashed_subpackets = hashed;
    config.unhashed_subpackets = unhashed;
    let signature = DetachedSignature::new(config.sign(key, &Password::empty(), object)?);
    signature.to_armored_string(ArmorOptions::default())
}

/// The signature goes to the end of the headers; its lines but the first are indented.
fn with_header(object: &[u8], signature: &str) -> Vec<u8> {
    let end = object.windows(2).position(|window| window == b"\n\n").unwrap_or(object.len());
    let (headers, rest) = object.split_at(end);
    let mut signed = headers.to_vec();
    signed.push(b'\n');
    signed.extend_from_slice(HEADER);
    for line in signature.trim_end().lines() {
        signed.push(b' ');
        signed.extend_from_slice(line.as_bytes());
        signed.push(b'\n');
    }
    signed.pop();
    signed.extend_from_slice(rest);
    signed
}

/// An object as it is, or signed.
pub(crate) fn signed(object: Vec<u8>, key: Option<&SigningKey>, time: Timestamp) -> Result<Vec<u8>, Error> {
    match key {
        Some(key) => key.sign(&object, time),
        None => Ok(object),
    }
}
