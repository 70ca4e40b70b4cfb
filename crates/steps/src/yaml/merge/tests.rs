//! What is merged is what the data says, and what is not addressed stays byte for byte.

use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::merge;
use crate::yaml::read;

#[test]
fn fm_57_what_is_not_addressed_stays() {
    for (base, patch, merged) in [
        // Values take the place of values, written as those were.
        ("a: 1 # note\n\n\nb: 2\n", "a: x\n", "a: x # note\n\n\nb: 2\n"),
        ("a: 1 # note\n", "a: 2 # new\n", "a: 2 # new\n"),
        ("a: 1\n", "a: 2 # new\n", "a: 2 # new\n"),
        ("a: 'x'\r\nb: 2\r\n", "a: it's\nc: 3\n", "a: 'it''s'\r\nb: 2\r\nc: 3\r\n"),
        ("a: |\n  x\nb: 1\n", "a: y\n", "a: |-\n  y\nb: 1\n"),
        ("a: >-\n  x\n  z\nb: 1\n", "a: y\n", "a: >-\n  y\nb: 1\n"),
        ("a: x\nb: 1\n", "a: |\n  y\n  z\n", "a: |\n  y\n  z\nb: 1\n"),
        ("a: !!str 1\n", "a: !x 2\n", "a: !x 2\n"),
        ("a: 1\n---\na: 2\n", "a: 3\n", "a: 3\n---\na: 2\n"),
        ("a: 1\n---\na: 2\n", "b: 3\n", "a: 1\nb: 3\n---\na: 2\n"),
        // Keys are added below the last one, in the file's own layout.
        (
            "a:\n    b: 1 # c\n\nz: 1\n",
            "a:\n  c:\n    d: [1]\n",
            "a:\n    b: 1 # c\n    c:\n        d: [1]\n\nz: 1\n",
        ),
        ("a:\n  - 1\n", "b:\n- 2\n- c: 1\n  d: 2\n", "a:\n  - 1\nb:\n  - 2\n  - c: 1\n    d: 2\n"),
        ("a:\n  b: 1\n  # c: 2\nz: 1\n", "a: {d: 3}\n", "a:\n  b: 1\n  # c: 2\n  d: 3\nz: 1\n"),
        ("a: 1", "b: 2", "a: 1\nb: 2\n"),
        ("a: 1\nb: 2", "a: 3", "a: 3\nb: 2"),
        ("a: 1\nb: 2", "b: null\nc: 3", "a: 1\nc: 3\n"),
        // Where a file ends in a block scalar without a newline, there is none in the text.
        ("a: 1\n", "b: |\n  x", "a: 1\nb: |-\n  x\n"),
        ("a: 1\n", "b: >+\n  x\n  y", "a: 1\nb: >-\n  x y\n"),
        ("a: |\n  x", "b: 1\n", "a: |-\n  x\nb: 1\n"),
        ("a: |+ # c\n  x", "b: 1\n", "a: |- # c\n  x\nb: 1\n"),
        ("a: |2\n   x", "b: 1\n", "a: |2-\n   x\nb: 1\n"),
        ("a: >-\n  x", "b: 1\n", "a: >-\n  x\nb: 1\n"),
        ("a: |\n  x\n   ", "b: 1\n", "a: |-\n  x\n   \nb: 1\n"),
        ("a: |\r\n  x", "b: 1\r\n", "a: |-\r\n  x\r\nb: 1\r\n"),
        ("k:\n- |\n  x", "c: 2\n", "k:\n- |-\n  x\nc: 2\n"),
        ("k:\n  a: |\n    x", "k: {b: 1}\nc: 2\n", "k:\n  a: |-\n    x\n  b: 1\nc: 2\n"),
        ("a: |\n  x", "a: y\nb: 1\n", "a: |-\n  y\nb: 1\n"),
        ("a: |\n  x", "a: \"y\\n\"\nb: 1\n", "a: |\n  y\nb: 1\n"),
        ("a: {x: 1}\n", "a:\n  y:\n  - 2\n  z: |\n    t\n", "a: {x: 1, y: [2], z: \"t\\n\"}\n"),
        ("a: {x: 1,}\n", "a: {y: 2}\n", "a: {x: 1, y: 2}\n"),
        ("a: {}\n", "a:\n  x: 1\n", "a:\n  x: 1\n"),
        ("a: {} # c\n", "a:\n  x: 1\n", "a: # c\n  x: 1\n"),
        ("a: ~ # c\n", "a: 1 # d\n", "a: 1 # d\n"),
        ("a: [1] # c\n", "a: [2] # d\n", "a: [2] # d\n"),
        ("a: {} # c\n", "a: # d\n  x: 1\n", "a: # d\n  x: 1\n"),
        ("a: # c\nb: 1\n", "a:\n  x: 1\n", "a: # c\n  x: 1\nb: 1\n"),
        ("a: null # c\nb: 1\n", "a: [1]\n", "a: [1] # c\nb: 1\n"),
        ("{a: , b}\n", "a: {x: 1}\nb: 2\n", "{a: {x: 1} , b: 2}\n"),
        ("a: 1\n", "b: # why\n  # here\n  c: 1 # so\n", "a: 1\nb: # why\n  # here\n  c: 1 # so\n"),
        ("- x: 1\n", "- y: 1\n", "- y: 1\n"),
        // Lists take the place of lists.
        ("a:\n  # c\n  - 1\n  - 2 # d\nb: 1\n", "a: [3]\n", "a:\n  - 3\nb: 1\n"),
        ("a: # c\n- 1\nb: 1\n", "a: []\n", "a: [] # c\nb: 1\n"),
        ("a: &x\n- 1\nb: *x\n", "a: [2, 3]\n", "a: &x\n- 2\n- 3\nb: *x\n"),
        ("a: [1, 2]\n", "a:\n- x: 1\n", "a: [{x: 1}]\n"),
        ("a: []\n", "a:\n- x: 1\n", "a:\n- x: 1\n"),
        // A text that keeps the empty lines at its end is not written before others.
        ("a: 1\nf: 1\n", "a: |+\n  t\n\n", "a: |+\n  t\n\nf: 1\n"),
        ("a: 1\n\nf: 1\n", "a: |+\n  t\n\n", "a: \"t\\n\\n\"\n\nf: 1\n"),
        ("a: |\n  x\n\nf: 1\n", "a: |+\n  t\n\n", "a: \"t\\n\\n\"\n\nf: 1\n"),
        ("a:\n\nf: 1\n", "a: [\"t\\n\\n\"]\n", "a: [\"t\\n\\n\"]\n\nf: 1\n"),
        ("a: {}\n\nf: 1\n", "a:\n  e: |+\n    t\n\n", "a:\n  e: \"t\\n\\n\"\n\nf: 1\n"),
        ("f: 1\n\n", "e: |+\n  t\n\n", "f: 1\ne: \"t\\n\\n\"\n\n"),
        // Keys go with what is said above them.
        ("a: 1\n# of b\nb: 2 # c\nc: 3\n", "b: null\n", "a: 1\nc: 3\n"),
        ("a: 1\n# not of b\n\nb: |\n  x\n\nc: 3\n", "b: ~\n", "a: 1\n# not of b\n\nc: 3\n"),
        ("a: |\n  # text\nb: 2\n", "b: null\n", "a: |\n  # text\n"),
        ("a: {x: 1, y: 2, z: 3}\n", "a: {y: null, z: null}\n", "a: {x: 1}\n"),
        ("a: {x: 1, y: 2, z: 3}\n", "a: {x: null, y: null, w: 1}\n", "a: {z: 3, w: 1}\n"),
        ("a: {x: 1, y: 2}\n", "a: {y: null, z: 1}\n", "a: {x: 1, z: 1}\n"),
        ("a:\n  b: 1 # c\nc: 1\n", "a: {b: null}\n", "a: {}\nc: 1\n"),
        ("a:\n  b: 1\n", "a: {b: null, c: 2}\n", "a:\n  c: 2\n"),
        ("a: 1\nb: 2\n", "b: null\nc: 3\n", "a: 1\nc: 3\n"),
        ("a: 1\n", "a: null\n", "{}\n"),
        ("a: 1\n", "b: {c: null, d: {e: null, f: 1}}\n", "a: 1\nb: {d: {f: 1}}\n"),
        // An alias that is merged into becomes a value of its own.
        ("x: &a {k: 1, l: 2}\ny: *a # c\n", "y:\n  k: 3\n", "x: &a {k: 1, l: 2}\ny: {k: 3, l: 2} # c\n"),
        (
            "x: &a\n  k: 1\ny:\n  <<: *a\n  j: 2\n",
            "y: {k: 5}\n",
            "x: &a\n  k: 1\ny:\n  <<: *a\n  j: 2\n  k: 5\n",
        ),
        (
            "x: &a\n  k: {p: 1}\ny:\n  <<: *a\n",
            "y: {k: {q: 2}}\n",
            "x: &a\n  k: {p: 1}\ny:\n  <<: *a\n  k: {p: 1, q: 2}\n",
        ),
        ("z: 1\n", "a: &x {k: 1}\nb:\n  <<: *x\n  l: *x\n", "z: 1\na: {k: 1}\nb:\n  l: {k: 1}\n  k: 1\n"),
        // Keys with a question mark.
        ("? a\n: 1 # c\nb: 1\n", "a: 2\n", "? a\n: 2 # c\nb: 1\n"),
        ("? a # c\n# d\n:\n", "a: {b: 1}\n", "? a # c\n# d\n: {b: 1}\n"),
        ("? a\n: b: 1\n", "a: {c: {d: 2}}\n", "? a\n: b: 1\n  c: {d: 2}\n"),
        ("? a\n:  # c\n  b: 1\n", "a: {b: null, c: 2}\n", "? a\n: # c\n  c: 2\n"),
        ("? a\n: - 1\n", "a: [2, 3]\n", "? a\n: - 2\n  - 3\n"),
        ("? a\n:\n", "a:\n  b: 1\n", "? a\n: b: 1\n"),
        ("? a\n: 1\nb: 2\n", "a: null\n", "b: 2\n"),
        ("b: 2\n# of a\n? a\n: 1\nc: 3\n", "a: null\n", "b: 2\nc: 3\n"),
        ("b: 2\n&x a: 1\n!!str c: 3\n", "a: null\nc: null\n", "b: 2\n"),
        ("{&x a: 1, b: 2}\n", "a: null\n", "{b: 2}\n"),
        // What only a whole document can be.
        ("", "a: null\n", "a: null\n"),
        ("# c\n", "a: 1\n", "a: 1\n"),
        ("a: 1\n", "# c\n", "a: 1\n"),
        ("a: 1\n", "null\n", ""),
        ("# --- a\na: 1\n# ---\n", "null\n", ""),
        ("a: 1\n---\nb: 2\n", "null\n", "\n---\nb: 2\n"),
        ("{a: 1}\n", "b: 2\n", "{a: 1, b: 2}\n"),
    ] {
        assert_eq!(merge(base, patch).as_deref(), Ok(merged), "{base:?} + {patch:?}");
    }
}

