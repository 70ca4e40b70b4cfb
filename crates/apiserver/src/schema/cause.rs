//! One thing that is wrong with an object, as `details.causes` of a Status names it.

use serde::Serialize;

/// What kind of mistake a cause is; serialises as Kubernetes writes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub enum CauseReason {
    /// A field that must be there is not.
    #[serde(rename = "FieldValueRequired")]
    Required,
    /// A value that must be unique is there twice.
    #[serde(rename = "FieldValueDuplicate")]
    Duplicate,
    /// A malformed value.
    #[serde(rename = "FieldValueInvalid")]
    Invalid,
    /// None of the allowed values.
    #[serde(rename = "FieldValueNotSupported")]
    NotSupported,
    /// A field that may not be there.
    #[serde(rename = "FieldValueForbidden")]
    Forbidden,
    /// A text that is too long.
    #[serde(rename = "FieldValueTooLong")]
    TooLong,
    /// A list or map with too many entries.
    #[serde(rename = "FieldValueTooMany")]
    TooMany,
    /// A value of another type or format.
    #[serde(rename = "FieldValueTypeInvalid")]
    TypeInvalid,
}

impl CauseReason {
    /// The word that a message begins with.
    fn lead(self) -> &'static str {
        match self {
            Self::Required => "Required value",
            Self::Duplicate => "Duplicate value",
            Self::Invalid | Self::TypeInvalid => "Invalid value",
            Self::NotSupported => "Unsupported value",
            Self::Forbidden => "Forbidden",
            Self::TooLong => "Too long",
            Self::TooMany => "Too many",
        }
    }

    /// Mistakes after which validation rules are not evaluated, for they could not rely on the object's shape.
    pub(crate) fn blocks_rules(self) -> bool {
        matches!(
            self,
            Self::NotSupported | Self::Required | Self::TooLong | Self::TooMany | Self::TypeInvalid
        )
    }
}

/// One thing that is wrong, and where.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Cause {
    /// The kind of mistake.
    pub reason: CauseReason,
    /// The field, like `spec.steps[0].uses`; `<nil>` where it concerns no one field.
    pub field: String,
    /// The mistake in words.
    pub message: String,
}

impl Cause {
    /// A cause whose message is the reason's lead and `detail`.
    #[expect(clippy::needless_pass_by_value, reason = "paths and texts are handed over alike")]
    pub fn new(reason: CauseReason, field: impl ToString, detail: impl AsRef<str>) -> Self {
        let detail = detail.as_ref();
        let colon = if detail.is_empty() { "" } else { ": " };
        Self { reason, field: field.to_string(), message: format!("{}{colon}{detail}", reason.lead()) }
    }

    /// The field that stands for "no field".
    pub(crate) const NOWHERE: &'static str = "<nil>";
}
