//! OCI registries: references, manifests, blobs; copies from one repository to another.

mod auth;
mod copy;
mod manifest;
mod reference;
mod repository;
mod session;

pub use auth::Credential;
pub use copy::{Annotations, Copied, Copy};
pub use manifest::{Descriptor, Kind, Manifest, digest_of};
pub use reference::{Invalid, Reference, Target};
pub use repository::{Blob, Repository};
pub use session::Error;
