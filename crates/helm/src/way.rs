//! The way to a value through maps and lists, as the key of a value that is set says it; which ways later ones cross.

use std::collections::HashMap;

use crate::set_values::{unescaped, until};

/// A step of the way to a value.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Way {
    /// Into a map.
    Name(String),
    /// Into a list; none where the place is no number.
    Place(Option<u32>),
}

/// The way that a key says.
pub fn way(key: &str) -> Vec<Way> {
    let (mut way, mut rest, mut named) = (Vec::new(), key, true);
    loop {
        let (name, after) = until(rest, &['.', '[']);
        if named || !name.is_empty() {
            way.push(Way::Name(unescaped(name)));
        }
        if let Some(below) = after.strip_prefix('.') {
            (rest, named) = (below, true);
        } else if let Some(place) = after.strip_prefix('[') {
            let (place, after) = until(place, &[']']);
            way.push(Way::Place(place.parse().ok()));
            (rest, named) = (after.strip_prefix(']').unwrap_or_default(), false);
        } else {
            return way;
        }
    }
}

/// Ways that are known, as a tree: each node has a number.
#[derive(Debug, Default)]
pub struct Ways {
    next: HashMap<(usize, Way), usize>,
    nodes: HashMap<usize, Node>,
}

#[derive(Debug, Default)]
struct Node {
    ends: bool,
    is_map: bool,
    is_list: bool,
}

impl Ways {
    /// Adds a way.
    pub fn add(&mut self, way: Vec<Way>) {
        let mut at = 0;
        for step in way {
            let node = self.nodes.entry(at).or_default();
            match step {
                Way::Name(_) => node.is_map = true,
                Way::Place(_) => node.is_list = true,
            }
            let new = self.next.len() + 1;
            at = *self.next.entry((at, step)).or_insert(new);
        }
        self.nodes.entry(at).or_default().ends = true;
    }

    /// Whether one of them crosses a way: it ends on it, goes on where it ends, or finds a list where it finds a map.
    pub fn cross(&self, way: &[Way]) -> bool {
        let mut at = 0;
        for step in way {
            let Some(node) = self.nodes.get(&at) else { return false };
            let other = match step {
                Way::Name(_) => node.is_list,
                Way::Place(_) => node.is_map,
            };
            if node.ends || other {
                return true;
            }
            let Some(next) = self.next.get(&(at, step.clone())) else { return false };
            at = *next;
        }
        true
    }
}
