//! Whether an execution is small and whole enough to be run at all: checked before it is sent anywhere.

use edgecoder_protocol::{
    Bytes, Execution, FileTree, Limits, Program, RelPath,
    cases::{CASES_MAX, Case},
    execution::{FILES_COUNT_MAX, FILES_MAX, SOURCE_MAX},
};

use crate::error::RefusedExecution;

/// Bytes of standard input.
pub const STDIN_MAX: Bytes = Bytes(16 << 20);

/// Bytes of all arguments of all cases, as JSON.
pub const CALLS_MAX: Bytes = Bytes(32 << 20);

/// Checks sizes, limits, and that what shall run is there and is text.
///
/// # Errors
/// [`RefusedExecution`] naming the first thing that is wrong and what to do about it.
pub fn check_sizes(execution: &Execution) -> Result<(), RefusedExecution> {
    if let Some(limit) = execution.limits.exceeded() {
        let max = max_of(limit);
        return Err(RefusedExecution::Limit { limit, max });
    }
    let files = &execution.files;
    if files.0.len() > FILES_COUNT_MAX {
        return Err(RefusedExecution::FileCount {
            count: files.0.len(),
            max: FILES_COUNT_MAX,
        });
    }
    // Sources first: for one huge file, its own name is the better answer.
    match &execution.program {
        Program::Script { entry } => source(files, entry)?,
        Program::Suite {
            solution, tests, ..
        } => {
            if let Some(solution) = solution {
                source(files, solution)?;
            }
            source(files, tests)?;
        }
        Program::Cases {
            solution, cases, ..
        } => {
            source(files, solution)?;
            if cases.is_empty() {
                return Err(RefusedExecution::NoCases);
            }
            if cases.len() > CASES_MAX {
                return Err(RefusedExecution::CaseCount {
                    count: cases.len(),
                    max: CASES_MAX,
                });
            }
            let arguments = |case: &Case| -> u64 {
                let values = case.args.iter().chain(case.kwargs.values());
                values.map(|value| value.to_json().len() as u64).sum()
            };
            let size = Bytes(cases.iter().map(arguments).sum());
            if size > CALLS_MAX {
                return Err(RefusedExecution::Calls {
                    size,
                    max: CALLS_MAX,
                });
            }
        }
    }
    if files.size() > FILES_MAX {
        return Err(RefusedExecution::Files {
            size: files.size(),
            max: FILES_MAX,
        });
    }
    let size = Bytes(execution.stdin.len() as u64);
    if size > STDIN_MAX {
        return Err(RefusedExecution::Stdin {
            size,
            max: STDIN_MAX,
        });
    }
    Ok(())
}

fn source(files: &FileTree, path: &RelPath) -> Result<(), RefusedExecution> {
    let path = path.clone();
    let Some(content) = files.0.get(&path) else {
        return Err(RefusedExecution::Missing { path });
    };
    let size = Bytes(content.len() as u64);
    if size > SOURCE_MAX {
        return Err(RefusedExecution::Source {
            path,
            size,
            max: SOURCE_MAX,
        });
    }
    match std::str::from_utf8(content) {
        Ok(_) => Ok(()),
        Err(error) => Err(RefusedExecution::NotUtf8 {
            path,
            at: error.valid_up_to(),
        }),
    }
}

fn max_of(limit: &str) -> u64 {
    let max = Limits::MAX;
    match limit {
        "fuel" => max.fuel.0,
        "memory" => max.memory.0,
        "output" => max.output.0,
        "result" => max.result.0,
        _ => max.wall_ms,
    }
}
