//! What makes a struct a Kubernetes kind: group, version, plural, scope, and the two fields that name them in JSON.
//!
//! `apiVersion` and `kind` are zero-sized here: they serialise to the right text and accept any on the way in
//! (the API server has checked it).

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::IgnoredAny};

/// The API group of every kind of ours.
pub const GROUP: &str = "kargo.akuity.io";
/// The one version, which is also the stored one.
pub const VERSION: &str = "v1alpha1";
/// `group/version`, as objects carry it.
pub const API_VERSION: &str = "kargo.akuity.io/v1alpha1";

/// The field `apiVersion`: always [`API_VERSION`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ApiVersion;

impl Serialize for ApiVersion {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(API_VERSION)
    }
}

impl<'de> Deserialize<'de> for ApiVersion {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        IgnoredAny::deserialize(deserializer).map(|_| Self)
    }
}

/// The field `kind` of resource `K`: always `K::KIND`.
pub struct Tag<K>(PhantomData<fn() -> K>);

impl<K> Clone for Tag<K> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<K> Copy for Tag<K> {}
impl<K> Default for Tag<K> {
    fn default() -> Self {
        Self(PhantomData)
    }
}
impl<K> PartialEq for Tag<K> {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}
impl<K: k8s_openapi::Resource> fmt::Debug for Tag<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(K::KIND)
    }
}
impl<K: k8s_openapi::Resource> Serialize for Tag<K> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(K::KIND)
    }
}
impl<'de, K> Deserialize<'de> for Tag<K> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        IgnoredAny::deserialize(deserializer).map(|_| Self::default())
    }
}

impl JsonSchema for ApiVersion {
    fn schema_name() -> Cow<'static, str> {
        "ApiVersion".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "string"})
    }
}

impl<K: k8s_openapi::Resource> JsonSchema for Tag<K> {
    fn schema_name() -> Cow<'static, str> {
        K::KIND.into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "string"})
    }
}

/// Implements the resource traits for a struct that has a `metadata` field.
macro_rules! resource {
    ($name:ident, $plural:literal, $scope:ident) => {
        impl k8s_openapi::Resource for $name {
            const API_VERSION: &'static str = $crate::kind::API_VERSION;
            const GROUP: &'static str = $crate::kind::GROUP;
            const KIND: &'static str = stringify!($name);
            const VERSION: &'static str = $crate::kind::VERSION;
            const URL_PATH_SEGMENT: &'static str = $plural;
            type Scope = k8s_openapi::$scope;
        }

        impl k8s_openapi::ListableResource for $name {
            const LIST_KIND: &'static str = concat!(stringify!($name), "List");
        }

        impl k8s_openapi::Metadata for $name {
            type Ty = $crate::ObjectMeta;

            fn metadata(&self) -> &Self::Ty {
                &self.metadata
            }

            fn metadata_mut(&mut self) -> &mut Self::Ty {
                &mut self.metadata
            }
        }
    };
}
pub(crate) use resource;
