//! What an attempt did and could not write yet, since somebody else wrote the Application in between. It is told then,
//! not done a second time.

use serde_json::Value;

use super::application::operation_state;
use super::cluster::Error;
use super::execution::Attempt;
use super::merge;

/// An attempt, and the operation's state that it began from.
#[derive(Default)]
pub struct Unwritten(Option<(Value, Attempt)>);

impl Unwritten {
    /// The attempt at the running operation that is to be written: the one that ended already, or what `begin` makes of
    /// the Application as it stands after what was done.
    pub async fn or(
        &mut self,
        app: &Value,
        begin: impl AsyncFnOnce(Value) -> Result<Attempt, Error>,
    ) -> Result<Attempt, Error> {
        let state = operation_state(app).cloned().unwrap_or_default();
        let attempt = match self.0.take().filter(|(from, _)| *from == state) {
            Some((_, ended @ Attempt::Ended(_))) => ended,
            Some((_, Attempt::Waits(_, Some(result)))) => {
                let mut done = app.clone();
                merge::set(&mut done, &["status", "operationState", "syncResult"], result);
                begin(done).await?
            }
            _ => begin(app.clone()).await?,
        };
        self.0 = Some((state, attempt.clone()));
        Ok(attempt)
    }

    /// Everything was written.
    pub fn forget(&mut self) {
        self.0 = None;
    }
}
