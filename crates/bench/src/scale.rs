//! A large installation: 10,000 Promotions, 5,000 Freight, 1,000 Stages.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use ferry_testkit::Crowd;

use crate::ferry::Ferry;
use crate::figures::{Figures, middle};

const CROWD: Crowd = Crowd { promotions: 10_000, freight: 5_000, stages: 1_000 };

pub async fn measure(program: &Path, figures: &mut Figures) -> Result<()> {
    let directory = tempfile::tempdir()?;
    CROWD.write(directory.path()).await?;
    let ferry = Ferry::start_in(program, &[], directory).await?;
    figures.add_ms("scale_start", ferry.ready_after);
    // What the start brings about is through when nothing is computed any more.
    let mut cpu = ferry.cpu()?;
    loop {
        tokio::time::sleep(Duration::from_secs(1)).await;
        let now = ferry.cpu()?;
        if now.saturating_sub(cpu) < Duration::from_millis(50) {
            break;
        }
        cpu = now;
    }
    for (kind, count) in
        [("promotions", CROWD.promotions), ("freights", CROWD.freight), ("stages", CROWD.stages)]
    {
        let mut times = Vec::new();
        for _ in 0..3 {
            let path = format!("/apis/kargo.akuity.io/v1alpha1/namespaces/crowd/{kind}");
            let begun = Instant::now();
            let text = ferry.client.request_text(http::Request::get(path).body(Vec::new())?).await?;
            times.push(begun.elapsed());
            let found = text.matches("\"creationTimestamp\"").count();
            ensure!(found == count, "{found} of {count} {kind}");
        }
        figures.add_ms(&format!("scale_list_{kind}"), middle(times));
    }
    figures.add("scale_resident", ferry.resident()?, "MiB");
    Ok(())
}
