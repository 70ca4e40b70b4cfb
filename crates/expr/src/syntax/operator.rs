//! Operators: their words, precedence and associativity.

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unary {
    Not,
    Minus,
    Plus,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Binary {
    Or,
    And,
    Equal,
    NotEqual,
    Less,
    Greater,
    LessOrEqual,
    GreaterOrEqual,
    In,
    Matches,
    Contains,
    StartsWith,
    EndsWith,
    Range,
    Add,
    Subtract,
    Multiply,
    Divide,
    Modulo,
    Power,
    Coalesce,
}

/// Precedence of the pipe, the weakest operator.
pub(crate) const PIPE: u16 = 0;

impl Unary {
    pub(crate) fn parse(text: &str) -> Option<(Self, u16)> {
        match text {
            "not" | "!" => Some((Self::Not, 50)),
            "-" => Some((Self::Minus, 90)),
            "+" => Some((Self::Plus, 90)),
            _ => None,
        }
    }

    pub(crate) fn text(self) -> &'static str {
        match self {
            Self::Not => "not",
            Self::Minus => "-",
            Self::Plus => "+",
        }
    }
}

impl Binary {
    pub(crate) fn parse(text: &str) -> Option<Self> {
        Some(match text {
            "or" | "||" => Self::Or,
            "and" | "&&" => Self::And,
            "==" => Self::Equal,
            "!=" => Self::NotEqual,
            "<" => Self::Less,
            ">" => Self::Greater,
            "<=" => Self::LessOrEqual,
            ">=" => Self::GreaterOrEqual,
            "in" => Self::In,
            "matches" => Self::Matches,
            "contains" => Self::Contains,
            "startsWith" => Self::StartsWith,
            "endsWith" => Self::EndsWith,
            ".." => Self::Range,
            "+" => Self::Add,
            "-" => Self::Subtract,
            "*" => Self::Multiply,
            "/" => Self::Divide,
            "%" => Self::Modulo,
            "**" | "^" => Self::Power,
            "??" => Self::Coalesce,
            _ => return None,
        })
    }

    pub(crate) fn precedence(self) -> u16 {
        match self {
            Self::Or => 10,
            Self::And => 15,
            Self::Range => 25,
            Self::Add | Self::Subtract => 30,
            Self::Multiply | Self::Divide | Self::Modulo => 60,
            Self::Power => 100,
            Self::Coalesce => 500,
            _ => 20,
        }
    }

    pub(crate) fn is_right_associative(self) -> bool {
        self == Self::Power
    }

    /// Can `not` stand before it, as in `not in`?
    pub(crate) fn is_negatable(self) -> bool {
        matches!(self, Self::In | Self::Matches | Self::Contains | Self::StartsWith | Self::EndsWith)
    }

    /// Does it chain, as in `1 < x < 5`?
    pub(crate) fn is_comparison(self) -> bool {
        matches!(self, Self::Less | Self::Greater | Self::LessOrEqual | Self::GreaterOrEqual)
    }

    pub(crate) fn text(self) -> &'static str {
        match self {
            Self::Or => "or",
            Self::And => "and",
            Self::Equal => "==",
            Self::NotEqual => "!=",
            Self::Less => "<",
            Self::Greater => ">",
            Self::LessOrEqual => "<=",
            Self::GreaterOrEqual => ">=",
            Self::In => "in",
            Self::Matches => "matches",
            Self::Contains => "contains",
            Self::StartsWith => "startsWith",
            Self::EndsWith => "endsWith",
            Self::Range => "..",
            Self::Add => "+",
            Self::Subtract => "-",
            Self::Multiply => "*",
            Self::Divide => "/",
            Self::Modulo => "%",
            Self::Power => "**",
            Self::Coalesce => "??",
        }
    }
}
