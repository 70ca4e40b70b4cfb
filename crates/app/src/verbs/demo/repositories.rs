//! The demo's Git repositories: `app`, where a developer commits, and `deploy`, where Promotions push.

use anyhow::Result;
use ferry_standin::git_server::{Change, GitServer};

/// Their URLs, and the commit that becomes Freight.
pub(super) struct Repositories {
    pub app: String,
    pub deploy: String,
    pub commit: String,
    pub subject: String,
}

/// Makes them, and commits a new version.
pub(super) async fn prepare(server: &GitServer) -> Result<Repositories> {
    let app = server.create_repository("app", "main").await?;
    let deploy = server.create_repository("deploy", "main").await?;
    if deploy.head("main").await?.is_none() {
        let readme = Change::on("main", "What is deployed").file("README.md", "One branch for each Stage.\n");
        deploy.commit(&readme).await?;
    }
    let version = match app.head("main").await? {
        Some(_) => app.log("main").await?.len() + 1,
        None => 1,
    };
    let subject = format!("Greeting, version {version}");
    let greeting = greeting(version);
    let commit = app.commit(&Change::on("main", &subject).file("manifests/greeting.yaml", &greeting)).await?;
    Ok(Repositories {
        app: server.repository_url("app"),
        deploy: server.repository_url("deploy"),
        commit,
        subject,
    })
}

fn greeting(version: usize) -> String {
    format!(
        "# What the demo deploys; `stage` is set on the way.\napiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: greeting\ndata:\n  stage: none # whoever deploys says where\n  version: \"{version}\"\n"
    )
}
