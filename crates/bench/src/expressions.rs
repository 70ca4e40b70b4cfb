//! Expressions, without anything around them: typical ones, and the config of a typical step, as a run evaluates it.

use std::hint::black_box;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, anyhow};
use ferry_api::Promotion;
use ferry_api::promotion::{PromotionSpec, PromotionStep, Variable};
use ferry_expr::{Functions, Map, evaluate_template};
use ferry_planner::expressions::{Known, Scope};
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::figures::{Figures, per_second};

/// How long each is evaluated again and again.
const SPAN: Duration = Duration::from_secs(1);

pub fn measure(figures: &mut Figures) -> Result<()> {
    let promotion = promotion();
    let known = Known::new();
    let scope = Scope {
        promotion: &promotion,
        requests: &[],
        freight_alias: "happy-otter",
        ui_base_url: "https://ferry.example.com",
        index: 1,
        known: &known,
        now: Timestamp::now(),
    };
    let config =
        promotion.spec.steps.get(1).and_then(|s| s.config.as_ref()).context("the step has no config")?;
    let whole = time(|| scope.config(Some(config)).map_err(|e| anyhow!("{e:?}")))?;
    figures.add("step_config", whole.as_secs_f64() * 1e6, "µs");
    let (env, functions) = (environment(), Functions::utility(Timestamp::now()));
    for (name, text) in [
        ("plain", "no template at all"),
        ("variable", "${{ vars.image }}"),
        ("text", "env/${{ ctx.stage }}/${{ ctx.project }}-${{ outputs.build.commit[0:7] }}.yaml"),
        ("logic", "${{ outputs.build.count > 2 && ctx.stage in ['test', 'uat'] ? 'many' : 'few' }}"),
        ("predicate", "${{ outputs.build.parts | filter(.size > 1) | map(.name) | join(',') }}"),
    ] {
        let each = time(|| evaluate_template(text, &env, &functions).map_err(|e| anyhow!("{e}")))?;
        figures.add(&format!("expressions_{name}"), per_second(1, each), "1/s");
    }
    let message = "Promote ${{ vars.image }} to ${{ ctx.stage }}";
    let each = time(|| evaluate_template(message, &env, &functions).map_err(|e| anyhow!("{e}")))?;
    figures.add("config_template", each.as_secs_f64() * 1e6, "µs");
    Ok(())
}

fn environment() -> Map {
    let env = json!({
        "vars": {"image": "registry.example.com/team/app", "branch": "env/test"},
        "ctx": {"stage": "test", "project": "bench", "promotion": "test.01k0.abcdef0"},
        "outputs": outputs(),
    });
    env.as_object().map(Map::from_json).unwrap_or_default()
}

fn outputs() -> Value {
    json!({"build": {"commit": "0123456789abcdef", "count": 3,
        "parts": [{"name": "a", "size": 1}, {"name": "b", "size": 2}, {"name": "c", "size": 3}]}})
}

/// How long one takes, on average.
fn time<T>(mut what: impl FnMut() -> Result<T>) -> Result<Duration> {
    let (begun, mut count) = (Instant::now(), 0_u32);
    while begun.elapsed() < SPAN {
        for _ in 0..16 {
            black_box(what()?);
            count += 1;
        }
    }
    Ok(begun.elapsed() / count)
}

/// A Promotion at its second step, which is a commit with a message as people write them.
fn promotion() -> Promotion {
    let mut promotion = Promotion::default();
    promotion.metadata.name = Some("test.01k0.abcdef0".into());
    promotion.metadata.namespace = Some("bench".into());
    promotion.spec = PromotionSpec {
        stage: "test".into(),
        freight: Some("abcdef0123456789abcdef0123456789abcdef01".into()),
        vars: vec![
            Variable { name: "image".into(), value: "registry.example.com/team/app".into() },
            Variable { name: "branch".into(), value: "env/${{ ctx.stage }}".into() },
        ],
        steps: vec![
            PromotionStep {
                uses: Some("compose-output".into()),
                alias: Some("build".into()),
                ..Default::default()
            },
            PromotionStep {
                uses: Some("git-commit".into()),
                alias: Some("commit".into()),
                config: Some(json!({
                    "path": "./out",
                    "branch": "${{ vars.branch }}",
                    "message": "Promote ${{ vars.image }} to ${{ ctx.stage }}",
                    "author": {"name": "${{ ctx.project }}", "email": "no-reply@example.com"},
                })),
                ..Default::default()
            },
        ],
        ..PromotionSpec::default()
    };
    promotion.status.get_or_insert_default().state = outputs().as_object().cloned();
    promotion
}
