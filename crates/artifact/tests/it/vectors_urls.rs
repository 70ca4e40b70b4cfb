//! Normal forms of URLs.

use ferry_artifact::urls;
use ferry_vectors::replay;

#[test]
fn vectors_urls() {
    replay("kargo/urls", &[], |case| {
        let url = case.input["url"].as_str()?;
        let answer = match case.input["fn"].as_str()? {
            "git" => urls::normalize_git(url),
            "image" => urls::normalize_image(url),
            "chart" => urls::normalize_chart(url),
            "sanitize" => urls::sanitize(url),
            _ => return None,
        };
        Some(Ok(answer.into()))
    });
}