#[test]
fn lists_of_kubernetes_are_merged_by_their_keys() {
    let pod = |spec: &str| format!("apiVersion: v1\nkind: Pod\nspec:\n{spec}");
    for (base, patch, merged) in [
        (
            "  containers:\n  - name: a # c\n    image: x\n  - name: b\n",
            "  containers:\n  - image: z\n    name: a\n",
            "  containers:\n  - name: a # c\n    image: z\n  - name: b\n",
        ),
        (
            "  containers:\n    - name: a\n\n    # of b\n    - name: b\n",
            "  containers:\n  - $patch: delete\n    name: b\n  - name: c\n",
            "  containers:\n    - name: a\n\n    - name: c\n",
        ),
        (
            "  containers:\n  - name: a\n",
            "  containers:\n  - $patch: delete\n    name: a\n",
            "  containers: []\n",
        ),
        (
            "  containers: [{name: a}, {name: b}]\n",
            "  containers:\n  - {name: a, $patch: delete}\n  - {name: c}\n",
            "  containers: [{name: b}, {name: c}]\n",
        ),
        (
            "  volumes:\n  - name: a\n    emptyDir: {}\n",
            "  volumes:\n  - name: a\n    $patch: replace\n    secret: {}\n",
            "  volumes:\n  - name: a\n    secret: {}\n",
        ),
        (
            "  containers:\n  - name: a\n    ports:\n    - containerPort: 80\n",
            "  containers:\n  - name: a\n    ports:\n    - containerPort: 80\n      protocol: UDP\n",
            "  containers:\n  - name: a\n    ports:\n    - containerPort: 80\n      protocol: UDP\n",
        ),
        // Of several of a name the first counts; where several have the name, all are changed.
        (
            "  containers:\n  - name: a\n    image: i\n",
            "  containers:\n  - name: a\n    image: x\n  - name: a\n    image: y\n    tty: true\n",
            "  containers:\n  - name: a\n    image: x\n",
        ),
        (
            "  containers:\n  - name: a\n",
            "  containers:\n  - name: a\n    $patch: delete\n  - name: a\n    image: y\n",
            "  containers: []\n",
        ),
        (
            "  containers:\n  - name: a\n  - name: a\n    image: x\n",
            "  containers:\n  - name: a\n    image: y\n",
            "  containers:\n  - name: a\n    image: y\n  - name: a\n    image: y\n",
        ),
        (
            "  containers:\n  - name: a\n    ports:\n    - containerPort: 80\n",
            "  containers:\n  - name: a\n    ports:\n    - containerPort: 80\n      protocol: UDP\n    - containerPort: 80\n      protocol: TCP\n",
            "  containers:\n  - name: a\n    ports:\n    - containerPort: 80\n    - containerPort: 80\n      protocol: UDP\n    - containerPort: 80\n      protocol: TCP\n",
        ),
        (
            "  containers:\n  - name: a\n    ports:\n    - containerPort: 80\n    - containerPort: 80\n      protocol: UDP\n",
            "  containers:\n  - name: a\n    ports:\n    - containerPort: 80\n      protocol: UDP\n      name: x\n",
            "  containers:\n  - name: a\n    ports:\n    - containerPort: 80\n    - containerPort: 80\n      protocol: UDP\n      name: x\n",
        ),
        // An element that says nothing else speaks of the whole list.
        ("  containers:\n  - name: a\n", "  containers:\n  - $patch: replace\n", "  containers: []\n"),
        (
            "  containers:\n  - name: a\n  - name: c # c\n",
            "  containers:\n  - name: c\n    x: {$patch: replace, y: null, z: 1}\n  - $patch: replace\n  - name: d\n    $patch: delete\n",
            "  containers:\n  - name: c\n    x: {z: 1}\n",
        ),
        (
            "  containers:\n  - name: a\n  hostNetwork: true\n",
            "  containers:\n  - $patch: delete\n",
            "  hostNetwork: true\n",
        ),
        (
            "  containers:\n  - name: a\n",
            "  containers:\n  - $patch: merge\n  - name: b\n",
            "  containers:\n  - name: a\n  - name: b\n",
        ),
        (
            "  x: 1\n",
            "  containers:\n  - name: c\n    $patch: delete\n  - name: d\n    env:\n    - $patch: replace\n    - name: X\n",
            "  x: 1\n  containers:\n  - name: d\n    env:\n    - name: X\n",
        ),
        (
            "  containers:\n  - name: a\n    args: [x]\n",
            "  containers:\n  - name: a\n    args: [y]\n",
            "  containers:\n  - name: a\n    args: [y]\n",
        ),
    ] {
        assert_eq!(merge(&pod(base), &pod(patch)), Ok(pod(merged)), "{base} + {patch}");
    }
    // Other lists are as they are written.
    for (base, patch, merged) in [
        ("l:\n- name: a\n", "l:\n- $patch: delete\n  name: a\n", "l:\n- $patch: delete\n  name: a\n"),
        ("a: [1]\n", "a: [{$patch: replace}, 2]\n", "a: [{$patch: replace}, 2]\n"),
        ("a: [1]\n", "a: [{b: {$patch: x}, c: null}]\n", "a: [{b: {$patch: x}, c: null}]\n"),
        ("b: 1\n", "a: {l: [{$patch: delete}], $patch: replace}\n", "b: 1\na: {l: [{$patch: delete}]}\n"),
    ] {
        assert_eq!(merge(base, patch).as_deref(), Ok(merged), "{base:?} + {patch:?}");
    }
    let finalizers = |list: &str| format!("apiVersion: v1\nkind: Secret\nmetadata:\n  finalizers: {list}\n");
    assert_eq!(merge(&finalizers("[a, b]"), &finalizers("[b, c]")), Ok(finalizers("[a, b, c]")));
    assert_eq!(merge(&finalizers("[a, b]"), &finalizers("[{$patch: replace}, c]")), Ok(finalizers("[c]")));
}

