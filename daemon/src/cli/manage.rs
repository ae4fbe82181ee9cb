//! `task`, `model`, `config`, `completions`, `man`.

use std::path::Path;

use clap::CommandFactory;
use edgecoder_protocol::operator::{
    Conflict, Event, ModelView, Resolution, Step, TaskView, UseModel,
};
use serde::Serialize;

use super::{
    Place,
    args::{Arguments, ConfigAction, ModelAction, TaskAction},
    client::Client,
    failure::{Failure, INTERNAL, USAGE},
    files,
    screen::{self, Tone},
    solve,
};
use crate::{
    config::{Origin, Settings},
    wiring::EMBEDDED,
};

/// Prints one JSON object.
pub fn print_json(value: &impl Serialize) -> Result<u8, Failure> {
    let text = serde_json::to_string_pretty(value)
        .map_err(|error| Failure::new(INTERNAL, error.to_string(), "report this as a bug"))?;
    screen::line(text);
    Ok(0)
}

/// `edgecoder task`.
pub async fn task(at: &Place, action: TaskAction) -> Result<u8, Failure> {
    let client = at.client().await?;
    match action {
        TaskAction::List { json } => {
            let tasks: Vec<TaskView> = client.get("/v1/tasks").await?;
            if json {
                return print_json(&tasks);
            }
            if tasks.is_empty() {
                screen::line("no tasks yet: `edgecoder solve PROMPT` makes one");
            }
            for task in tasks {
                let prompt: String = screen::safe(&task.prompt)
                    .replace('\n', " ")
                    .chars()
                    .take(60)
                    .collect();
                let state = format!("{:?}", task.state).to_lowercase();
                screen::line(format!("{}  {state:<10} {prompt}", task.id));
            }
        }
        TaskAction::Show { id, json } => {
            let task: TaskView = client.get(&format!("/v1/tasks/{id}")).await?;
            if json {
                return print_json(&task);
            }
            screen::line(format!(
                "{} {:?}",
                screen::out(&task.id.to_string(), Tone::Strong),
                task.state
            ));
            screen::line(screen::safe(&task.prompt));
            if task.state.is_final() {
                let mut lines = client.lines(&format!("/v1/tasks/{id}/events")).await?;
                while let Some(event) = lines.next::<Event>().await? {
                    screen::line(format!("  {}", summary(&event.step)));
                }
            }
            if let Some(result) = task.result {
                if let Some(code) = result.code {
                    screen::line(format!("\n{}", screen::safe(code.trim_end())));
                }
                screen::line(format!("\nnext: {}", screen::safe(&result.next)));
            }
        }
        TaskAction::Watch { id, json } => {
            let task: TaskView = client.get(&format!("/v1/tasks/{id}")).await?;
            let result = solve::watch(at, client, &task, json).await?;
            if !json {
                screen::line(format!("next: {}", screen::safe(&result.next)));
            }
            return Ok(solve::code(&result));
        }
        TaskAction::Resolve { id, file, json } => {
            return resolve(&client, &id, file.as_deref(), json).await;
        }
        TaskAction::Cancel { id } => {
            let task: TaskView = client
                .post_bytes(&format!("/v1/tasks/{id}/cancel"), Vec::new())
                .await?;
            screen::line(format!("task {} is being cancelled", task.id));
        }
    }
    Ok(0)
}

/// Shows what does not fit together, or sends how it does.
async fn resolve(
    client: &Client,
    id: &str,
    file: Option<&Path>,
    json: bool,
) -> Result<u8, Failure> {
    let path = format!("/v1/tasks/{id}/conflict");
    let conflict: Conflict = client.get(&path).await?;
    let Some(file) = file else {
        if json {
            return print_json(&conflict);
        }
        screen::aside(format!(
            "{}: changes that were made apart do not fit together. Correct what is printed, and send it: \
             `edgecoder task resolve {id} FILE`",
            conflict.path
        ));
        screen::line(screen::safe(conflict.text.trim_end()));
        return Ok(0);
    };
    let code = match file == Path::new("-") {
        true => files::read_stdin_text()?,
        false => files::read_text(file)?,
    };
    if code.lines().any(is_marker) {
        return Err(Failure::new(
            USAGE,
            format!("{} still has conflict markers", file.display()),
            "keep one side of each, or both, and remove the lines that begin with <<<<<<<, |||||||, ======= and >>>>>>>",
        ));
    }
    let task: TaskView = client.post(&path, &Resolution { code }).await?;
    screen::line(format!(
        "sent; `edgecoder task watch {}` shows what comes of it",
        task.id
    ));
    Ok(0)
}

fn is_marker(line: &str) -> bool {
    ["<<<<<<< ", ">>>>>>> ", "||||||| "]
        .iter()
        .any(|marker| line.starts_with(marker))
}

