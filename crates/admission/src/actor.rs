//! Annotations by which a person asks for something (abort, verify again): who asks is noted by us, and nobody can
//! claim to be the control plane.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::metadata;
use crate::request::Request;

/// What a request is about: a verification's id, or what shall be done to a Promotion.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Subject {
    /// `id`.
    Verification,
    /// `action`.
    Promotion,
}

/// A request, as the annotation's value.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Asked {
    #[serde(skip_serializing_if = "String::is_empty")]
    id: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    action: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    actor: String,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    control_plane: bool,
}

impl Asked {
    /// Reads an annotation: JSON, or the bare id or action. `None` where nothing is asked for.
    fn read(text: &str, subject: Subject) -> Option<Self> {
        let bare = || match subject {
            Subject::Verification => Self { id: text.to_owned(), ..Self::default() },
            Subject::Promotion => Self { action: text.to_owned(), ..Self::default() },
        };
        let asked = serde_json::from_str::<Self>(text).unwrap_or_else(|_| bare());
        let is_empty = match subject {
            Subject::Verification => asked.id.is_empty(),
            Subject::Promotion => asked.action.is_empty(),
        };
        (!is_empty).then_some(asked)
    }
}

/// Notes in an annotation who asks, where it is new or changed.
pub(crate) fn note(request: &Request<'_>, object: &mut Value, annotation: &str, subject: Subject) {
    let read = |object: &Value| Asked::read(metadata::get(object, "annotations", annotation)?, subject);
    let Some(mut asked) = read(object) else { return };
    if request.old.and_then(read).as_ref() != Some(&asked) {
        asked.control_plane = request.user.is_control_plane;
        if !request.user.is_control_plane {
            asked.actor = request.user.actor();
        }
    }
    if let Ok(text) = serde_json::to_string(&asked) {
        metadata::set(object, "annotations", annotation, text);
    }
}
