//! A refusal of the rules, as the API server answers it.

use ferry_admission::Denial;
use ferry_apiserver::Status;

pub(super) fn of(denial: &Denial) -> Status {
    let mut status = Status::new(denial.code, denial.reason, denial.message.clone());
    status.details.group.clone_from(&denial.group);
    status.details.kind.clone_from(&denial.kind);
    status.details.name.clone_from(&denial.name);
    let causes = denial.causes.iter();
    status.details.causes = causes
        .map(|cause| (cause.reason.as_str().to_owned(), cause.message.clone(), cause.field.clone()))
        .collect();
    status
}
