//! A step that is added as `docs/how-to/add-a-step.md` shows it: a file and a row of the table.

mod count_lines;

pub use count_lines::CountLines;

use ferry_api::promotion::PromotionPhase;
use serde_json::json;

use crate::story::{Story, step};

#[tokio::test(start_paused = true)]
async fn a_step_that_was_added_works_in_a_promotion() {
    let steps = vec![
        step("edit", json!({"files": ["a"]})),
        step("count-lines", json!({"path": "a"})),
        step("push", json!({"what": "${{ outputs['step-2'].lines }} line"})),
    ];
    let story = Story::new(steps);
    story.live(None).await;
    assert_eq!(story.promotion().status.unwrap().phase, Some(PromotionPhase::Succeeded));
    assert_eq!(story.output("step-2"), json!({"lines": 1}));
}

#[test]
fn the_how_to_shows_this_file() {
    let page = include_str!("../../../../docs/how-to/add-a-step.md");
    assert!(page.contains(include_str!("added/count_lines.rs")), "bring the file into the page");
}
