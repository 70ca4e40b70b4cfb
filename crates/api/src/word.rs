//! Words of phases and states that somebody else may have written: one that we do not know must not make an object
//! unreadable.

use serde::de::value::{Error as ValueError, StrDeserializer};
use serde::de::{Deserialize, Deserializer, IntoDeserializer};

/// A phase or state that is read from a word.
pub(crate) trait Word: Copy + for<'de> Deserialize<'de> {
    /// What a word means that is not known; `None` reads as absent.
    const UNKNOWN: Option<Self>;
}

/// Reads an optional word: an empty one is absent.
pub(crate) fn lenient<'de, D: Deserializer<'de>, W: Word>(deserializer: D) -> Result<Option<W>, D::Error> {
    let text = Option::<String>::deserialize(deserializer)?;
    Ok(text.filter(|t| !t.is_empty()).and_then(|text| {
        let word: StrDeserializer<'_, ValueError> = text.as_str().into_deserializer();
        W::deserialize(word).ok().or(W::UNKNOWN)
    }))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::promotion::{PromotionPhase, PromotionStatus};
    use crate::stage::{Health, HealthState};
    use crate::verification::VerificationInfo;

    #[test]
    fn fm_19_a_word_of_another_version_does_not_hide_the_object() {
        let status: PromotionStatus = serde_json::from_value(json!({
            "phase": "Superseded", "message": "m",
            "stepExecutionMetadata": [{"alias": "a", "status": "Odd"}, {"alias": "b", "status": "Failed"}]
        }))
        .unwrap();
        assert_eq!((status.phase, status.message.as_str()), (Some(PromotionPhase::Unknown), "m"));
        assert!(status.step_execution_metadata[0].status.is_none());
        assert!(status.step_execution_metadata[1].status.is_some());
        let health: Health = serde_json::from_value(json!({"status": "Dizzy"})).unwrap();
        assert_eq!(health.status, Some(HealthState::Unknown));
        let info: VerificationInfo = serde_json::from_value(json!({"id": "v", "phase": "Odd"})).unwrap();
        assert_eq!(info.phase, None);
    }

    #[test]
    fn an_empty_word_is_absent() {
        let status: PromotionStatus = serde_json::from_value(json!({"phase": ""})).unwrap();
        assert_eq!(status.phase, None);
        let status: PromotionStatus = serde_json::from_value(json!({"phase": null})).unwrap();
        assert_eq!(status.phase, None);
    }
}
