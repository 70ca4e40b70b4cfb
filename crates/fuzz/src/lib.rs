//! Inputs for fuzz targets: those of a kept corpus, and mutations of them. A target is a plain function in the tests of
//! a crate that takes each input and must not panic.
//!
//! `FERRY_FUZZ_SECONDS=N` goes on for N seconds a target, from a seed of its own (or `FERRY_FUZZ_SEED`), instead of a
//! fixed number of inputs from the same seed each time. With `FERRY_FUZZ_LAST=DIR` the latest input of each target
//! is in a file there: the one to look at after a crash. A finding becomes a line of the corpus.
#![expect(clippy::unwrap_used, reason = "for tests")]

use std::path::Path;
use std::time::{Duration, Instant};

/// Inputs a target gets when nobody says otherwise.
const INPUTS: u64 = 5000;
/// No input is longer, in bytes.
const LONGEST: usize = 1 << 16;

/// The kept inputs of a target and the words of its language.
#[derive(Clone, Debug)]
pub struct Corpus {
    name: String,
    kept: Vec<Vec<u8>>,
    words: &'static [&'static str],
}

impl Corpus {
    /// Reads a file: one input a line, as text or, after `hex:`, in hexadecimal digits.
    ///
    /// # Panics
    /// Where there is no such file, or hardly anything in it.
    pub fn read(file: &Path, words: &'static [&'static str]) -> Self {
        let kept: Vec<Vec<u8>> = std::fs::read_to_string(file).unwrap().lines().map(input).collect();
        assert!(kept.len() >= 5, "{}: the corpus is nearly empty", file.display());
        let name = file.file_name().unwrap().to_string_lossy().into_owned();
        Self { name, kept, words }
    }

    /// With more kept inputs.
    #[must_use]
    pub fn and(mut self, more: impl IntoIterator<Item = Vec<u8>>) -> Self {
        self.kept.extend(more);
        self
    }

    /// Every kept input and many made of them.
    ///
    /// # Panics
    /// Where a variable that asks for something is no number.
    pub fn inputs(self) -> impl Iterator<Item = Vec<u8>> {
        let number = |name: &str| std::env::var(name).ok().map(|n| n.parse::<u64>().unwrap());
        let end = number("FERRY_FUZZ_SECONDS").map(|n| Instant::now() + Duration::from_secs(n));
        let usual = if end.is_some() { u64::from(std::process::id()) } else { 1 };
        let seed = number("FERRY_FUZZ_SEED").unwrap_or(usual);
        let last =
            std::env::var_os("FERRY_FUZZ_LAST").map(|directory| Path::new(&directory).join(&self.name));
        let (mut numbers, mut count) = (Numbers(seed), 0);
        self.kept.clone().into_iter().chain(std::iter::from_fn(move || {
            count += 1;
            let more = end.map_or(count <= INPUTS, |end| Instant::now() < end);
            let input = more.then(|| self.mutated(&mut numbers));
            if let (Some(file), Some(input)) = (&last, &input) {
                std::fs::write(file, input).unwrap();
            }
            input
        }))
    }

    /// An input made of kept ones.
    fn mutated(&self, numbers: &mut Numbers) -> Vec<u8> {
        let mut input = numbers.pick(&self.kept).clone();
        for _ in 0..=numbers.below(6) {
            let at = numbers.below(input.len() + 1);
            match numbers.below(7) {
                0 => input.truncate(at),
                1 => input.insert(at, u8::try_from(numbers.below(256)).unwrap()),
                2 if at < input.len() => input[at] ^= 1 << numbers.below(8),
                3 if at < input.len() => drop(input.remove(at)),
                4 => {
                    let other = numbers.pick(&self.kept);
                    let from = numbers.below(other.len() + 1);
                    input.splice(at..at, other[from..].iter().copied());
                }
                5 => {
                    let end = (at + numbers.below(20)).min(input.len());
                    let piece = input[at..end].to_vec();
                    let times = 1 + numbers.below(200);
                    input.splice(at..at, piece.repeat(times));
                }
                _ => drop(input.splice(at..at, numbers.pick(self.words).bytes())),
            }
        }
        input.truncate(LONGEST);
        input
    }
}

fn input(line: &str) -> Vec<u8> {
    let Some(digits) = line.strip_prefix("hex:") else { return line.as_bytes().to_vec() };
    let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap();
    digits.as_bytes().chunks(2).map(byte).collect()
}

/// A small generator of numbers: which inputs are tried depends on the seed alone.
#[derive(Debug)]
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        self.0 >> 24
    }

    fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() % u64::try_from(end.max(1)).unwrap()).unwrap()
    }

    fn pick<'a, T>(&mut self, all: &'a [T]) -> &'a T {
        &all[self.below(all.len())]
    }
}
