//! OCI registries: references, manifests, blobs; copies from one repository to another.

mod auth;
mod blob;
mod body;
mod copy;
mod manifest;
mod reference;
mod repository;
mod session;
mod upload;

pub use auth::Credential;
pub use blob::Blob;
pub use copy::{Annotations, Copied, Copy, Failed};
pub use manifest::{Descriptor, Kind, Manifest, digest_of};
pub use reference::{Invalid, Reference, Target};
pub use repository::Repository;
pub use session::Error;