#[test]
fn what_cannot_be_merged() {
    for (base, patch, error) in [
        (
            "a:\n  b: 1\n",
            "a: {b: [1]}\n",
            "\"a.b\" is a single value and cannot become a list; remove it with null first, or give it the same shape",
        ),
        (
            "a: 1\n",
            "- 1\n",
            "the document is a map and cannot become a list; remove it with null first, or give it the same shape",
        ),
        (
            "x: &a {k: 1}\ny: {<<: *a}\n",
            "y: {k: null}\n",
            "\"y.k\" comes from a merge key (<<) and cannot be removed here",
        ),
        ("a: 1\n", "b: 1\nc: {a: {$patch: x}}\n", "\"c.a\": $patch is one of delete, merge and replace"),
        ("a: 1\n", "<<: 1\n", "line 1: << takes a map or a list of maps"),
        (
            "? a\nb: 1\n",
            "a: {b: 2}\n",
            "\"a\" is written in a way that cannot be changed in place; write it in the usual way first",
        ),
        ("a: 1\n", "? [b]\n: 1\n", "line 1: a key must be a text of less than 1000 bytes"),
        (
            "apiVersion: v1\nkind: Pod\nspec: {containers: [{name: a}]}\n",
            "spec: {containers: [{image: x}]}\n",
            "\"spec.containers\": an element has no \"name\", by which this list is merged",
        ),
    ] {
        assert_eq!(
            merge(base, patch).map_err(|e| e.to_string()),
            Err(error.to_owned()),
            "{base:?} + {patch:?}"
        );
    }
    let tens = |n: usize| format!("a{n}: &a{n} [{}]", vec![format!("*a{}", n - 1); 10].join(", "));
    let laughs: Vec<_> = std::iter::once("a0: &a0 x".to_owned()).chain((1..9).map(tens)).collect();
    assert_eq!(merge("b: 1\n", &laughs.join("\n")), Err(crate::yaml::Error::Large));
}

