//! Running a file's cases, judging each answer, and saying the result in one line.

use std::fmt::Write as _;
use std::panic::{AssertUnwindSafe, catch_unwind};

use serde_json::Value;

use crate::case::{Case, read};
use crate::compare::{brief, difference};

/// What our code said: a value, or an error whose text is informative.
pub type Answer = Result<Value, String>;

/// How one case went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// Our answer is the recorded one.
    Equal,
    /// Ours differs as the named [`Rule`] asks.
    Accepted(&'static str),
    /// Ours differs; the text says in what.
    Different(String),
    /// Nothing in production does this yet; the text says what is missing.
    NotCovered(String),
}

/// An accepted difference: always a predicate on the input, never a case's name.
#[derive(Debug, Clone, Copy)]
pub struct Rule {
    /// Short name, as a table shows it.
    pub name: &'static str,
    /// The sentence, mend line, issue line or decision that asks for it.
    pub reason: &'static str,
    /// Whether a case is of the kind that this rule speaks of.
    pub applies: fn(&Case) -> bool,
    /// Whether our answer is the one that the rule wants instead.
    pub instead: fn(&Case, &Answer) -> bool,
}

/// How a file's cases went.
#[derive(Debug, Clone, Default)]
pub struct Tally {
    /// Cases with the recorded answer.
    pub equal: usize,
    /// Cases that differ as a rule asks.
    pub accepted: usize,
    /// Name of each other case that differs, and in what.
    pub different: Vec<(String, String)>,
    /// Name of each case that nothing does yet, and what is missing.
    pub not_covered: Vec<(String, String)>,
}

impl Tally {
    /// The line: `vectors AREA/FILE: N equal, M accepted differences, K different, U not covered`.
    pub fn line(&self, file: &str) -> String {
        let (equal, accepted) = (self.equal, self.accepted);
        let (different, not_covered) = (self.different.len(), self.not_covered.len());
        format!(
            "vectors {file}: {equal} equal, {accepted} accepted differences, {different} different, {not_covered} not covered"
        )
    }

    /// The first of the cases that differ, one a line.
    pub fn list(&self, most: usize) -> String {
        let mut text = String::new();
        for (name, what) in self.different.iter().take(most) {
            let _ = writeln!(text, "  {name}: {what}");
        }
        if self.different.len() > most {
            let _ = writeln!(text, "  … and {} more", self.different.len() - most);
        }
        text
    }

    fn add(&mut self, name: &str, verdict: Verdict) {
        match verdict {
            Verdict::Equal => self.equal += 1,
            Verdict::Accepted(_) => self.accepted += 1,
            Verdict::Different(what) => self.different.push((name.to_owned(), what)),
            Verdict::NotCovered(why) => self.not_covered.push((name.to_owned(), why)),
        }
    }
}

/// Runs each case of AREA/FILE (`"kargo/ids"`), compares `want` by JSON value or "is an error", and prints the line.
/// `run` gives `None` for what nothing in production does yet.
///
/// # Panics
/// Fails the test when anything is different, listing the first cases.
pub fn replay(file: &str, rules: &[Rule], run: impl Fn(&Case) -> Option<Answer>) {
    replay_with(file, |case| match run(case) {
        Some(answer) => judge(case, &answer, rules),
        None => Verdict::NotCovered("nothing does this yet".to_owned()),
    });
}

/// [`replay`] where comparing needs more than equality: `run` itself judges.
///
/// # Panics
/// Fails the test when anything is different, listing the first cases.
pub fn replay_with(file: &str, run: impl FnMut(&Case) -> Verdict) {
    let Some(tally) = told(file, run) else { return };
    let most = listed().unwrap_or(20);
    assert!(tally.different.is_empty(), "{}\n{}", tally.line(file), tally.list(most));
}

/// [`replay_with`] that never fails: for files whose behaviour is not complete. With `FERRY_VECTORS_LIST=N` it lists
/// the first N cases that differ.
pub fn report_with(file: &str, run: impl FnMut(&Case) -> Verdict) {
    if let (Some(tally), Some(most)) = (told(file, run), listed()) {
        say(tally.list(most).trim_end());
    }
}

/// Runs each case and counts, without printing; `None` where the folder has no such file.
pub fn tally(file: &str, mut run: impl FnMut(&Case) -> Verdict) -> Option<Tally> {
    let mut tally = Tally::default();
    for case in read(file)? {
        let verdict = catch_unwind(AssertUnwindSafe(|| run(&case)));
        tally.add(&case.name, verdict.unwrap_or_else(|_| Verdict::Different("our code panicked".to_owned())));
    }
    Some(tally)
}

/// Compares an answer with what was recorded: equal, or different as one of the rules asks, or different.
pub fn judge(case: &Case, answer: &Answer, rules: &[Rule]) -> Verdict {
    let Some(what) = mismatch(case, answer) else { return Verdict::Equal };
    let mut applying = rules.iter().filter(|rule| (rule.applies)(case)).peekable();
    let Some(first) = applying.peek().map(|rule| rule.name) else { return Verdict::Different(what) };
    match applying.find(|rule| (rule.instead)(case, answer)) {
        Some(rule) => Verdict::Accepted(rule.name),
        None => Verdict::Different(format!("{what} (rule {first} applies, but asks for another answer)")),
    }
}

fn mismatch(case: &Case, answer: &Answer) -> Option<String> {
    match (&case.error, &case.want, answer) {
        (Some(_), _, Err(_)) => None,
        (Some(error), _, Ok(got)) => Some(format!("want an error ({}), got {}", brief(error), brief(got))),
        (None, Some(want), Ok(got)) => difference(want, got),
        (None, Some(want), Err(error)) => Some(format!("want {}, got the error: {error}", brief(want))),
        (None, None, _) => Some("the case has neither want nor error".to_owned()),
    }
}

fn told(file: &str, run: impl FnMut(&Case) -> Verdict) -> Option<Tally> {
    let tally = tally(file, run);
    say(&tally.as_ref().map_or_else(|| format!("vectors {file}: skipped, no such file"), |t| t.line(file)));
    tally
}

fn listed() -> Option<usize> {
    std::env::var("FERRY_VECTORS_LIST").ok()?.parse().ok()
}

#[expect(clippy::print_stdout, reason = "the report of a replay, read with --nocapture")]
fn say(line: &str) {
    println!("{line}");
}
