//! What single steps do, without the engine around them: a large repository checked out, a large file edited, many who push
//! to one branch.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use ferry_git::{
    Access, Author, BranchName, Checkout, Commit, Git, Identity, Push, RepoUrl, Revision, Settings,
    Unrecorded,
};
use ferry_standin::git_server::{Change, GitServer};
use ferry_steps::yaml;
use futures::future::try_join_all;
use jiff::Timestamp;
use serde_json::json;

use crate::figures::{Figures, per_second};

/// The large repository.
const FILES: usize = 100_000;
const COMMITS: usize = 20_000;
/// Those who push.
const WRITERS: usize = 50;
/// How large the edited file is, in bytes.
const YAML: usize = 2 << 20;

pub async fn measure(figures: &mut Figures) -> Result<()> {
    edited(figures)?;
    cloned(figures).await?;
    pushed(figures).await
}

fn edited(figures: &mut Figures) -> Result<()> {
    let mut text = String::new();
    let mut n = 0;
    while text.len() < YAML {
        let _ = writeln!(
            text,
            "app{n}:\n  # the image of app {n}\n  image:\n    tag: v1.{n} # pinned\n    list: [a, {{b: c}}]"
        );
        n += 1;
    }
    let key = format!("app{}.image.tag", n / 2);
    let begun = Instant::now();
    let after = yaml::update(&text, [(key.as_str(), &json!("v2"))])?;
    figures.add_ms("yaml_update_2_mib", begun.elapsed());
    ensure!(after.len().abs_diff(text.len()) < 10, "the file is another");
    Ok(())
}

async fn cloned(figures: &mut Figures) -> Result<()> {
    let place = tempfile::tempdir()?;
    let server = GitServer::start(place.path().join("served")).await?;
    server.create_repository("large", "main").await?;
    fill(&server.root().join("large.git"))?;
    let url = server.repository_url("large");
    let begun = Instant::now();
    let git = Command::new("git")
        .args(["clone", "--quiet", &url])
        .arg(place.path().join("plain"))
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .status()?;
    ensure!(git.success(), "git clone: {git}");
    let plain = begun.elapsed();
    figures.add_ms("git_clone_by_git", plain);
    let ours = Git::new(&place.path().join("cache"), Settings::default())?;
    let mirror = ours.mirror(&RepoUrl::parse(&url)?, &Access::default())?;
    let revision = Revision::Branch(BranchName::parse("main")?);
    let mut times = Vec::new();
    for n in 0..3 {
        let promotion = place.path().join(format!("promotion-{n}"));
        std::fs::create_dir_all(&promotion)?;
        let begun = Instant::now();
        let out = mirror.check_out(&promotion.join("src"), &Checkout::of(revision.clone())).await?;
        times.push(begun.elapsed());
        ensure!(out.work_tree.directory().join("d999/99.txt").exists(), "a file is missing");
        // As at the end of a Promotion.
        if n == 0 {
            ours.take_back(&promotion);
        }
    }
    // The first fills the mirror, the second gets what the first gave back, the third is lent files while the second lives.
    for (name, time) in ["git_clone_first", "git_clone_again", "git_clone_beside_another"].iter().zip(&times)
    {
        figures.add_ms(name, *time);
    }
    let again = times.get(1).copied().unwrap_or_default();
    figures.add("git_clone_again_times_faster", plain.as_secs_f64() / again.as_secs_f64(), "times");
    Ok(())
}

/// A history that the real program reads in one go.
fn fill(bare: &Path) -> Result<()> {
    let mut import = Command::new("git")
        .args(["fast-import", "--quiet", "--force"])
        .current_dir(bare)
        .stdin(Stdio::piped())
        .spawn()?;
    let mut stream = std::io::BufWriter::new(import.stdin.take().context("git fast-import takes no input")?);
    for n in 0..COMMITS {
        let time = 1_700_000_000 + n;
        write!(stream, "commit refs/heads/main\ncommitter a <a@b> {time} +0000\ndata 1\nx\n")?;
        let files = if n == 0 { 0..FILES } else { n..n + 1 };
        for file in files {
            let text = format!("file {file} of commit {n}\n");
            write!(stream, "M 644 inline d{}/{}.txt\ndata {}\n{text}\n", file / 100, file % 100, text.len())?;
        }
    }
    stream.flush()?;
    drop(stream);
    ensure!(import.wait()?.success(), "git fast-import failed");
    let packed = Command::new("git").args(["gc", "--quiet"]).current_dir(bare).status()?;
    ensure!(packed.success(), "git gc: {packed}");
    Ok(())
}

async fn pushed(figures: &mut Figures) -> Result<()> {
    let place = tempfile::tempdir()?;
    let server = GitServer::start(place.path().join("served")).await?;
    let bare = server.create_repository("shared", "main").await?;
    bare.commit(&Change::on("main", "first").file("README.md", "hello\n")).await?;
    let git = Git::new(&place.path().join("cache"), Settings::default())?;
    let mirror = git.mirror(&RepoUrl::parse(&server.repository_url("shared"))?, &Access::default())?;
    let main = BranchName::parse("main")?;
    let branch = git.branch(&mirror, &main);
    let mut trees = Vec::new();
    for n in 0..WRITERS {
        let directory = place.path().join(format!("writer-{n}"));
        let tree =
            mirror.check_out(&directory, &Checkout::of(Revision::Branch(main.clone()))).await?.work_tree;
        std::fs::write(tree.directory().join(format!("{n}.txt")), "x")?;
        let author = Author { identity: Identity::new("Writer", "writer@example.test"), signing_key: None };
        let commit = Commit { message: format!("by {n}"), author: Some(author), time: Timestamp::now() };
        tree.commit(&commit).await?;
        trees.push(tree);
    }
    let begun = Instant::now();
    let pushes = trees.iter().map(|tree| async {
        branch
            .push(&Push::of(tree), &mut Unrecorded)
            .await
            .map(|_| begun.elapsed())
            .map_err(|e| anyhow::anyhow!("{e:?}"))
    });
    let times: Vec<Duration> = try_join_all(pushes).await?;
    let all = begun.elapsed();
    ensure!(bare.log("main").await?.len() == WRITERS + 1, "a commit is missing");
    figures.add("git_push_of_50_writers", per_second(WRITERS, all), "pushes/s");
    figures.add_distribution("git_push_of_50_writers", times);
    Ok(())
}