/// A value that is written with an alias, and everything after it, stays what it is.
#[test]
fn what_an_alias_stands_for_does_not_go_alone() {
    for (base, patch) in [
        ("a: &x 1\nb: *x\n", "a: null\n"),
        ("a: &x {k: 1}\nb:\n  <<: *x\n", "a: {$patch: delete}\n"),
        ("d:\n  a: &x 1\nb: *x\n", "d: {$patch: replace, z: 1}\n"),
        ("l: [&x 1]\nb: *x\n", "l: [2]\n"),
    ] {
        let said = merge(base, patch).unwrap_err().to_string();
        assert!(
            said.contains("unknown anchor") && said.contains("change what uses"),
            "{base} + {patch}: {said}"
        );
    }
    assert_eq!(merge("a: &x 1\nb: *x\n", "a: null\nb: 2\n").as_deref(), Ok("b: 2\n"));
    assert_eq!(merge("a: &x 1\nb: *x\n", "a: 2\n").as_deref(), Ok("a: &x 2\nb: *x\n"));
}

#[test]
fn many_aliases_of_a_large_value_are_refused() {
    let base = format!("a: &a {}\nb: [{}]\nc: *a\n", "x".repeat(1 << 20), vec!["*a"; 10_000].join(", "));
    assert_eq!(merge(&base, "c: {d: 1}\n"), Err(crate::yaml::Error::Large));
}

