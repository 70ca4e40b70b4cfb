//! Query parameters of requests, and which of their combinations make sense.

use std::time::Duration;

use crate::Status;
use crate::schema::{Cause, CauseReason};
use crate::selector::{Fields, Labels};

/// The decoded query.
#[derive(Debug, Clone, Default)]
pub(crate) struct Query(Vec<(String, String)>);

impl Query {
    pub(crate) fn parse(text: Option<&str>) -> Self {
        let decode = |part: &str| {
            let spaced = part.replace('+', " ");
            percent_encoding::percent_decode_str(&spaced).decode_utf8_lossy().into_owned()
        };
        let pairs = text.unwrap_or_default().split('&').filter(|p| !p.is_empty()).map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            (decode(name), decode(value))
        });
        Self(pairs.collect())
    }

    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(n, _)| n == name).map(|(_, v)| v.as_str())
    }

    /// Present and not empty.
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        self.get(name).filter(|v| !v.is_empty())
    }

    pub(crate) fn all(&self, name: &str) -> Vec<&str> {
        self.0.iter().filter(|(n, _)| n == name).map(|(_, v)| v.as_str()).collect()
    }

    /// A flag: present means true unless it says `false` or `0`.
    pub(crate) fn flag(&self, name: &str) -> bool {
        self.get(name).is_some_and(|v| !matches!(v.to_ascii_lowercase().as_str(), "false" | "0"))
    }
}

/// What to do about fields the schema does not know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FieldValidation {
    Ignore,
    Warn,
    Strict,
}

/// Options of create, update and patch.
#[derive(Debug, Clone)]
pub(crate) struct WriteOptions {
    pub(crate) dry_run: bool,
    pub(crate) field_validation: FieldValidation,
    pub(crate) field_manager: Option<String>,
}

impl WriteOptions {
    /// `kind` names the options in errors, such as `CreateOptions`.
    pub(crate) fn parse(query: &Query, kind: &str) -> Result<Self, Status> {
        let mut causes = Vec::new();
        let dry_run = dry_run(&query.all("dryRun"), &mut causes);
        let field_validation = match query.get("fieldValidation") {
            Some("Strict") => FieldValidation::Strict,
            Some("Ignore") => FieldValidation::Ignore,
            None | Some("" | "Warn") => FieldValidation::Warn,
            Some(other) => {
                causes.push(Cause {
                    reason: CauseReason::NotSupported,
                    field: "fieldValidation".into(),
                    message: format!(
                        "Unsupported value: \"{other}\": supported values: \"Ignore\", \"Strict\", \"Warn\""
                    ),
                });
                FieldValidation::Warn
            }
        };
        let field_manager = query.text("fieldManager").map(str::to_owned);
        if field_manager.as_ref().is_some_and(|m| m.chars().count() > 128) {
            causes.push(Cause {
                reason: CauseReason::TooLong,
                field: "fieldManager".into(),
                message: "Too long: may not be more than 128 bytes".into(),
            });
        }
        if field_manager.as_ref().is_some_and(|m| m.chars().any(char::is_control)) {
            causes.push(Cause {
                reason: CauseReason::Invalid,
                field: "fieldManager".into(),
                message: "Invalid value: should not contain invisible characters".into(),
            });
        }
        if causes.is_empty() {
            Ok(Self { dry_run, field_validation, field_manager })
        } else {
            Err(Status::invalid("meta.k8s.io", kind, "", &causes))
        }
    }
}

/// Reads `dryRun`: absent, or `All` as often as one likes.
pub(crate) fn dry_run(values: &[&str], causes: &mut Vec<Cause>) -> bool {
    if values.iter().any(|v| *v != "All") {
        let shown: Vec<String> = values.iter().map(|v| format!("\"{v}\"")).collect();
        causes.push(Cause {
            reason: CauseReason::NotSupported,
            field: "dryRun".into(),
            message: format!("Unsupported value: [{}]: supported values: \"All\"", shown.join(",")),
        });
    }
    !values.is_empty()
}

/// Which versions a list or watch may start from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Match {
    Unset,
    NotOlderThan,
    Exact,
}

/// Options of list, watch and deletecollection.
#[derive(Debug, Clone)]
pub(crate) struct ListOptions {
    pub(crate) labels: Option<Labels>,
    pub(crate) fields: Option<Fields>,
    pub(crate) limit: usize,
    pub(crate) token: Option<String>,
    pub(crate) version: Option<u64>,
    pub(crate) matching: Match,
    pub(crate) watch: bool,
    pub(crate) bookmarks: bool,
    pub(crate) initial_events: Option<bool>,
    pub(crate) timeout: Option<Duration>,
}

