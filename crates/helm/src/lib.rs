//! Helm: templates rendered, versions chosen and folders packaged by the real program; what it needs is fetched here.

mod archive;
mod check;
mod dependency;
mod index;
pub mod lenient;
mod package;
mod repository;
mod resolve;
mod said;
mod set_values;
mod template;
mod way;

pub use archive::{About, NoChart};
pub use check::check;
pub use dependency::{Dependency, Locked, dependencies, digest, old_digest};
pub use index::{Index, Release};
pub use package::package;
pub use repository::{Error as RepositoryError, Fetched, Place, fetch};
pub use resolve::{NotChosen, newest};
pub use set_values::{Invalid, SetValue, texts};
pub use template::{Error, Output, Template};
