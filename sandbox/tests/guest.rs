//! What the build of the guest promises (`guests/link.py`, `meter.py`, `python/allocator.c`): its code counts its fuel
//! wherever it could run on, counts it exactly, and its allocator keeps and reuses memory as it should.
#![allow(clippy::unwrap_used, reason = "tests")]

mod common;

use common::{cases, sandbox, script};
use edgecoder_protocol::{Bytes, Fuel, Outcome};
use edgecoder_sandbox::Guest;
use wasmparser::{Operator, Parser, Payload, TypeRef};

/// A core module of the component: its exported functions and globals by name, and its functions' operators.
#[derive(Default)]
struct Module<'a> {
    imported: u32,
    exports: Vec<(&'a str, u32)>,
    functions: Vec<Vec<Operator<'a>>>,
}

fn modules(component: &[u8]) -> Vec<Module<'_>> {
    let mut modules = Vec::new();
    for payload in Parser::new(0).parse_all(component) {
        match payload.unwrap() {
            Payload::Version {
                encoding: wasmparser::Encoding::Module,
                ..
            } => modules.push(Module::default()),
            Payload::ImportSection(imports) => {
                for import in imports.into_imports() {
                    if matches!(import.unwrap().ty, TypeRef::Func(_)) {
                        modules.last_mut().unwrap().imported += 1;
                    }
                }
            }
            Payload::ExportSection(exports) => {
                let exports = exports.into_iter().map(Result::unwrap);
                let exports = exports.map(|export| (export.name, export.index));
                modules.last_mut().unwrap().exports.extend(exports);
            }
            Payload::CodeSectionEntry(body) => {
                let operators = body.get_operators_reader().unwrap().into_iter();
                let operators = operators.map(Result::unwrap).collect();
                modules.last_mut().unwrap().functions.push(operators);
            }
            _ => {}
        }
    }
    modules
}

