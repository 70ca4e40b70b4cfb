//! Which form of the answer a client accepts: JSON or YAML; the object, only its metadata, or a table.

use http::{HeaderMap, header};

use crate::Status;

/// How an answer is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Encoding {
    Json,
    Yaml,
}

/// What of the object is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shape {
    Object,
    /// A table, of `meta.k8s.io/v1` or, if true, `v1beta1`.
    Table {
        beta: bool,
    },
    Metadata {
        beta: bool,
    },
    MetadataList {
        beta: bool,
    },
    /// The aggregated discovery document.
    Discovery,
}

/// The chosen form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Form {
    pub(crate) encoding: Encoding,
    pub(crate) shape: Shape,
}

impl Form {
    pub(crate) const PLAIN: Self = Self { encoding: Encoding::Json, shape: Shape::Object };

    /// The first acceptable form; in the order of preference the client gives.
    pub(crate) fn choose(headers: &HeaderMap) -> Result<Self, Status> {
        let Some(text) = headers.get(header::ACCEPT).and_then(|v| v.to_str().ok()).filter(|t| !t.is_empty())
        else {
            return Ok(Self::PLAIN);
        };
        let mut clauses: Vec<(f32, &str)> = text.split(',').map(|c| (quality(c), c)).collect();
        clauses.sort_by(|a, b| b.0.total_cmp(&a.0));
        clauses.iter().find_map(|(_, clause)| read(clause)).ok_or_else(|| {
            Status::new(
                406,
                "NotAcceptable",
                "only the following media types are accepted: application/json, application/yaml",
            )
        })
    }
}

fn quality(clause: &str) -> f32 {
    clause.split(';').filter_map(|p| p.trim().strip_prefix("q=")).find_map(|q| q.parse().ok()).unwrap_or(1.0)
}

fn read(clause: &str) -> Option<Form> {
    let mut parts = clause.split(';').map(str::trim);
    let encoding = match parts.next()?.to_ascii_lowercase().as_str() {
        "application/json" | "*/*" | "application/*" => Encoding::Json,
        "application/yaml" => Encoding::Yaml,
        _ => return None,
    };
    let (mut kind, mut group, mut version) = ("", "", "");
    for part in parts {
        match part.split_once('=') {
            Some(("as", value)) => kind = value,
            Some(("g", value)) => group = value,
            Some(("v", value)) => version = value,
            _ => {}
        }
    }
    let shape = match (kind, group, version) {
        ("", _, _) => Shape::Object,
        ("Table", "meta.k8s.io", "v1" | "v1beta1") => Shape::Table { beta: version == "v1beta1" },
        ("PartialObjectMetadata", "meta.k8s.io", "v1" | "v1beta1") => {
            Shape::Metadata { beta: version == "v1beta1" }
        }
        ("PartialObjectMetadataList", "meta.k8s.io", "v1" | "v1beta1") => {
            Shape::MetadataList { beta: version == "v1beta1" }
        }
        ("APIGroupDiscoveryList", "apidiscovery.k8s.io", "v2") => Shape::Discovery,
        _ => return None,
    };
    Some(Form { encoding, shape })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_acceptable_form_is_chosen() {
        let choose = |text: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::ACCEPT, text.parse().unwrap());
            Form::choose(&headers).ok().map(|f| (f.encoding, f.shape))
        };
        for (accept, expected) in [
            ("", Some((Encoding::Json, Shape::Object))),
            ("text/html", None),
            ("text/html,application/json;q=0.5", Some((Encoding::Json, Shape::Object))),
            ("application/yaml;q=0.1, application/json;q=0.9", Some((Encoding::Json, Shape::Object))),
            (
                "application/json;as=Table;v=v1;g=meta.k8s.io,application/json",
                Some((Encoding::Json, Shape::Table { beta: false })),
            ),
            ("application/json;as=Table;v=v2;g=meta.k8s.io", None),
            (
                "application/json;as=Chair;v=v1;g=meta.k8s.io,application/json",
                Some((Encoding::Json, Shape::Object)),
            ),
        ] {
            assert_eq!(choose(accept), expected, "{accept}");
        }
    }
}
