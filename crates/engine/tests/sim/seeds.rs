//! Schedules that follow from a seed: Stages, Promotions, steps of every effect class, and what befalls the processes
//! that carry them. `FERRY_SIM_SCHEDULES=N` tries N of them, `FERRY_SIM_SEED=N` tries one and prints its record,
//! with `FERRY_SIM_BROKEN=RULE` that of an engine without a rule.

mod dice;
mod house;
mod keeper;
mod plan;
mod process;
mod trade;

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use ferry_engine::context::Settings;
use ferry_engine::engine::Limits;
use ferry_engine::work::WorkRoot;
use ferry_engine::{Engine, Services};

use house::House;
use keeper::Keeper;
use process::{Fate, Process};

const SCHEDULES: u64 = 10_000;
/// Seeds a broken rule must be found within.
const UNTIL_FOUND: u64 = 3000;
/// No schedule lasts longer, in simulated time: by then every Promotion has ended.
const DAY: Duration = Duration::from_hours(24);
/// By then nothing is left of Promotions that have ended.
const TIDIED_WITHIN: Duration = Duration::from_secs(20);
/// A process that is replaced has this long to end what it announced.
const LEASE_MARGIN: Duration = Duration::from_secs(15);

/// What came of a schedule.
struct Outcome {
    violation: Option<String>,
    trace: Vec<String>,
}

/// Lives through the schedule of a seed.
fn live(seed: u64) -> Outcome {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    runtime.block_on(async {
        let directories = tempfile::tempdir_in(memory()).unwrap();
        let house = plan::house(seed);
        if tokio::time::timeout(DAY, processes(&house, directories.path())).await.is_err() {
            let open: Vec<String> = house
                .promotions
                .lock()
                .iter()
                .filter(|(_, p)| !p.is_terminal())
                .map(|(n, _)| n.clone())
                .collect();
            house.wrong(format!("no end in a day: {open:?}"));
        }
        if house.violation.lock().is_none() {
            house.reckon();
        }
        Outcome { violation: house.violation.lock().clone(), trace: house.trace.lock().clone() }
    })
}

/// Where files live in memory, if there is such a place.
fn memory() -> PathBuf {
    let shm = Path::new("/dev/shm");
    if shm.is_dir() { shm.to_owned() } else { std::env::temp_dir() }
}

/// One process after the other, until every Promotion has ended and nothing is left.
async fn processes(house: &Arc<House>, machines: &Path) {
    let mut last: Option<Arc<Process>> = None;
    let (mut number, mut machine) = (0, 0);
    loop {
        let process = Process::new(house);
        house.note(format_args!("process {number} begins"));
        house.disturbed(tokio::time::Instant::now());
        let directories = &machines.join(format!("machine-{machine}"));
        std::fs::create_dir_all(directories).unwrap();
        let engine = engine(&process, directories);
        engine.remove_leftovers(&|uid| house.is_open(uid)).unwrap();
        let told = process.clone();
        engine.when_over(move |_, _| told.house.has_changed());
        let keeper = Keeper {
            process: process.clone(),
            engine: engine.clone(),
            // What goes from now on goes before its eyes.
            uid_of: house.uids(),
        };
        ferry_engine::World::spawn(&*process, Box::pin(keeper.keep()));
        let fate = tokio::select! {
            biased;
            () = process.fallen.notified() => process.fate.lock().take(),
            () = house.until(|| house.is_quiet() && engine.live() == 0) => None,
        };
        if let Some(replaced) = last.take() {
            replaced.kill();
        }
        let pause = Duration::from_secs(house.dice.lock().below(30));
        match fate {
            None => {
                let clean = house.until(|| left(directories).is_empty());
                if tokio::time::timeout(TIDIED_WITHIN, clean).await.is_err() {
                    house.wrong(format!("work directories are left: {:?}", left(directories)));
                }
                process.kill();
                return;
            }
            Some(Fate::Killed { loses_directories }) => {
                process.kill();
                if loses_directories {
                    lose(directories);
                }
                house.passes(pause).await;
            }
            Some(Fate::Told { grace }) => {
                // It may be killed while it ends.
                tokio::select! {
                    biased;
                    () = process.fallen.notified() => {}
                    () = engine.shut_down(grace) => {}
                }
                process.kill();
            }
            Some(Fate::Replaced) => {
                house.passes(LEASE_MARGIN + pause).await;
                machine += 1;
                last = Some(process);
            }
        }
        number += 1;
    }
}