/// Time goes with the length of the texts, whatever they are made of; with its square this would not end.
#[test]
fn long_texts_take_no_longer_for_what_they_hold() {
    let keys = |prefix: &str, value: &str| -> String {
        let pairs: Vec<_> = (0..20_000).map(|n| format!("{prefix}{n}: {value}")).collect();
        pairs.join(", ")
    };
    let flow = format!("{{{}}}", keys("a", "1"));
    let merged = merge(&flow, &format!("{{{}}}", keys("b", "2"))).unwrap();
    assert_eq!(merged.len(), flow.len() + 2 + keys("b", "2").len());
    let block = keys("a", "1").replace(", ", "\n");
    let deleted = merge(&format!("{block}\nz: 1\n"), &format!("{{{}}}", keys("a", "null"))).unwrap();
    assert_eq!(deleted, "z: 1\n");
    let inherited = format!("x: &x {{{}}}\ny: {{<<: *x}}\n", keys("c", "3"));
    merge(&inherited, &format!("y: {{{}}}", keys("b", "2"))).unwrap();
}

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(json!(null)),
        any::<bool>().prop_map(Value::from),
        (-9..99_i32).prop_map(Value::from),
        "[a-z #:'\"\\-\\n]{0,6}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        let map = prop::collection::btree_map("[a-d]", inner.clone(), 0..4);
        prop_oneof![
            3 => map.prop_map(|map| Value::Object(map.into_iter().collect())),
            1 => prop::collection::vec(inner, 0..3).prop_map(Value::from),
        ]
    })
}

