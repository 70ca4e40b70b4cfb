//! The arguments of a Stage's verification: templates over the Stage, its variables and the Freight that it has.

use ferry_api::promotion::PromotionStatus;
use ferry_api::{FreightCollection, Promotion, Stage};
use jiff::Timestamp;
use serde_json::json;

use super::{Known, Scope, Stop, Variables, stop};

/// Evaluates them: `(name, value)` in their order. They see `ctx.project`, `ctx.stage` and the Stage's variables, and
/// of functions all but those that ask for the status of steps. A value that does not come out as a text is an error.
pub fn verification_arguments(
    stage: &Stage,
    collection: &FreightCollection,
    known: &Known,
    now: Timestamp,
) -> Result<Vec<(String, String)>, Stop> {
    let Some(verification) = &stage.spec.verification else { return Ok(Vec::new()) };
    // What functions know of Freight they know from a Promotion: one that would have brought what is there.
    let mut promotion = Promotion::default();
    promotion.metadata.namespace.clone_from(&stage.metadata.namespace);
    promotion.spec.stage = stage.metadata.name.clone().unwrap_or_default();
    let status =
        PromotionStatus { freight_collection: Some(collection.clone()), ..PromotionStatus::default() };
    promotion.status = Some(status);
    let requests = &stage.spec.requested_freight;
    let scope =
        Scope { promotion: &promotion, requests, freight_alias: "", ui_base_url: "", index: 0, known, now };
    let context = json!({"project": stage.metadata.namespace, "stage": stage.metadata.name});
    let base = Variables::new().with("ctx", ferry_expr::Value::from_json(&context));
    let mut vars = Variables::new();
    scope.add_vars(&mut vars, &stage.spec.vars, &base, "variable")?;
    let (env, functions) = (base.with("vars", vars), scope.functions(false));
    let value = |name: &str, template: &str| {
        let what = format!("verification argument {name:?}");
        let value = ferry_expr::evaluate_template(template, &env, &functions).map_err(|e| stop(&what, e))?;
        value.as_str().map(str::to_owned).ok_or_else(|| {
            let kind = value.type_name();
            Stop::Failed(format!("{what} must come out as a text, not as {kind}: quote() makes one of it"))
        })
    };
    verification.args.iter().map(|arg| Ok((arg.name.clone(), value(&arg.name, &arg.value)?))).collect()
}

#[cfg(test)]
mod tests {
    use ferry_api::FreightOrigin;
    use ferry_api::freight::{FreightReference, Image};
    use ferry_api::promotion::Variable;
    use ferry_api::stage::{AnalysisRunArgument, FreightRequest, FreightSources, Verification};

    use super::*;

    /// What the templates of arguments come to, in Stage `uat` of Project `demo` that has an image with tag 2.
    fn of(vars: &[(&str, &str)], args: &[&str]) -> Result<Vec<String>, Stop> {
        let mut stage = Stage::default();
        stage.metadata.name = Some("uat".into());
        stage.metadata.namespace = Some("demo".into());
        let origin = FreightOrigin::warehouse("wh");
        let sources = FreightSources { direct: true, ..FreightSources::default() };
        stage.spec.requested_freight = vec![FreightRequest { origin: origin.clone(), sources }];
        let variable =
            |(name, value): &(&str, &str)| Variable { name: (*name).into(), value: (*value).into() };
        stage.spec.vars = vars.iter().map(variable).collect();
        let argument = |value: &&str| AnalysisRunArgument { name: "a".into(), value: (*value).into() };
        let args = args.iter().map(argument).collect();
        stage.spec.verification = Some(Verification { args, ..Verification::default() });
        let image = Image { repo_url: "reg.test/web".into(), tag: "2".into(), ..Image::default() };
        let reference = FreightReference {
            name: "f1".into(),
            origin: Some(origin.clone()),
            images: vec![image],
            ..FreightReference::default()
        };
        let mut known = Known::new();
        let lookup = ferry_expr::Lookup::new(super::super::kind::WAREHOUSE, "wh");
        known.insert(lookup, json!([{"image": {"repoURL": "reg.test/web"}}]));
        let collection = FreightCollection::of([reference]);
        let now = Timestamp::from_second(1_900_000_000).unwrap();
        let all = verification_arguments(&stage, &collection, &known, now)?;
        Ok(all.into_iter().map(|(_, value)| value).collect())
    }

    /// As the real program answered (`stage-verification`, `args/…`).
    #[test]
    fn arguments_see_the_stage_its_variables_and_its_freight() {
        assert_eq!(
            of(&[], &["${{ ctx.stage }}-${{ ctx.project }}", "plain", "2"]).unwrap(),
            ["uat-demo", "plain", "2"]
        );
        assert_eq!(of(&[("a", "x"), ("b", "${{ vars.a }}y")], &["${{ vars.b }}"]).unwrap(), ["xy"]);
        assert_eq!(
            of(&[], &["${{ quote(2) }}", "${{ quote(imageFrom('reg.test/web').Tag) }}"]).unwrap(),
            ["2", "2"]
        );
        let Err(Stop::Failed(why)) = of(&[], &["${{ imageFrom('reg.test/web').Tag }}"]) else {
            panic!("a number")
        };
        assert!(why.contains("quote()"), "{why}");
        let Err(Stop::Failed(_)) = of(&[], &["${{ failure() ? 'a' : 'b' }}"]) else {
            panic!("there are no steps")
        };
        assert_eq!(of(&[], &["${{ quote(ctx.targetFreight) }}"]).unwrap(), ["null"], "keep");
        assert!(matches!(of(&[], &["${{ secret('s').k }}"]), Err(Stop::Need(_))));
    }
}
