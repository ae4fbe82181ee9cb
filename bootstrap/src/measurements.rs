//! Reads the JSON of `edgecoder eval` and `edgecoder bench` and holds it against the bars.

use serde_json::Value;

/// What a measurement must show.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Bar {
    /// `eval`: at least this share of the tasks is solved within ten answers.
    PassAt10(f64),
    /// `eval`: every task passes, and there are at least so many.
    AllOf(u64),
    /// `bench`: every row's ratio is on the right side of the row's own bar (`at most 0.5`, `at least 0.95`).
    Rows,
}

/// The finding in one line, as `Ok` when the bar is reached.
pub fn judge(bar: Bar, json: &str) -> Result<String, String> {
    let value: Value =
        serde_json::from_str(json.trim()).map_err(|error| format!("unreadable JSON: {error}"))?;
    match bar {
        Bar::PassAt10(least) => pass_at_10(least, &value),
        Bar::AllOf(least) => all_of(least, &value),
        Bar::Rows => rows(&value),
    }
}

fn pass_at_10(least: f64, value: &Value) -> Result<String, String> {
    let share = value["pass_at"]["10"]
        .as_f64()
        .ok_or("the JSON has no pass_at.10")?;
    let tasks = value["tasks"].as_u64().unwrap_or(0);
    if tasks == 0 {
        return Err("no task was evaluated".to_owned());
    }
    let finding = format!("pass@10 {share:.3} of {tasks} tasks (bar {least})");
    if share >= least {
        Ok(finding)
    } else {
        Err(finding)
    }
}

fn all_of(least: u64, value: &Value) -> Result<String, String> {
    let count = |name: &str| {
        value[name]
            .as_u64()
            .ok_or(format!("the JSON has no {name}"))
    };
    let (tasks, passed) = (count("tasks")?, count("passed")?);
    let finding = format!("{passed} of {tasks} passed (at least {least} tasks)");
    if passed == tasks && tasks >= least {
        Ok(finding)
    } else {
        Err(finding)
    }
}

fn rows(value: &Value) -> Result<String, String> {
    let rows = value["rows"].as_array().filter(|rows| !rows.is_empty());
    let rows = rows.ok_or("the JSON has no rows")?;
    let mut findings = Vec::new();
    let mut missed = false;
    for row in rows {
        let name = row["name"].as_str().unwrap_or("unnamed");
        let Some(bar) = row["bar"].as_str().filter(|bar| !bar.is_empty()) else {
            continue;
        };
        let reached = row["ratio"]
            .as_f64()
            .is_some_and(|ratio| reaches(ratio, bar));
        missed |= !reached;
        let mark = if reached { "" } else { " MISSED" };
        findings.push(format!("{name} {} ({bar}){mark}", row["ratio"]));
    }
    if findings.is_empty() {
        return Err("no row has a bar such as \"at most 0.5\"".to_owned());
    }
    let finding = findings.join("; ");
    if missed { Err(finding) } else { Ok(finding) }
}

/// An unreadable bar is not reached.
fn reaches(ratio: f64, bar: &str) -> bool {
    let number = |text: &str| text.trim().parse::<f64>().ok();
    match (bar.strip_prefix("at most "), bar.strip_prefix("at least ")) {
        (Some(most), _) => number(most).is_some_and(|most| ratio <= most),
        (None, Some(least)) => number(least).is_some_and(|least| ratio >= least),
        (None, None) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_measurement_passes_only_when_it_reaches_its_bar() {
        let table = [
            (
                Bar::PassAt10(0.95),
                r#"{"tasks": 200, "pass_at": {"1": 0.8, "10": 0.955}}"#,
                true,
            ),
            (
                Bar::PassAt10(0.95),
                r#"{"tasks": 200, "pass_at": {"10": 0.949}}"#,
                false,
            ),
            (
                Bar::PassAt10(0.95),
                r#"{"tasks": 0, "pass_at": {"10": 1.0}}"#,
                false,
            ),
            (Bar::PassAt10(0.95), r#"{"tasks": 200}"#, false),
            (Bar::PassAt10(0.95), "not JSON", false),
            (Bar::AllOf(50), r#"{"tasks": 60, "passed": 60}"#, true),
            (Bar::AllOf(50), r#"{"tasks": 60, "passed": 59}"#, false),
            (Bar::AllOf(50), r#"{"tasks": 49, "passed": 49}"#, false),
            (
                Bar::Rows,
                r#"{"rows": [{"name": "a", "ratio": 0.4, "bar": "at most 0.5"}]}"#,
                true,
            ),
            (
                Bar::Rows,
                r#"{"rows": [{"name": "a", "ratio": 0.6, "bar": "at most 0.5"}]}"#,
                false,
            ),
            (
                Bar::Rows,
                r#"{"rows": [{"name": "a", "ratio": 0.97, "bar": "at least 0.95"}]}"#,
                true,
            ),
            (
                Bar::Rows,
                r#"{"rows": [{"name": "a", "ratio": null, "bar": "at least 0.95"}]}"#,
                false,
            ),
            (
                Bar::Rows,
                r#"{"rows": [{"name": "a", "ratio": 1, "bar": "about 1"}]}"#,
                false,
            ),
            (
                Bar::Rows,
                r#"{"rows": [{"name": "a", "ratio": 0.4, "bar": null}]}"#,
                false,
            ),
            (Bar::Rows, r#"{"rows": []}"#, false),
        ];
        for (bar, json, expected) in table {
            assert_eq!(judge(bar, json).is_ok(), expected, "{bar:?} {json}");
        }
    }

    #[test]
    fn rows_without_a_bar_are_no_part_of_the_judgement() {
        let json = r#"{"rows": [{"name": "load", "ratio": 9}, {"name": "a", "ratio": 0.4, "bar": "at most 0.5"}]}"#;
        assert_eq!(judge(Bar::Rows, json), Ok("a 0.4 (at most 0.5)".to_owned()));
    }
}