impl ListOptions {
    pub(crate) fn parse(query: &Query) -> Result<Self, Status> {
        let bad = |what: &dyn std::fmt::Display| Status::bad_request(what.to_string());
        let labels = query.text("labelSelector").map(Labels::parse).transpose().map_err(|e| bad(&e))?;
        let fields = query.text("fieldSelector").map(Fields::parse).transpose().map_err(|e| bad(&e))?;
        let version = match query.text("resourceVersion") {
            None => None,
            Some(text) => Some(text.parse::<u64>().map_err(|_| bad_version(text))?),
        };
        let initial_events = query.get("sendInitialEvents").map(|_| query.flag("sendInitialEvents"));
        let matching = match query.text("resourceVersionMatch") {
            None => Match::Unset,
            Some("NotOlderThan") => Match::NotOlderThan,
            Some("Exact") => Match::Exact,
            Some(other) => {
                return Err(invalid_option(
                    CauseReason::NotSupported,
                    "resourceVersionMatch",
                    format!("Unsupported value: \"{other}\": supported values: \"Exact\", \"NotOlderThan\""),
                ));
            }
        };
        if let Some(text) = query.text("timeout").filter(|t| !is_duration(t)) {
            return Err(Status::bad_request(format!(
                "invalid timeout specified in the request URL - time: invalid duration \"{text}\""
            )));
        }
        let options = Self {
            labels,
            fields,
            limit: number(query, "limit")?.unwrap_or_default(),
            token: query.text("continue").map(str::to_owned),
            version,
            matching,
            watch: query.flag("watch"),
            bookmarks: query.flag("allowWatchBookmarks"),
            initial_events,
            timeout: number(query, "timeoutSeconds")?
                .filter(|s| *s > 0)
                .map(|s| Duration::from_secs(s as u64)),
        };
        options.check()?;
        Ok(options)
    }

    /// The one name that a field selector admits, if it names one.
    pub(crate) fn only_name(&self) -> Option<&str> {
        let requirements = self.fields.iter().flat_map(Fields::requirements);
        requirements.into_iter().find(|r| r.equal && r.field == "metadata.name").map(|r| r.value.as_str())
    }

    fn check(&self) -> Result<(), Status> {
        let forbidden = |field: &str, why: &str| {
            Err(invalid_option(CauseReason::Forbidden, field, format!("Forbidden: {why}")))
        };
        if self.watch {
            if self.initial_events.is_some() && self.matching == Match::Unset {
                return forbidden(
                    "resourceVersionMatch",
                    "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan",
                );
            }
            if self.initial_events.is_none() && self.matching != Match::Unset {
                return forbidden(
                    "resourceVersionMatch",
                    "resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided",
                );
            }
            if self.initial_events.is_some() && self.matching == Match::Exact {
                return Err(invalid_option(
                    CauseReason::NotSupported,
                    "resourceVersionMatch",
                    "Unsupported value: \"Exact\": supported values: \"NotOlderThan\"",
                ));
            }
            return Ok(());
        }
        if self.initial_events.is_some() {
            return forbidden("sendInitialEvents", "sendInitialEvents is forbidden for list");
        }
        let mut causes = Vec::new();
        if self.matching != Match::Unset {
            let mut forbid = |why| {
                causes.push(Cause::new(CauseReason::Forbidden, "resourceVersionMatch", why));
            };
            if self.version.is_none() {
                forbid("resourceVersionMatch is forbidden unless resourceVersion is provided");
            }
            if self.token.is_some() {
                forbid("resourceVersionMatch is forbidden when continue is provided");
            }
            if self.version == Some(0) && self.matching == Match::Exact {
                forbid("resourceVersionMatch \"exact\" is forbidden for resourceVersion \"0\"");
            }
        }
        if !causes.is_empty() {
            return Err(Status::invalid("meta.k8s.io", "ListOptions", "", &causes));
        }
        Ok(())
    }
}

fn number(query: &Query, name: &str) -> Result<Option<usize>, Status> {
    match query.get(name) {
        None => Ok(None),
        Some(text) => {
            text.parse::<i64>().map(|n| Some(usize::try_from(n).unwrap_or_default())).map_err(|_| {
                Status::bad_request(format!("strconv.ParseInt: parsing \"{text}\": invalid syntax"))
            })
        }
    }
}

fn invalid_option(reason: CauseReason, field: &str, message: impl Into<String>) -> Status {
    let cause = Cause { reason, field: field.into(), message: message.into() };
    Status::invalid("meta.k8s.io", "ListOptions", "", &[cause])
}

/// A duration as Go writes it: `1h2m3.5s`, also negative.
fn is_duration(text: &str) -> bool {
    let mut rest = text.trim_start_matches(['-', '+']);
    if rest == "0" {
        return true;
    }
    while !rest.is_empty() {
        let digits = rest.bytes().take_while(|b| b.is_ascii_digit() || *b == b'.').count();
        if digits == 0 {
            return false;
        }
        rest = rest.get(digits..).unwrap_or_default();
        let Some(unit) = ["ns", "us", "µs", "ms", "s", "m", "h"].iter().find(|u| rest.starts_with(**u))
        else {
            return false;
        };
        rest = rest.get(unit.len()..).unwrap_or_default();
    }
    !text.trim_start_matches(['-', '+']).is_empty()
}

/// A version that is not a number.
pub(crate) fn bad_version(text: &str) -> Status {
    Status::bad_request(format!("resourceVersion: Invalid value: \"{text}\": must be a whole number"))
}
