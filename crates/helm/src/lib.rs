//! Helm: templates rendered by the real program; dependencies of charts resolved, fetched and locked.

mod archive;
mod dependency;
mod index;
mod package;
mod repository;
mod said;
mod set_values;
mod template;
mod way;

pub use archive::{About, NoChart};
pub use dependency::{Dependency, Locked, digest};
pub use index::{Index, Release};
pub use package::package;
pub use repository::{Error as RepositoryError, Fetched, Place, fetch};
pub use set_values::{Invalid, SetValue, texts};
pub use template::{Error, Output, Template};
