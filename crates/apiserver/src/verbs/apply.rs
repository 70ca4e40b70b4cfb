//! Server-side apply: a configuration becomes part of an object, under the name of a manager.

use axum::response::Response;
use serde_json::Value;

use super::books::{self, Books};
use super::create::{self, create};
use super::draft::Draft;
use super::update::{Attempt, change, check_version, respond_to};
use super::{ATTEMPTS, Call, decode};
use crate::options::WriteOptions;
use crate::ownership::{Applied, Conflict, Managed, Refusal, apply, conflicts_to_overrule, renew};
use crate::schema::depth::{MAX_DEPTH, within};
use crate::schema::{Cause, CauseReason};
use crate::{Status, meta, respond};

pub(super) async fn answer(call: &Call, options: WriteOptions) -> Result<Response, Status> {
    let (form, include) = call.form()?;
    if options.field_manager.is_none() {
        return Err(nameless());
    }
    let force = force(call)?;
    let (configuration, twice) = read(call)?;
    let mut draft = Draft::new(call, options);
    draft.applied = true;
    draft.odd(twice.into_iter());
    draft.tell()?;
    for _ in 0..ATTEMPTS {
        let old = match call.find() {
            Ok(old) => old,
            Err(absent) if call.place.subresource.is_some() => return Ok(draft.refuse(absent)),
            Err(_) => {
                let made = make(&mut draft, &configuration, force).await;
                return create::respond_to(draft, made, form, include).await;
            }
        };
        let result = match onto(&mut draft, &old, &configuration, force).await {
            Ok(Attempt::Lost) => continue,
            Ok(Attempt::Done(changed)) => Ok(changed),
            Err(status) => Err(status),
        };
        return respond_to(draft, result, form, include).await;
    }
    Ok(draft.refuse(Status::stale(&call.resource, call.name())))
}

/// Applies to what is not there: makes it.
async fn make(draft: &mut Draft<'_>, configuration: &Value, force: bool) -> Result<create::Made, Status> {
    let call = draft.call;
    if !meta::text(configuration, "uid").is_empty() {
        let why = "uid mismatch: the provided object specified uid, and no existing object was found";
        return Err(Status::conflict(&call.resource.group, &call.resource.plural, call.name(), why));
    }
    let result = books::with_book(call, &draft.options, |book| {
        apply(book, Managed::default(), &Value::Null, configuration, force)
    });
    let Applied { object, managed } = result.map_err(|refusal| refused(call, refusal))?;
    let mut object = object.unwrap_or_else(|| configuration.clone());
    if let Some(metadata) = meta::of(&mut object) {
        metadata.insert("name".into(), call.name().into());
        metadata.remove("resourceVersion");
    }
    create(draft, object, Books::Kept(managed)).await
}

/// Applies to an object.
async fn onto(
    draft: &mut Draft<'_>,
    old: &std::sync::Arc<ferry_store::Object>,
    configuration: &Value,
    force: bool,
) -> Result<Attempt, Status> {
    let call = draft.call;
    let live = respond::view(&call.resource, old).into_owned();
    check_uid(call, configuration, &live)?;
    check_version_of(call, configuration, old.version)?;
    let managed = Managed::read(meta::managed_fields(&live)).unwrap_or_default();
    let mut bare = live.clone();
    meta::set_managed_fields(&mut bare, Vec::new());
    let result = books::with_book(call, &draft.options, |book| {
        match apply(book, managed.clone(), &bare, configuration, force) {
            Err(Refusal::Conflicts(conflicts))
                if conflicts_to_overrule(&book.manager, &bare, &conflicts, book.shape) =>
            {
                apply(book, managed, &bare, configuration, true)
            }
            other => other,
        }
    });
    let Applied { object, managed } = result.map_err(|refusal| refused(call, refusal))?;
    let mut object = object.unwrap_or(bare);
    if call.place.subresource.is_none() {
        renew(&books::manager(call, &draft.options), &live, configuration, &mut object);
    }
    draft.clean(&mut object)?;
    change(draft, object, old, &Books::Kept(managed)).await
}

