//! How much one expression may use. An expression comes from a user's object: it must end soon, small and without
//! exhausting the stack, whatever it says.

/// Longest expression, in bytes.
pub const MAX_SOURCE: usize = 256 * 1024;
/// Longest template and longest evaluated template, in bytes.
pub const MAX_TEMPLATE: usize = 16 * 1024 * 1024;
/// Most nodes of one expression.
pub const MAX_NODES: usize = 10_000;
/// Deepest nesting of an expression.
pub const MAX_DEPTH: u16 = 100;
/// Deepest nesting of a value made by an expression.
pub const MAX_VALUE_DEPTH: u16 = 150;
/// Largest value made by an expression: its elements, and the bytes of its texts, written out.
pub const MAX_VALUE_WEIGHT: usize = 64 * 1024 * 1024;
/// Most array and map elements one evaluation may make.
pub const MAX_ELEMENTS: usize = 1_000_000;
/// Most bytes of text one evaluation may make.
pub const MAX_BYTES: usize = 64 * 1024 * 1024;
/// Most steps of one evaluation.
pub const MAX_STEPS: u64 = 10_000_000;
/// Most different regular expressions that one evaluation may compile.
pub const MAX_REGEXES: usize = 500;
/// Largest compiled regular expression, in bytes.
pub const MAX_REGEX: usize = 1024 * 1024;

/// What one evaluation has used so far.
#[derive(Debug, Default)]
pub(crate) struct Budget {
    elements: usize,
    bytes: usize,
    steps: u64,
}

impl Budget {
    /// Counts one step.
    pub(crate) fn step(&mut self) -> Result<(), String> {
        self.steps(1)
    }

    /// Counts several steps, of work that is not evaluation of nodes.
    pub(crate) fn steps(&mut self, count: usize) -> Result<(), String> {
        self.steps = self.steps.saturating_add(count as u64);
        if self.steps > MAX_STEPS {
            return Err(format!("the expression takes more than {MAX_STEPS} steps: make it work on less"));
        }
        Ok(())
    }

    /// Counts the work of going through something: sixteen bytes or elements are a step.
    pub(crate) fn work(&mut self, weight: usize) -> Result<(), String> {
        self.steps(weight / 16)
    }

    /// Counts elements that come into being.
    pub(crate) fn elements(&mut self, count: usize) -> Result<(), String> {
        self.elements = self.elements.saturating_add(count);
        if self.elements >= MAX_ELEMENTS {
            return Err(format!(
                "the expression makes {MAX_ELEMENTS} elements or more: make it work on less"
            ));
        }
        Ok(())
    }

    /// Counts bytes of text that come into being.
    pub(crate) fn bytes(&mut self, count: usize) -> Result<(), String> {
        self.bytes = self.bytes.saturating_add(count);
        if self.bytes > MAX_BYTES {
            return Err(format!("the expression makes more than {MAX_BYTES} bytes of text"));
        }
        Ok(())
    }
}
