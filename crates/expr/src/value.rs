//! What expressions work on.

mod collection;
mod display;
mod equality;
pub(crate) mod json;
mod object;
mod text;

use std::sync::Arc;

pub(crate) use collection::Extent;
pub use collection::{List, Map, Pairs, SharedMap};
pub use object::{Form, Object, Record};
pub use text::Text;

use crate::host::Function;
use crate::number;
use crate::time::{Duration, Time, Zone};

/// A value of the language.
///
/// Numbers that come from JSON are floats; integer literals are integers. The difference is visible, as it is in the
/// language we follow: `7 % 4` works, `n % 4` with an `n` from the environment does not.
#[derive(Debug, Clone)]
pub enum Value {
    /// `nil`
    Nil,
    /// `true`, `false`
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// A whole number without sign: a byte of a text, a part of a version.
    Uint(u64),
    /// A number from JSON, or the result of `/` and `**`.
    Float(f64),
    /// A string.
    String(Text),
    /// A byte literal. Written as base64 in JSON.
    Bytes(Text),
    /// An array.
    List(List),
    /// A map.
    Map(SharedMap),
    /// A map with keys of any kind.
    Pairs(Pairs),
    /// A moment.
    Time(Time),
    /// A span of time.
    Duration(Duration),
    /// A time zone.
    Zone(Zone),
    /// Something of the host's.
    Object(Arc<dyn Object>),
    /// A function in a variable.
    Function(Function),
}

impl Value {
    /// A string that stays one when a template ends in it: see [`Text`].
    pub fn exact(text: impl Into<Text>) -> Self {
        Self::String(Text::exact(text))
    }

    /// An object of the host's.
    pub fn object(object: impl Object + 'static) -> Self {
        Self::Object(Arc::new(object))
    }

    /// A JSON value; numbers become floats.
    pub fn from_json(json: &serde_json::Value) -> Self {
        match json {
            serde_json::Value::Null => Self::Nil,
            serde_json::Value::Bool(value) => Self::Bool(*value),
            serde_json::Value::Number(number) => Self::Float(number.as_f64().unwrap_or(f64::NAN)),
            serde_json::Value::String(text) => Self::from(text.as_str()),
            serde_json::Value::Array(items) => items.iter().map(Self::from_json).collect(),
            serde_json::Value::Object(object) => Self::from(Map::from_json(object)),
        }
    }

    /// As JSON. Whole floats become integers. The error says what has no JSON form (a function, `NaN`, …).
    pub fn to_json(&self) -> Result<serde_json::Value, String> {
        json::to_json(self)
    }

    /// The text `string()` gives.
    pub fn display(&self) -> String {
        let mut out = Vec::new();
        display::write(self, &mut out);
        text::decode(&out).into_owned()
    }

    pub(crate) fn display_bytes(&self) -> Vec<u8> {
        let mut out = Vec::new();
        display::write(self, &mut out);
        out
    }

    /// What `type()` says.
    pub fn type_name(&self) -> &str {
        match self {
            Self::Nil => "nil",
            Self::Bool(_) => "bool",
            Self::Int(_) => "int",
            Self::Uint(_) => "uint",
            Self::Float(_) => "float",
            Self::String(_) => "string",
            Self::Bytes(_) | Self::List(_) => "array",
            Self::Map(_) | Self::Pairs(_) => "map",
            Self::Time(_) => "time.Time",
            Self::Duration(_) => "time.Duration",
            Self::Zone(_) => "time.Location",
            Self::Object(object) => object.type_name(),
            Self::Function(_) => "func",
        }
    }

    /// Does it count as nil for `??` and `?.`?
    pub fn is_nil(&self) -> bool {
        match self {
            Self::Nil => true,
            Self::List(list) => list.is_null(),
            Self::Map(map) => map.is_null(),
            _ => false,
        }
    }

    /// Is it the zero value of its type (which `omitempty` leaves out)?
    pub(crate) fn is_empty(&self) -> bool {
        match self {
            Self::Nil => true,
            Self::Bool(value) => !value,
            Self::Int(value) => *value == 0,
            Self::Uint(value) => *value == 0,
            Self::Float(value) => *value == 0.0,
            Self::String(text) | Self::Bytes(text) => text.as_bytes().is_empty(),
            Self::List(list) => list.items().is_empty(),
            Self::Map(map) => map.is_empty(),
            Self::Pairs(pairs) => pairs.entries().is_empty(),
            Self::Duration(duration) => duration.0 == 0,
            _ => false,
        }
    }

    /// Equality of the language: numbers by value, collections element by element.
    pub fn equals(&self, other: &Self) -> bool {
        equality::equal(self, other)
    }

    /// Whether a condition holds: a bool, or something whose text is one (`1`, `'T'`). None for everything else.
    pub fn as_condition(&self) -> Option<bool> {
        self.as_bool().or_else(|| number::parse_bool(&self.display()))
    }

    pub(crate) fn extent(&self) -> Extent {
        match self {
            Self::List(list) => list.extent(),
            Self::Map(map) => map.extent(),
            Self::Pairs(pairs) => pairs.extent(),
            Self::String(text) | Self::Bytes(text) => Extent { depth: 0, weight: 1 + text.as_bytes().len() },
            _ => Extent { depth: 0, weight: 1 },
        }
    }

    /// The text, if it is one.
    pub fn as_text(&self) -> Option<&Text> {
        match self {
            Self::String(text) => Some(text),
            _ => None,
        }
    }

    /// The string, if it is one and UTF-8.
    pub fn as_str(&self) -> Option<&str> {
        self.as_text().and_then(Text::as_str)
    }

    /// The truth value, if it is one.
    pub fn as_bool(&self) -> Option<bool> {
        match self {
            Self::Bool(value) => Some(*value),
            _ => None,
        }
    }
}

macro_rules! from {
    ($($type:ty => $variant:ident),+ $(,)?) => {$(
        impl From<$type> for Value {
            fn from(value: $type) -> Self {
                Self::$variant(value.into())
            }
        }
    )+};
}

from! {
    bool => Bool, i64 => Int, u64 => Uint, f64 => Float, &str => String, String => String, Text => String,
    List => List, Map => Map, SharedMap => Map, Pairs => Pairs, Time => Time, Duration => Duration, Zone => Zone,
    Function => Function,
}

impl From<Vec<Value>> for Value {
    fn from(items: Vec<Value>) -> Self {
        Self::List(List::new(items))
    }
}

impl<T: Into<Value>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Nil, Into::into)
    }
}

impl FromIterator<Value> for Value {
    fn from_iter<I: IntoIterator<Item = Value>>(items: I) -> Self {
        Self::from(items.into_iter().collect::<Vec<_>>())
    }
}