fn map() -> impl Strategy<Value = Value> {
    prop::collection::btree_map("[a-d]", value(), 1..4)
        .prop_map(|map| Value::Object(map.into_iter().collect()))
}

/// Writes a value in one of many layouts; the choices say which.
struct Hand<'a> {
    choices: std::iter::Cycle<std::slice::Iter<'a, u8>>,
    step: usize,
    out: String,
}

impl Hand<'_> {
    fn choose(&mut self, of: u8) -> u8 {
        self.choices.next().unwrap() % of
    }

    fn write(choices: &[u8], value: &Value) -> String {
        let mut hand = Hand { choices: choices.iter().cycle(), step: 0, out: String::new() };
        hand.step = 1 + usize::from(hand.choose(4));
        hand.block(value, 0, true);
        hand.out
    }

    fn space(&mut self, indent: usize) {
        match self.choose(8) {
            0 => self.out.push('\n'),
            1 => {
                self.out.push_str(&" ".repeat(indent));
                self.out.push_str("# a comment: - b\n");
            }
            _ => {}
        }
    }

    fn end(&mut self) {
        if self.choose(6) == 0 {
            self.out.push_str(" # here");
        }
        self.out.push('\n');
    }

    fn block(&mut self, value: &Value, indent: usize, mut own_line: bool) {
        let margin = " ".repeat(indent);
        match value {
            Value::Object(map) => {
                for (key, value) in map {
                    if own_line {
                        self.space(indent);
                        self.out.push_str(&margin);
                    }
                    own_line = true;
                    self.out.push_str(key);
                    self.out.push(':');
                    self.after(value, indent, false);
                }
            }
            Value::Array(list) => {
                for value in list {
                    if own_line {
                        self.space(indent);
                        self.out.push_str(&margin);
                    }
                    own_line = true;
                    self.out.push('-');
                    self.after(value, indent, true);
                }
            }
            other => {
                self.out.push_str(&other.to_string());
                self.out.push('\n');
            }
        }
    }

    fn after(&mut self, value: &Value, indent: usize, of_list: bool) {
        let empty = match value {
            Value::Object(map) => map.is_empty(),
            Value::Array(list) => list.is_empty(),
            Value::Null if self.choose(2) == 0 => return self.end(),
            Value::String(text)
                if text.contains('\n')
                    && !text.starts_with(['\n', ' '])
                    && !text.ends_with("\n\n")
                    && self.choose(2) == 0 =>
            {
                let keep = if text.ends_with('\n') { "" } else { "-" };
                self.out.push_str(" |");
                self.out.push_str(keep);
                self.end();
                let body = text.strip_suffix('\n').unwrap_or(text);
                for line in body.split('\n') {
                    let margin = if line.is_empty() { 0 } else { indent + 2 };
                    self.out.push_str(&" ".repeat(margin));
                    self.out.push_str(line);
                    self.out.push('\n');
                }
                return;
            }
            _ => true,
        };
        if empty || self.choose(3) == 0 {
            self.out.push(' ');
            // JSON is YAML.
            self.out.push_str(&value.to_string());
            self.end();
        } else if of_list {
            self.out.push(' ');
            self.block(value, indent + 2, false);
        } else {
            self.end();
            let compact = value.is_array() && self.choose(2) == 0;
            self.block(value, if compact { indent } else { indent + self.step }, true);
        }
    }
}