fn summary(step: &Step) -> String {
    match step {
        Step::Plan { by, steps } => format!("plan by {by}, {} steps", steps.len()),
        Step::Attempt { number, candidates } => {
            format!("attempt {number}, {candidates} candidates")
        }
        Step::Test {
            attempt,
            candidate,
            passed,
            total,
            failure,
            ..
        } => {
            let failure = screen::safe(failure)
                .lines()
                .next()
                .unwrap_or_default()
                .to_owned();
            format!("attempt {attempt}, candidate {candidate}: {passed} of {total} {failure}")
        }
        Step::Repair { failure, .. } => format!("repair: {}", screen::safe(failure)),
        Step::Conflict { path } => format!("conflict in {path}"),
        Step::Note { text } => format!("note: {}", screen::safe(text)),
        Step::Done(result) => format!("done: {:?}", result.outcome),
    }
}

/// `edgecoder model`.
pub async fn model(at: &Place, action: ModelAction) -> Result<u8, Failure> {
    let client = at.client().await?;
    match action {
        ModelAction::List { json } => {
            let models: Vec<ModelView> = client.get("/v1/models").await?;
            if json {
                return print_json(&models);
            }
            for model in models {
                let mark = if model.active { "*" } else { " " };
                let name = model.card.map(|card| card.name).unwrap_or_default();
                screen::line(format!(
                    "{mark} {}  {}",
                    screen::safe(&model.file),
                    screen::safe(&name)
                ));
            }
        }
        ModelAction::Show { json } => {
            let models: Vec<ModelView> = client.get("/v1/models").await?;
            let active = models.into_iter().find(|model| model.active);
            let Some(active) = active else {
                let next = "choose one with `edgecoder model use FILE`";
                return Err(Failure::new(
                    super::failure::NO_MODEL,
                    "no model is active",
                    next,
                ));
            };
            if json {
                return print_json(&active);
            }
            show_model(&active)?;
        }
        ModelAction::Use { file } => {
            let file = if file == Path::new(EMBEDDED) {
                EMBEDDED.to_owned()
            } else {
                let full = std::fs::canonicalize(&file)
                    .map_err(|error| Failure::file("read", &file, &error))?;
                full.to_string_lossy().into_owned()
            };
            let spinner = screen::spinner("loading the model");
            let view: Result<ModelView, Failure> =
                client.post("/v1/models/use", &UseModel { file }).await;
            spinner.finish_and_clear();
            show_model(&view?)?;
            let origin = &at.config.model_origin;
            if *origin != Origin::Default {
                screen::line("");
                screen::line(format!(
                    "It is used until the daemon stops: the setting of {origin} wins at the next start."
                ));
            }
        }
    }
    Ok(0)
}

fn show_model(model: &ModelView) -> Result<(), Failure> {
    screen::line(format!("{} is active", screen::safe(&model.file)));
    let Some(card) = &model.card else {
        let next =
            "`edgecoder model use embedded` goes back to the one that comes with the program";
        return Err(Failure::new(
            super::failure::NO_MODEL,
            "it cannot be loaded",
            next,
        ));
    };
    screen::line(format!("  name        {}", screen::safe(&card.name)));
    screen::line(format!("  parameters  {}", screen::count(card.parameters)));
    screen::line(format!("  context     {} tokens", card.context));
    screen::line(format!(
        "  size        {} bytes",
        screen::count(card.size.0)
    ));
    screen::line(format!("  blake3      {}", card.hash));
    if model.file == EMBEDDED {
        screen::line("");
        screen::line(
            "It knows a small instruction language: single functions over numbers, texts, lists and",
        );
        screen::line("dictionaries, asked for like this:");
        screen::line(
            "  \"Write a function f(nums) that returns the sum of the squares of the even numbers in nums.\"",
        );
        screen::line(
            "It declines the rest. For anything else point at a coder model: edgecoder model use FILE.gguf",
        );
    }
    Ok(())
}

/// `edgecoder config`.
pub fn config(settings: &Settings, action: &ConfigAction) -> Result<u8, Failure> {
    let ConfigAction::Show { origin } = action;
    for (key, setting) in settings.iter() {
        let from = if *origin {
            format!("  # {}", setting.origin)
        } else {
            String::new()
        };
        screen::line(format!("{key} = {:?}{from}", setting.value));
    }
    Ok(0)
}

/// `edgecoder completions`.
pub fn completions(shell: clap_complete::Shell) -> Result<u8, Failure> {
    let mut text = Vec::new();
    clap_complete::generate(shell, &mut Arguments::command(), "edgecoder", &mut text);
    screen::line(String::from_utf8_lossy(&text).trim_end());
    Ok(0)
}

/// `edgecoder man`.
pub fn man(folder: &Path) -> Result<u8, Failure> {
    let fail = |error: std::io::Error| Failure::file("write to", folder, &error);
    std::fs::create_dir_all(folder).map_err(fail)?;
    clap_mangen::generate_to(Arguments::command(), folder).map_err(fail)?;
    screen::line(format!(
        "man pages are in {}; read one with `man {}/edgecoder.1`",
        folder.display(),
        folder.display()
    ));
    if folder.join("edgecoder.1").exists() {
        Ok(0)
    } else {
        Err(Failure::new(
            USAGE,
            "no man page was written",
            "report this as a bug",
        ))
    }
}