fn engine(process: &Arc<Process>, directories: &Path) -> Engine {
    let services = Services::new().with(Arc::new(trade::Line(process.clone())));
    let limits = Limits { steps_at_work: 2, steps_at_work_per_project: 2 };
    let work = WorkRoot::new(directories).unwrap();
    Engine::new(process.clone(), trade::registry(), services, Settings::default(), work, limits)
}

/// The work directories that are there.
fn left(directories: &Path) -> Vec<String> {
    WorkRoot::new(directories).unwrap().list().unwrap()
}

fn lose(directories: &Path) {
    for entry in std::fs::read_dir(directories).unwrap() {
        std::fs::remove_dir_all(entry.unwrap().path()).unwrap();
    }
}

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().unwrap())
}

#[test]
fn fm_06_whatever_befalls_the_processes_every_effect_happens_once_and_every_promotion_ends() {
    if let Some(seed) = number("FERRY_SIM_SEED") {
        let rule = std::env::var("FERRY_SIM_BROKEN").ok().map(|rule| &*rule.leak());
        ferry_failpoint::break_rule(rule);
        let outcome = live(seed);
        let record = outcome.trace.join("\n") + "\n";
        std::io::stdout().write_all(record.as_bytes()).unwrap();
        assert_eq!(outcome.violation, None, "seed {seed}");
        return;
    }
    let (count, next) = (number("FERRY_SIM_SCHEDULES").unwrap_or(SCHEDULES), AtomicU64::new(0));
    let found = AtomicBool::new(false);
    let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                while !found.load(Ordering::Relaxed) {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= count {
                        return;
                    }
                    if let Some(what) = live(seed).violation {
                        found.store(true, Ordering::Relaxed);
                        unreachable!("{what}\n  again: FERRY_SIM_SEED={seed} cargo test -p ferry-engine --test sim seeds -- --nocapture");
                    }
                }
            });
        }
    });
}

#[test]
fn a_seed_is_the_whole_schedule() {
    for seed in 0..40 {
        assert_eq!(live(seed).trace, live(seed).trace, "seed {seed}");
    }
}

/// A rule of the engine that is broken on purpose, and what the simulation must say of it.
fn is_found(rule: &'static str, words: &[&str]) {
    ferry_failpoint::break_rule(Some(rule));
    let found = (0..UNTIL_FOUND).find_map(|seed| live(seed).violation.map(|what| (seed, what)));
    ferry_failpoint::break_rule(None);
    let (seed, what) = found.unwrap_or_else(|| unreachable!("{rule} is broken, and nothing is missed"));
    assert!(words.iter().any(|w| what.contains(w)), "without {rule}, seed {seed}: {what}");
}

#[test]
fn an_engine_that_announces_nothing_is_found() {
    is_found("announce", &["twice", "after the end"]);
}

#[test]
fn an_engine_that_notes_no_intent_is_found() {
    is_found("intent", &["twice"]);
}

#[test]
fn an_engine_that_forgets_a_deadline_is_found() {
    is_found("deadline", &["no end in a day"]);
}

#[test]
fn an_engine_that_overwrites_others_is_found() {
    is_found("swap", &["twice", "after its end", "after the end"]);
}

#[test]
fn an_engine_that_acts_without_its_lease_is_found() {
    is_found("authority", &["twice", "after the end"]);
}

#[test]
fn an_engine_that_takes_any_work_directory_is_found() {
    is_found("rebuild", &["the log of"]);
}

#[test]
fn an_engine_that_ignores_aborts_is_found() {
    is_found("abort", &["end was asked for"]);
}

#[test]
fn an_engine_that_does_not_say_on_what_it_waits_is_found() {
    is_found("explanation", &["does not say on what"]);
}

#[test]
fn controllers_that_keep_no_queue_are_found() {
    is_found("queue", &["two Promotions"]);
}
