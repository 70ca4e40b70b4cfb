//! What most measurements begin with: a Git server with one commit, a Ferry, Project `bench` with a Warehouse on it.

use std::path::Path;

use anyhow::Result;
use ferry_api::Freight;
use ferry_standin::git_server::{Change, GitServer, Repository};
use tempfile::TempDir;

use crate::ferry::Ferry;
use crate::objects::{Ends, freight, project, stage, warehouse};

/// All of it; ends with it.
pub struct Scene {
    pub git: GitServer,
    /// What the Warehouse follows.
    pub app: Repository,
    /// Its first commit.
    pub commit: String,
    pub ferry: Ferry,
    _repositories: TempDir,
}

impl Scene {
    /// Without Stages. `auto`: they promote by themselves.
    pub async fn start(program: &Path, arguments: &[&str], auto: bool) -> Result<Self> {
        let repositories = tempfile::tempdir()?;
        let git = GitServer::start(repositories.path()).await?;
        let app = git.create_repository("app", "main").await?;
        let commit = app.commit(&Change::on("main", "First").file("a", "first")).await?;
        let ferry = Ferry::start(program, arguments).await?;
        ferry.apply(&project(auto)).await?;
        Ok(Self { git, app, commit, ferry, _repositories: repositories })
    }

    /// Makes the Warehouse.
    pub async fn follow(&self) -> Result<()> {
        self.ferry.apply(&warehouse(&self.git.repository_url("app"))).await
    }

    /// Makes so many Stages with these steps, and the Warehouse; gives their names, the first Freight, and a follower.
    pub async fn stages(&self, count: usize, steps: &str) -> Result<(Vec<String>, Freight, Ends)> {
        let names: Vec<String> = (0..count).map(|n| format!("stage-{n}")).collect();
        for name in &names {
            self.ferry.apply(&stage(name, "{direct: true}", steps)).await?;
        }
        self.follow().await?;
        let (freight, _) = freight(&self.ferry.client, &self.commit).await?;
        Ok((names, freight, Ends::follow(&self.ferry.client).await?))
    }
}
