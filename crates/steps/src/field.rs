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
        self.map_err(|mut error| {
            let (StepError::Config(why)
            | StepError::Failed(why)
            | StepError::Refused(why)
            | StepError::Fatal(why)
            | StepError::Broken { why, .. }
            | StepError::Retryable(why)) = &mut error;
            *why = format!("{field}: {why}");
            error
        })
    }
}

impl<T> Of<T> for work::Result<T> {
    fn of(self, field: impl Display) -> Result<T, StepError> {
        self.map_err(broke).of(field)
    }
}
