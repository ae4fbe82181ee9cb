//! The steps that `quickstart` and `verify` share: tools, build, guest.
//!
//! Both build the same packages with the same flags and profile, so that nothing is built twice.

use crate::failure::{Failure, UNAVAILABLE};
use crate::invocation::Invocation;
use crate::packages::{Installer, Plan, Privilege, plan};
use crate::place::Place;
use crate::progress::{Done, Progress, succeed};
use crate::requirements::Requirement;
use crate::screen::Screen;

/// A cargo command that builds into the shared folder.
pub fn cargo(place: &Place, line: &str) -> Invocation {
    Invocation::words("cargo")
        .args(line)
        .with("CARGO_TARGET_DIR", place.target.display().to_string())
}

/// Whether cargo-nextest is installed.
pub fn has_nextest(place: &Place) -> bool {
    cargo(place, "nextest --version").answers(&place.root)
}

/// Checks what the build needs, and installs what is missing where that is allowed.
pub fn tools(progress: &mut Progress) -> Result<(), Failure> {
    progress.step("tools", "Check what the build needs", |place, screen| {
        need(place, screen, &Requirement::BUILD)
    })
}

/// Checks `wanted`, and installs what is missing where that is allowed.
pub fn need(place: &Place, screen: &Screen, wanted: &[Requirement]) -> Result<Done, Failure> {
    let missing = missing(screen, wanted);
    if missing.is_empty() {
        return Ok(Done::Plainly);
    }
    install(place, screen, &missing)?;
    screen.detail("Installed. Once more:");
    let still = self::missing(screen, wanted);
    if still.is_empty() {
        return Ok(Done::With("installed what was missing".to_owned()));
    }
    Err(unavailable(
        &still,
        "They were installed, but are not found.".to_owned(),
        "LIBCLANG_PATH, CXX and CMAKE name them where they are in unusual places; \
         then repeat this command",
    ))
}

/// Builds all binaries.
pub fn build(progress: &mut Progress) -> Result<(), Failure> {
    let invocation = cargo(&progress.place, "build --workspace --bins");
    progress.step(
        "build",
        "Build edgecoder and edgecoderd",
        |place, screen| {
            screen.detail(&format!("$ {invocation}"));
            if !place.binary("edgecoderd").exists() {
                screen.detail(
                    "The first time this takes minutes (15 on two cores): llama.cpp and wasmtime \
                 are compiled too.",
                );
            }
            succeed(place, &invocation).map(|()| Done::Plainly)
        },
    )
}

/// Compiles the Python guest to native code, once a user and version.
pub fn guest(progress: &mut Progress) -> Result<(), Failure> {
    let invocation = Invocation::at(&progress.place.binary("edgecoderd")).arg("compile-guest");
    progress.command(
        "guest",
        "Compile the Python guest for this machine",
        &invocation,
    )
}

fn missing(screen: &Screen, wanted: &[Requirement]) -> Vec<Requirement> {
    let mut missing = Vec::new();
    for requirement in wanted.iter().copied() {
        let found = match requirement.find() {
            Some(path) => path.display().to_string(),
            None => {
                missing.push(requirement);
                "missing".to_owned()
            }
        };
        screen.detail(&format!("{:<14}{found}", requirement.name()));
    }
    missing
}

fn install(place: &Place, screen: &Screen, missing: &[Requirement]) -> Result<(), Failure> {
    let installer = Installer::ALL.into_iter().find(|installer| {
        let version = Invocation::words(installer.program()).arg("--version");
        version.answers(&place.root)
    });
    match plan(installer, privilege(place), missing) {
        Plan::Install(commands) => {
            let (last, first) = match commands.split_last() {
                Some(split) => split,
                None => return Ok(()),
            };
            for command in first {
                screen.detail(&format!("$ {command}"));
                // Fetching package lists may fail offline while the packages themselves are at hand.
                if let Err(failure) = succeed(place, command) {
                    screen.detail(&failure.what);
                }
            }
            screen.detail(&format!("$ {last}"));
            succeed(place, last).map_err(|failure| {
                unavailable(
                    missing,
                    failure.what,
                    &format!("{last}, then repeat this command"),
                )
            })
        }
        Plan::Type(line) => Err(unavailable(
            missing,
            "Installing them needs the system administrator's rights.".to_owned(),
            &line,
        )),
        Plan::ByHand(names) => Err(unavailable(
            missing,
            "No package manager known to this program is here.".to_owned(),
            &format!("install {names} as this system does it, then repeat this command"),
        )),
    }
}

fn unavailable(missing: &[Requirement], why: String, next: &str) -> Failure {
    let names: Vec<&str> = missing.iter().map(|need| need.name()).collect();
    let what = format!(
        "this needs what the machine lacks: {}\n{why}",
        names.join(", ")
    );
    Failure::new(UNAVAILABLE, what, next)
}

fn privilege(place: &Place) -> Privilege {
    let user = Invocation::words("id -u").capture(&place.root);
    let root = user.is_ok_and(|output| String::from_utf8_lossy(&output.stdout).trim() == "0");
    if root {
        Privilege::Root
    } else if Invocation::words("sudo -n true").answers(&place.root) {
        Privilege::Sudo
    } else {
        Privilege::Nobody
    }
}
