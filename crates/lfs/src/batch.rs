//! The batch API: what is asked of a server about many contents at once, and what it answers.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::pointer::Pointer;

/// The media type of both.
pub const MEDIA_TYPE: &str = "application/vnd.git-lfs+json";

/// Which way contents go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Operation {
    /// To here.
    Download,
    /// To the server.
    Upload,
}

impl Operation {
    /// As servers and commands name it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Download => "download",
            Self::Upload => "upload",
        }
    }
}

#[derive(Debug, Serialize)]
pub struct Question<'a> {
    pub operation: Operation,
    pub transfers: [&'static str; 1],
    pub objects: Vec<Named<'a>>,
    pub hash_algo: &'static str,
}

#[derive(Debug, Serialize)]
pub struct Named<'a> {
    oid: &'a str,
    size: u64,
}

impl<'a> Question<'a> {
    pub fn new(operation: Operation, pointers: &'a [Pointer]) -> Self {
        let objects =
            pointers.iter().map(|pointer| Named { oid: pointer.oid(), size: pointer.size() }).collect();
        Self { operation, transfers: ["basic"], objects, hash_algo: "sha256" }
    }
}

#[derive(Debug, Deserialize)]
pub struct Answer {
    #[serde(default)]
    pub transfer: Option<String>,
    pub objects: Vec<Object>,
}

#[derive(Debug, Deserialize)]
pub struct Object {
    pub oid: String,
    /// The actions need nothing more to prove who we are.
    #[serde(default)]
    pub authenticated: Option<bool>,
    #[serde(default)]
    pub actions: Option<Actions>,
    #[serde(default)]
    pub error: Option<Problem>,
}

#[derive(Debug, Default, Deserialize)]
pub struct Actions {
    #[serde(default)]
    pub download: Option<Action>,
    #[serde(default)]
    pub upload: Option<Action>,
    #[serde(default)]
    pub verify: Option<Action>,
}

#[derive(Debug, Deserialize)]
pub struct Action {
    pub href: String,
    #[serde(default)]
    pub header: Option<BTreeMap<String, String>>,
}

#[derive(Debug, Deserialize)]
pub struct Problem {
    pub code: u16,
    #[serde(default)]
    pub message: String,
}
