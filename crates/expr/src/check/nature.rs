//! What is known about a value before it is there.

use std::fmt;
use std::sync::Arc;

/// What is known about a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Nature {
    /// Anything.
    Unknown,
    Nil,
    Bool,
    Int,
    Uint,
    Float,
    String,
    Bytes,
    Array(Slice, Arc<Nature>),
    Map(Keys, Arc<Nature>),
    Time,
    Duration,
    Zone,
    /// A month or a day of the week.
    Named(&'static str),
    /// An object of the host's: its fields are not known here.
    Object(&'static str),
}

/// What an array is made of: arrays of different kinds are not interchangeable as arguments.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Slice {
    Any,
    Int,
    String,
}

/// What keys a map has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Keys {
    String,
    Any,
}

impl Keys {
    pub(crate) fn accepts(self, key: &Nature) -> bool {
        self == Self::Any || *key == Nature::String
    }
}

impl Nature {
    pub(crate) fn map() -> Self {
        Self::Map(Keys::String, Arc::new(Self::Unknown))
    }

    pub(crate) fn array() -> Self {
        Self::array_of(Self::Unknown)
    }

    pub(crate) fn array_of(element: Self) -> Self {
        Self::Array(Slice::Any, Arc::new(element))
    }

    pub(crate) fn strings() -> Self {
        Self::Array(Slice::String, Arc::new(Self::String))
    }

    pub(crate) fn integers() -> Self {
        Self::Array(Slice::Int, Arc::new(Self::Int))
    }

    pub(crate) fn is_unknown(&self) -> bool {
        *self == Self::Unknown
    }

    pub(crate) fn is_integer(&self) -> bool {
        matches!(self, Self::Int | Self::Uint)
    }

    pub(crate) fn is_number(&self) -> bool {
        self.is_integer() || *self == Self::Float
    }

    pub(crate) fn is_array(&self) -> bool {
        matches!(self, Self::Array(..) | Self::Bytes)
    }

    /// What its elements are.
    pub(crate) fn element(&self) -> Self {
        match self {
            Self::Array(_, element) | Self::Map(_, element) => (**element).clone(),
            Self::Bytes => Self::Uint,
            _ => Self::Unknown,
        }
    }

    /// Can `==` compare them?
    pub(crate) fn is_comparable_to(&self, other: &Self) -> bool {
        let loose = |nature: &Self| matches!(nature, Self::Unknown | Self::Nil);
        loose(self)
            || loose(other)
            || self.is_number() && other.is_number()
            || self.is_array() && other.is_array()
            || self.kind() == other.kind() && self.is_assignable_to(other)
    }

    /// May it stand where the other is wanted?
    pub(crate) fn is_assignable_to(&self, wanted: &Self) -> bool {
        match (self, wanted) {
            (_, Self::Unknown) => true,
            (Self::Array(a, _), Self::Array(b, _)) => a == b,
            (Self::Map(a, _), Self::Map(b, _)) => a == b,
            (a, b) => a == b,
        }
    }

    /// A coarse class: arrays of one class are taken to have elements of one nature.
    pub(crate) fn kind(&self) -> u8 {
        match self {
            Self::Unknown | Self::Nil => 0,
            Self::Bool => 1,
            Self::Int => 2,
            Self::Uint => 3,
            Self::Float => 4,
            Self::String => 5,
            Self::Bytes | Self::Array(..) => 6,
            Self::Map(..) => 7,
            Self::Time => 8,
            Self::Duration => 9,
            Self::Zone | Self::Object(_) => 10,
            Self::Named(_) => 11,
        }
    }
}

impl fmt::Display for Nature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Unknown => "an unknown value",
            Self::Nil => "nil",
            Self::Bool => "a bool",
            Self::Int => "an int",
            Self::Uint => "a uint",
            Self::Float => "a float",
            Self::String => "a string",
            Self::Bytes => "a byte string",
            Self::Array(..) => "an array",
            Self::Map(..) => "a map",
            Self::Time => "a date",
            Self::Duration => "a duration",
            Self::Zone => "a time zone",
            Self::Named(name) | Self::Object(name) => name,
        })
    }
}

/// What a method of a date gives.
pub(crate) fn of_time_method(name: &str) -> Nature {
    match name {
        "Month" => Nature::Named("time.Month"),
        "Weekday" => Nature::Named("time.Weekday"),
        "Format" | "String" | "Zone" => Nature::String,
        "Before" | "After" | "Equal" | "IsZero" | "IsDST" => Nature::Bool,
        "Sub" => Nature::Duration,
        "Location" => Nature::Zone,
        "Add" | "AddDate" | "In" | "UTC" | "Local" | "Round" | "Truncate" => Nature::Time,
        _ => Nature::Int,
    }
}

/// What a method of a duration gives.
pub(crate) fn of_duration_method(name: &str) -> Nature {
    match name {
        "Hours" | "Minutes" | "Seconds" => Nature::Float,
        "String" => Nature::String,
        "Round" | "Truncate" | "Abs" => Nature::Duration,
        _ => Nature::Int,
    }
}
