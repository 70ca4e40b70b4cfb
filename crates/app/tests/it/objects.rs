//! Objects as a user of Kargo writes them.

pub const APP_PROJECT: &str = "
apiVersion: argoproj.io/v1alpha1
kind: AppProject
metadata: {name: default, namespace: argocd}
spec:
  sourceRepos: ['*']
  destinations: [{server: '*', namespace: '*'}]
  clusterResourceWhitelist: [{group: '*', kind: '*'}]
";

pub const CONFIG_MAP: &str = "apiVersion: v1
kind: ConfigMap
metadata:
  name: settings
data:
  stage: none # set on the way
";

pub fn project(name: &str) -> String {
    format!("apiVersion: kargo.akuity.io/v1alpha1\nkind: Project\nmetadata:\n  name: {name}\n")
}

/// Auto-promotion for these Stages of Project `demo`.
pub fn auto_promotion(stages: &[&str]) -> String {
    let policy =
        |stage: &&str| format!("  - stageSelector: {{name: {stage}}}\n    autoPromotionEnabled: true");
    let policies = stages.iter().map(policy).collect::<Vec<_>>().join("\n");
    format!(
        "apiVersion: kargo.akuity.io/v1alpha1\nkind: ProjectConfig\nmetadata:\n  name: demo\n  namespace: demo\nspec:\n  promotionPolicies:\n{policies}\n"
    )
}

/// A Warehouse of Project `demo` that follows a branch.
pub fn warehouse(name: &str, url: &str) -> String {
    format!(
        "
apiVersion: kargo.akuity.io/v1alpha1
kind: Warehouse
metadata:
  name: {name}
  namespace: demo
spec:
  interval: 5m
  subscriptions:
  - git:
      repoURL: {url}
      branch: main
"
    )
}

/// A Stage of Project `demo` with these steps, each a YAML list entry.
pub fn stage(name: &str, sources: &str, steps: &str) -> String {
    let lines = steps.trim_matches('\n').lines().map(|line| format!("      {line}"));
    let steps = lines.collect::<Vec<_>>().join("\n");
    format!(
        "
apiVersion: kargo.akuity.io/v1alpha1
kind: Stage
metadata:
  name: {name}
  namespace: demo
spec:
  requestedFreight:
  - origin:
      kind: Warehouse
      name: app
    sources: {sources}
  promotionTemplate:
    spec:
      steps:
{steps}
"
    )
}

/// Steps that take the files of the Freight's commit, edit one, and push them to a branch; then the Application.
pub fn rendering_steps(app: &str, deploy: &str, branch: &str, application: &str) -> String {
    let update = if application.is_empty() { String::new() } else { update(application, deploy) };
    format!("{}{update}", pushing_steps(app, deploy, branch))
}

pub fn pushing_steps(app: &str, deploy: &str, branch: &str) -> String {
    format!(
        "
- uses: git-clone
  config:
    repoURL: {app}
    checkout:
    - commit: ${{{{ commitFrom('{app}').ID }}}}
      path: ./src
- uses: git-clone
  config:
    repoURL: {deploy}
    checkout:
    - branch: {branch}
      create: true
      path: ./out
- uses: git-clear
  config:
    path: ./out
- uses: copy
  config:
    inPath: ./src/manifests
    outPath: ./out
- uses: yaml-update
  config:
    path: ./out/settings.yaml
    updates:
    - key: data.stage
      value: ${{{{ ctx.stage }}}}
- uses: git-commit
  config:
    path: ./out
    message: ${{{{ ctx.stage }}}} takes ${{{{ commitFrom('{app}').ID }}}}
- uses: git-push
  as: push
  config:
    path: ./out
"
    )
}

pub fn update(application: &str, deploy: &str) -> String {
    format!(
        "- uses: argocd-update
  config:
    apps:
    - name: {application}
      sources:
      - repoURL: {deploy}
        desiredRevision: ${{{{ outputs.push.commit }}}}
"
    )
}

/// An Application in namespace `argocd`; `authorized` is the annotation, empty for none.
pub fn application(name: &str, authorized: &str, deploy: &str, revision: &str, namespace: &str) -> String {
    let annotations = if authorized.is_empty() {
        String::new()
    } else {
        format!("\n  annotations:\n    kargo.akuity.io/authorized-stage: {authorized}")
    };
    format!(
        "
apiVersion: argoproj.io/v1alpha1
kind: Application
metadata:
  name: {name}
  namespace: argocd{annotations}
spec:
  project: default
  source: {{repoURL: {deploy}, targetRevision: {revision}, path: .}}
  destination: {{server: 'https://kubernetes.default.svc', namespace: {namespace}}}
  syncPolicy:
    syncOptions: [CreateNamespace=true]
"
    )
}
