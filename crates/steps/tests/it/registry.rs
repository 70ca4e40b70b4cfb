//! A real registry, and what tests put into it.

use std::collections::BTreeMap;
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use ferry_oci::digest_of;
use reqwest::{Client, Response};
use serde_json::{Value, json};

use crate::programs::tool;

pub const USER: &str = "robot";
pub const PASSWORD: &str = "open sesame";
/// `robot` and `open sesame`, as `htpasswd` writes it.
const HTPASSWD: &str = "robot:$2a$04$i7buH1EHb7qkar1XGakF4u0YQ0yP2RqHRdS1ifUlttFWZXrLCtfzC\n";

/// A registry that is at work until this value goes.
pub struct Registry {
    /// Host and port.
    pub host: String,
    scheme: &'static str,
    protected: bool,
    client: Client,
    child: Child,
    _temp: tempfile::TempDir,
}

impl Registry {
    /// In the open. None where it is not built, which `make test` does.
    pub fn open() -> Option<Self> {
        Self::start(false)
    }

    /// Over TLS, with a certificate that nobody knows, for who has a password.
    pub fn protected() -> Option<Self> {
        Self::start(true)
    }

    fn start(protected: bool) -> Option<Self> {
        let program = tool("registry")?;
        let _already = rustls::crypto::ring::default_provider().install_default();
        let temp = tempfile::tempdir().unwrap();
        // The port may be taken by somebody else in between; then the next one will do.
        for _ in 0..10 {
            let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
            let config = config(temp.path(), &address.to_string(), protected);
            std::fs::write(temp.path().join("config.json"), config.to_string()).unwrap();
            let mut child = Command::new(&program)
                .args(["serve", "config.json"])
                .current_dir(temp.path())
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .spawn()
                .unwrap();
            loop {
                if std::net::TcpStream::connect(address).is_ok() {
                    let client =
                        Client::builder().tls_danger_accept_invalid_certs(true).no_proxy().build().unwrap();
                    let scheme = if protected { "https" } else { "http" };
                    let host = address.to_string();
                    return Some(Self { host, scheme, protected, client, child, _temp: temp });
                }
                if child.try_wait().unwrap().is_some() {
                    break;
                }
                std::thread::yield_now();
            }
        }
        panic!("the registry does not start");
    }

    async fn send(&self, method: &str, place: &str, media_type: &str, body: Vec<u8>) -> Response {
        let url = if place.contains("://") {
            place.to_owned()
        } else {
            format!("{}://{}/v2/{place}", self.scheme, self.host)
        };
        let mut request =
            self.client.request(method.parse().unwrap(), url).header("content-type", media_type).body(body);
        if self.protected {
            request = request.basic_auth(USER, Some(PASSWORD));
        }
        let response = request.header("accept", media_type).send().await.unwrap();
        assert!(response.status().is_success(), "{method} {place}: {}", response.status());
        response
    }

    /// Puts a blob in; what describes it.
    pub async fn blob(&self, repository: &str, media_type: &str, bytes: &[u8]) -> Value {
        let begun = self.send("POST", &format!("{repository}/blobs/uploads/"), "", Vec::new()).await;
        let place = begun.headers()["location"].to_str().unwrap().to_owned();
        let digest = digest_of(bytes);
        self.send("PUT", &format!("{place}&digest={digest}"), "application/octet-stream", bytes.to_vec())
            .await;
        json!({"mediaType": media_type, "digest": digest, "size": bytes.len()})
    }

    /// Puts an image in, with these layers; what describes it.
    pub async fn image(&self, repository: &str, tag: &str, layers: &[(&str, &[u8])]) -> Value {
        let config = self.blob(repository, "application/vnd.oci.image.config.v1+json", b"{}").await;
        let mut described = Vec::new();
        for (media_type, bytes) in layers {
            described.push(self.blob(repository, media_type, bytes).await);
        }
        let media_type = "application/vnd.oci.image.manifest.v1+json";
        let manifest = json!({
            "schemaVersion": 2, "mediaType": media_type, "config": config, "layers": described,
            "annotations": {"kept": "yes"},
        });
        self.manifest(repository, tag, media_type, &manifest).await
    }

    /// Puts an index in; what describes it.
    pub async fn index(&self, repository: &str, tag: &str, images: &[Value]) -> Value {
        let media_type = "application/vnd.oci.image.index.v1+json";
        let index = json!({"schemaVersion": 2, "mediaType": media_type, "manifests": images});
        self.manifest(repository, tag, media_type, &index).await
    }

    async fn manifest(&self, repository: &str, tag: &str, media_type: &str, manifest: &Value) -> Value {
        let bytes = serde_json::to_vec_pretty(manifest).unwrap();
        let described = json!({"mediaType": media_type, "digest": digest_of(&bytes), "size": bytes.len()});
        self.send("PUT", &format!("{repository}/manifests/{tag}"), media_type, bytes).await;
        described
    }

    /// A manifest that is there, and its digest.
    pub async fn found(&self, repository: &str, tag: &str) -> (Value, String) {
        let types = "application/vnd.oci.image.manifest.v1+json, application/vnd.oci.image.index.v1+json";
        let found = self.send("GET", &format!("{repository}/manifests/{tag}"), types, Vec::new()).await;
        let bytes = found.bytes().await.unwrap();
        (serde_json::from_slice(&bytes).unwrap(), digest_of(&bytes))
    }

    /// A blob that is there.
    pub async fn bytes(&self, repository: &str, digest: &str) -> Vec<u8> {
        let found = self.send("GET", &format!("{repository}/blobs/{digest}"), "", Vec::new()).await;
        found.bytes().await.unwrap().to_vec()
    }
}

impl Drop for Registry {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The registry's own configuration: JSON is YAML.
fn config(folder: &Path, address: &str, protected: bool) -> Value {
    let mut config = json!({
        "version": "0.1", "log": {"level": "error"}, "storage": {"filesystem": {"rootdirectory": folder.join("data")}},
        "http": {"addr": address},
    });
    if protected {
        let certified = rcgen::generate_simple_self_signed(vec!["127.0.0.1".to_owned()]).unwrap();
        let files: BTreeMap<_, _> = [
            ("certificate", certified.cert.pem()),
            ("key", certified.signing_key.serialize_pem()),
            ("htpasswd", HTPASSWD.to_owned()),
        ]
        .into();
        for (name, contents) in &files {
            std::fs::write(folder.join(name), contents).unwrap();
        }
        config["http"]["tls"] = json!({"certificate": folder.join("certificate"), "key": folder.join("key")});
        config["auth"] = json!({"htpasswd": {"realm": "test", "path": folder.join("htpasswd")}});
    }
    config
}