/// Whether the operators end in taking at least one off the count and looking at it.
fn ends_in_check(operators: &[Operator<'_>], fuel: u32, tell: u32) -> bool {
    use Operator::{Call, End, GlobalGet, GlobalSet, I64Const, I64LtS, I64Sub, If, Unreachable};
    let Some((_, last)) = operators.split_last_chunk::<11>() else {
        return false;
    };
    matches!(last, [
        GlobalGet { global_index: a }, I64Const { value: 1.. }, I64Sub, GlobalSet { global_index: b },
        GlobalGet { global_index: c }, I64Const { value: 0 }, I64LtS, If { .. },
        Call { function_index }, Unreachable, End,
    ] if [a, b, c] == [&fuel; 3] && *function_index == tell)
}

/// Turns of loops without a check before them, and other writes to the count than taking off it.
fn unmetered(operators: &[Operator<'_>], fuel: u32, tell: u32) -> (usize, usize) {
    let (mut turns, mut writes) = (0, 0);
    let mut open = vec![false];
    for (at, operator) in operators.iter().enumerate() {
        let before = &operators[..at];
        let goes_round = |depth: u32| open[open.len() - 1 - depth as usize];
        let round = match operator {
            Operator::Br { relative_depth } | Operator::BrIf { relative_depth } => {
                goes_round(*relative_depth)
            }
            Operator::BrTable { targets } => {
                goes_round(targets.default()) || targets.targets().any(|to| goes_round(to.unwrap()))
            }
            _ => false,
        };
        turns += usize::from(round && !ends_in_check(before, fuel, tell));
        match operator {
            Operator::Loop { .. } => open.push(true),
            Operator::Block { .. } | Operator::If { .. } => open.push(false),
            Operator::End => drop(open.pop()),
            Operator::GlobalSet { global_index } if *global_index == fuel => {
                let less = matches!(before.last(), Some(Operator::I64Sub));
                let by = matches!(
                    before.iter().nth_back(1),
                    Some(Operator::I64Const { value: 0.. } | Operator::I64ExtendI32U)
                );
                writes += usize::from(!(less && by));
            }
            _ => {}
        }
    }
    (turns, writes)
}

#[test]
fn every_turn_of_every_loop_in_the_guest_is_counted() {
    let component = Guest::Python.component().unwrap();
    let (mut metered, mut loops) = (0, 0);
    for module in modules(&component) {
        let named = |name| (module.exports.iter()).find_map(|(n, at)| (*n == name).then_some(*at));
        let Some(fuel) = named("meter fuel") else {
            // Around the linked module there are only functions that pass a call on through a table.
            let on = |operator: &Operator<'_>| {
                !matches!(operator, Operator::Loop { .. } | Operator::Call { .. })
            };
            assert!(module.functions.iter().flatten().all(on));
            continue;
        };
        metered += 1;
        let (tell, swap) = (named("meter tell").unwrap(), named("meter swap").unwrap());
        for (index, operators) in (module.imported..).zip(&module.functions) {
            loops += operators
                .iter()
                .filter(|o| matches!(o, Operator::Loop { .. }))
                .count();
            if ![tell, swap].contains(&index) {
                assert_eq!(unmetered(operators, fuel, tell), (0, 0), "function {index}");
            }
        }
    }
    assert_eq!(metered, 1);
    assert!(loops > 1000, "{loops} loops: this is not the interpreter");
}

#[test]
fn a_loop_that_is_not_counted_is_seen() {
    let turn = Operator::Br { relative_depth: 0 };
    let empty = wasmparser::BlockType::Empty;
    let free = [
        Operator::Loop { blockty: empty },
        turn,
        Operator::End,
        Operator::End,
    ];
    assert_eq!(unmetered(&free, 0, 0), (1, 0));
    let filled = [
        Operator::I64Const { value: 9 },
        Operator::GlobalSet { global_index: 0 },
    ];
    assert_eq!(unmetered(&filled, 0, 0), (0, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn fuel_is_counted_to_the_last_unit() {
    let sandbox = sandbox();
    let mut execution = script("print(sum(i * i for i in range(10_000)))");
    let whole = sandbox.run(execution.clone()).await.unwrap().body.fuel;
    for (limit, outcome) in [
        (whole.0, Outcome::Ok),
        (whole.0 - 1, Outcome::OutOfFuel),
        (whole.0 / 2, Outcome::OutOfFuel),
    ] {
        execution.limits.fuel = Fuel(limit);
        let body = sandbox.run(execution.clone()).await.unwrap().body;
        assert_eq!((body.outcome, body.fuel), (outcome, Fuel(limit)));
    }
    // Leaving early is charged what it took, and copying as much as is copied.
    let mut early = script("import os\nos._exit(0)");
    early.limits.fuel = Fuel(1 << 40);
    let early = sandbox.run(early).await.unwrap().body;
    assert!(early.fuel < whole, "{} of {whole}", early.fuel);
    let copied = sandbox
        .run(script("bytes(bytearray(64 << 20))"))
        .await
        .unwrap();
    assert!(copied.body.fuel.0 > 64 << 20, "{}", copied.body.fuel);
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_that_call_calls_run_out_of_fuel() {
    let source = "t, u = (), ()\nfor _ in range(200):\n    t, u = (t, t), (u, u)\nt == u\n";
    let mut execution = script(source);
    execution.limits.fuel = Fuel(2_000_000_000);
    let report = sandbox().run(execution).await.unwrap();
    assert_eq!(report.body.outcome, Outcome::OutOfFuel, "{}", report.stderr);
}

#[tokio::test(flavor = "multi_thread")]
async fn memory_of_one_size_serves_another_when_it_is_free() {
    // Each turn takes 60 MB in objects of another size; together they would be 480 MB.
    let source = "
for size in range(20, 500, 60):
    kept = [b'x' * size + str(i).encode() for i in range(60_000_000 // (size + 40))]
    assert kept[777] == b'x' * size + b'777'
    del kept
print('done')
";
    let mut execution = script(source);
    execution.limits.memory = Bytes(192 << 20);
    let report = sandbox().run(execution).await.unwrap();
    assert_eq!(
        report.stdout, "done\n",
        "{} {}",
        report.reason, report.stderr
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn blocks_keep_what_is_in_them_while_others_come_and_go() {
    let source = "
import random
live, r = {}, random.Random(5)
for step in range(60_000):
    key = r.randrange(400)
    if key in live:
        block, byte, size = live[key]
        assert len(block) == size and block.count(byte) == size, (step, key)
        if r.random() < 0.5:
            del live[key]
        else:
            size = r.choice([0, 1, 7, 8, 9, 63, 200, 511, 512, 513, 4000, 70_000])
            if size < len(block):
                del block[size:]
            else:
                block.extend(bytes([byte]) * (size - len(block)))
            live[key] = block, byte, size
    else:
        byte, size = r.randrange(256), r.randrange(600)
        live[key] = bytearray([byte]) * size, byte, size
print('kept')
";
    let report = sandbox().run(script(source)).await.unwrap();
    assert_eq!(
        report.stdout, "kept\n",
        "{} {}",
        report.reason, report.stderr
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_case_that_the_wall_clock_stops_takes_no_other_with_it() {
    let solution = "def f(n):\n    while n == 3: pass\n    return n\n";
    let case = |n| format!(r#"{{"entry": "f", "args": [{n}], "expect": {n}}}"#);
    let wanted: Vec<String> = (0..8).map(case).collect();
    let mut execution = cases(solution, &format!("[{}]", wanted.join(",")));
    execution.limits.fuel = Fuel(1 << 42);
    execution.limits.wall_ms = 300;
    let report = sandbox().run(execution).await.unwrap();
    assert_eq!(
        report.body.outcome,
        Outcome::Inconclusive,
        "{}",
        report.reason
    );
    assert_eq!(report.tests.len(), 8);
    let passed = |test: &&edgecoder_protocol::TestResult| {
        test.outcome == edgecoder_protocol::receipt::TestOutcome::Passed
    };
    assert_eq!(
        report.tests.iter().filter(passed).count(),
        7,
        "{:?}",
        report.tests
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn code_in_the_guest_cannot_report_fuel_of_its_own() {
    let sandbox = sandbox();
    for claimed in ["-1", "2**62"] {
        // What the interpreter's own bindings call a function of the host with.
        let source = format!(
            "import componentize_py_runtime as runtime\nprint('there', flush=True)\nruntime.call_import(0, [{claimed}])\n"
        );
        let report = sandbox.run(script(&source)).await.unwrap();
        assert_eq!(report.stdout, "there\n", "{}", report.stderr);
        assert_eq!(report.body.outcome, Outcome::Failed, "{}", report.reason);
        let fuel = report.body.fuel.0;
        assert!((1_000..1_000_000_000).contains(&fuel), "{claimed}: {fuel}");
    }
}