/// What a merge means; none where kinds do not fit.
fn merged(base: &Value, patch: &Value) -> Option<Value> {
    match (base, patch) {
        (Value::Object(base), Value::Object(patch)) => {
            let mut all = base.clone();
            for (key, value) in patch {
                match base.get(key).filter(|old| !old.is_null()) {
                    _ if value.is_null() => drop(all.remove(key)),
                    Some(old) => drop(all.insert(key.clone(), merged(old, value)?)),
                    None => drop(all.insert(key.clone(), settled(value))),
                }
            }
            Some(Value::Object(all))
        }
        (Value::Array(_), Value::Array(_)) => Some(patch.clone()),
        (Value::Object(_) | Value::Array(_), _) | (_, Value::Object(_) | Value::Array(_)) => None,
        // Quotes stay, and what is in them is text.
        (Value::String(_), Value::String(_)) | (_, _) => Some(patch.clone()),
    }
}

fn settled(value: &Value) -> Value {
    match value {
        Value::Object(map) => {
            let kept = map.iter().filter(|(_, value)| !value.is_null());
            Value::Object(kept.map(|(key, value)| (key.clone(), settled(value))).collect::<Map<_, _>>())
        }
        other => other.clone(),
    }
}

/// Numbers and booleans in the place of a quoted text become texts.
fn loosely(value: &Value) -> Value {
    match value {
        Value::Object(map) => Value::Object(map.iter().map(|(key, v)| (key.clone(), loosely(v))).collect()),
        Value::Array(list) => list.iter().map(loosely).collect(),
        Value::Null => Value::Null,
        Value::String(text) => json!(text),
        other => json!(other.to_string()),
    }
}

proptest! {
    #[test]
    fn what_is_merged_is_what_the_data_says(
        base in map(),
        patch in map(),
        choices in prop::collection::vec(any::<u8>(), 1..40),
    ) {
        let (base_text, patch_text) = (Hand::write(&choices, &base), Hand::write(&choices, &patch));
        prop_assert_eq!(&read(&base_text).unwrap(), &base, "{}", base_text);
        let answer = merge(&base_text, &patch_text);
        match merged(&base, &patch) {
            None => prop_assert!(answer.is_err(), "{}\n+\n{}", base_text, patch_text),
            Some(want) => {
                let text = answer.unwrap();
                let got = read(&text);
                prop_assert_eq!(
                    got.as_ref().map(loosely).ok(), Some(loosely(&want)),
                    "{}\n+\n{}\n=\n{}", base_text, patch_text, text
                );
            }
        }
    }

    #[test]
    fn what_is_merged_into_itself_stays(base in map(), choices in prop::collection::vec(any::<u8>(), 1..40)) {
        let text = Hand::write(&choices, &base);
        prop_assert_eq!(merge(&text, "{}").unwrap(), text.clone());
        // No null: that would remove.
        if settled(&base) == base {
            let merged = merge(&text, &text).unwrap();
            prop_assert_eq!(read(&merged), Ok(base), "{}\n=\n{}", text, merged);
        }
    }
}