/// The configuration: an object of the call's kind, without `managedFields`.
fn read(call: &Call) -> Result<(Value, Option<String>), Status> {
    let (mut configuration, twice) = decode::yaml(&call.body)?;
    if !within(&configuration, MAX_DEPTH) {
        return Err(Status::bad_request(format!(
            "the configuration is nested deeper than {MAX_DEPTH} levels"
        )));
    }
    decode::check_kind(call, &mut configuration)?;
    // Types of metadata, before anything is made of it.
    let unknown = meta::shape(&mut configuration.clone()).map_err(|why| unfit(call, &[why]))?;
    if !unknown.is_empty() {
        return Err(unfit(
            call,
            &unknown.iter().map(|f| format!(".{f}: field not declared in schema")).collect::<Vec<_>>(),
        ));
    }
    if meta::managed_fields(&configuration).is_some_and(|fields| !fields.is_null()) {
        return Err(Status::bad_request("metadata.managedFields must be nil"));
    }
    meta::set_managed_fields(&mut configuration, Vec::new());
    let (name, expected) = (meta::text(&configuration, "name"), call.name());
    if !name.is_empty() && name != expected {
        return Err(Status::bad_request(format!(
            "the name of the object ({name}) does not match the name on the URL ({expected})"
        )));
    }
    create::check_namespace(call, &configuration)?;
    Ok((configuration, twice))
}

fn force(call: &Call) -> Result<bool, Status> {
    match call.query.text("force") {
        Some("true" | "1" | "t" | "T" | "TRUE" | "True") => Ok(true),
        None | Some("false" | "0" | "f" | "F" | "FALSE" | "False") => Ok(false),
        Some(other) => Err(Status::bad_request(format!("force must be true or false, not {other:?}"))),
    }
}

fn nameless() -> Status {
    let cause = Cause {
        reason: CauseReason::Required,
        field: "fieldManager".into(),
        message: "Required value: is required for apply patch".into(),
    };
    Status::invalid("meta.k8s.io", "PatchOptions", "", &[cause])
}

fn check_uid(call: &Call, configuration: &Value, live: &Value) -> Result<(), Status> {
    let (given, now) = (meta::text(configuration, "uid"), meta::text(live, "uid"));
    if given.is_empty() || given == now {
        return Ok(());
    }
    let cause = || Cause {
        reason: CauseReason::Invalid,
        field: "metadata.uid".into(),
        message: format!("Invalid value: \"{given}\": field is immutable"),
    };
    // As a real server has it: metadata is compared twice.
    Err(Status::invalid(&call.resource.group, &call.resource.kind, call.name(), &[cause(), cause()]))
}

fn check_version_of(call: &Call, configuration: &Value, current: u64) -> Result<(), Status> {
    match meta::text(configuration, "resourceVersion") {
        "" => Ok(()),
        given => check_version(call, given, current),
    }
}

fn refused(call: &Call, refusal: Refusal) -> Status {
    match refusal {
        Refusal::Unfit(faults) => unfit(call, &faults),
        Refusal::Conflicts(conflicts) => conflicting(&conflicts),
    }
}

fn unfit(call: &Call, faults: &[String]) -> Status {
    Status::bad_request(format!(
        "failed to create typed patch object ({}/{}; {}, Kind={}): {}",
        call.namespace(),
        call.name(),
        call.resource.api_version(),
        call.resource.kind,
        faults.join(", ")
    ))
}

fn conflicting(conflicts: &[Conflict]) -> Status {
    let mut causes = Vec::new();
    for conflict in conflicts {
        let version = conflict.with.updates_in.as_ref().map(|v| format!(" using {v}")).unwrap_or_default();
        let subresource = match conflict.with.subresource.as_str() {
            "" => String::new(),
            name => format!(" with subresource \"{name}\""),
        };
        let message = format!("conflict with \"{}\"{subresource}{version}", conflict.with.name);
        for path in conflict.set.shown() {
            causes.push(("FieldManagerConflict".to_owned(), message.clone(), path));
        }
    }
    let listed: Vec<String> = causes.iter().map(|(_, message, path)| format!("{message}: {path}")).collect();
    let mut status = Status::new(
        409,
        "Conflict",
        format!(
            "Apply failed with {} conflict{}: {}",
            causes.len(),
            if causes.len() == 1 { "" } else { "s" },
            listed.join("; ")
        ),
    );
    status.details.causes = causes;
    status
}
