//! What the steps for registries have in common: references, and repositories with the credential for them.

use std::borrow::Cow;
use std::sync::LazyLock;

use ferry_engine::credentials::Credential;
use ferry_engine::world::CredentialType;
use ferry_engine::{StepContext, StepError};
use ferry_net::Http;
use ferry_oci::{Error, Reference, Repository};
use regex::Regex;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer};

/// What a reference looks like at first sight; what is wrong with it beyond that is said when it is used.
const SHAPE: &str = r"^(oci://)?[a-zA-Z0-9._-]+(:[0-9]+)?(/[a-zA-Z0-9._-]+)*[@:][a-zA-Z0-9._:-]+$";
/// The same with a tag and nothing else.
const TAGGED: &str = r"^(oci://)?[a-zA-Z0-9._-]+(:[0-9]+)?(/[a-zA-Z0-9._-]+)*[:][a-zA-Z0-9._-]+$";

/// A reference as a config writes it; with a tag where `TAG`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Written<const TAG: bool>(String);

impl<const TAG: bool> Written<TAG> {
    /// What it refers to.
    pub fn read(&self) -> Result<Reference, StepError> {
        Reference::parse(&self.0).map_err(|e| StepError::Failed(e.to_string()))
    }
}

impl<'de, const TAG: bool> Deserialize<'de> for Written<TAG> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        static SHAPES: LazyLock<Option<(Regex, Regex)>> =
            LazyLock::new(|| Some((Regex::new(SHAPE).ok()?, Regex::new(TAGGED).ok()?)));
        let text = String::deserialize(deserializer)?;
        let fits =
            SHAPES.as_ref().is_some_and(|(any, tagged)| if TAG { tagged } else { any }.is_match(&text));
        let wanted =
            if TAG { "registry/repository:tag" } else { "registry/repository:tag or @sha256:digest" };
        if fits { Ok(Self(text)) } else { Err(serde::de::Error::custom(format!("{text:?} is not {wanted}"))) }
    }
}

impl<const TAG: bool> JsonSchema for Written<TAG> {
    fn schema_name() -> Cow<'static, str> {
        if TAG { "TaggedReference" } else { "Reference" }.into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "string", "minLength": 1, "pattern": if TAG { TAGGED } else { SHAPE }})
    }
}

/// The repository of a reference, with the credential that the Project has for it.
pub async fn repository(
    ctx: &StepContext,
    reference: &Reference,
    writes: bool,
    insecure: bool,
) -> Result<Repository, StepError> {
    let http = ctx.service::<Http>()?;
    let kind = if reference.is_chart { CredentialType::Helm } else { CredentialType::Image };
    let found = ctx.credential(kind, &reference.name()).await?;
    let credential = match found {
        Some(Credential::Basic { username, password }) => Some(ferry_oci::Credential { username, password }),
        Some(Credential::SshKey { .. }) | None => None,
    };
    Ok(Repository::new((*http).clone(), reference, credential, writes)
        .with_any_certificate(insecure)
        .with_credentials_over_http(ctx.settings.credentials_over_http))
}

/// What is too large stays so; all else may be otherwise next time.
#[expect(clippy::needless_pass_by_value, reason = "for map_err")]
pub fn failed(error: Error) -> StepError {
    match error {
        Error::Large { .. } => StepError::Fatal(error.to_string()),
        _ => StepError::Retryable(error.to_string()),
    }
}
