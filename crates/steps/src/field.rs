//! Errors that name the field of the config which they are about.

use std::fmt::Display;

use ferry_engine::{StepError, work};

use crate::broke;

/// Says which field an error is about.
pub trait Of<T> {
    /// The same, with the field's name before the error.
    fn of(self, field: impl Display) -> Result<T, StepError>;
}

impl<T> Of<T> for Result<T, StepError> {
    fn of(self, field: impl Display) -> Self {
        self.map_err(|error| {
            let (StepError::Config(why)
            | StepError::Failed(why)
            | StepError::Refused(why)
            | StepError::Fatal(why)
            | StepError::Retryable(why)) = &error;
            let why = format!("{field}: {why}");
            match error {
                StepError::Config(_) => StepError::Config(why),
                StepError::Failed(_) => StepError::Failed(why),
                StepError::Refused(_) => StepError::Refused(why),
                StepError::Fatal(_) => StepError::Fatal(why),
                StepError::Retryable(_) => StepError::Retryable(why),
            }
        })
    }
}

impl<T> Of<T> for work::Result<T> {
    fn of(self, field: impl Display) -> Result<T, StepError> {
        self.map_err(broke).of(field)
    }
}
