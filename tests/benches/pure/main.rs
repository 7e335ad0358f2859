//! How long the pure parts take, without processes, disk or protocol: `cargo bench -p bgjob-tests --bench
//! pure`, or with `-- check` for those with the word in their names. See
//! `book/src/internals/performance.md`.

mod document;
mod samples;

use std::hint::black_box;
use std::time::Duration;

use bgjob_runtime::bench::{Evidence, Want, extract, judge, read};
use bgjob_runtime::error::Code;
use bgjob_runtime::job::outcome::Exit;
use bgjob_runtime::job::retry::Retries;
use bgjob_runtime::job::view::JobView;
use bgjob_runtime::tool::registry::{Registry, Tool};
use bgjob_runtime::{Error, JobId};
use criterion::{BatchSize, Criterion, Throughput};
use serde::de::IgnoredAny;
use serde_json::{Map, Value};

fn tool(name: &str) -> &'static Tool {
    let tools = Registry::global().expect("the tools of samples.rs are in order");
    tools.get(name).expect("a tool of samples.rs")
}

/// The supervisor's word on an attempt that has ended.
fn verdict(criterion: &mut Criterion) {
    let crashed = samples::evidence(Exit::Signal(9));
    let completed = Evidence {
        result_bytes: Some(120),
        stderr_tail: None,
        ..samples::evidence(Exit::Code(0))
    };
    criterion.bench_function("verdict: completed", |bench| {
        bench.iter(|| judge(black_box(&completed)));
    });
    criterion.bench_function("verdict: crashed, with the end of its log", |bench| {
        bench.iter(|| judge(black_box(&crashed)));
    });
}

/// Whether another attempt follows, and when.
fn retry(criterion: &mut Criterion) {
    let policy = Retries::new(5).policy();
    let error = Error::new(Code::Crashed, "the worker exited with status 1");
    criterion.bench_function("retry: covered, and its pause", |bench| {
        bench.iter(|| {
            let again = policy.covers(black_box(&error), Exit::Code(1));
            again.then(|| policy.pause_ms(black_box(3), 0.5))
        });
    });
}

/// A call's arguments against a tool: accepted ones, and a refusal with words for its author.
fn check(criterion: &mut Criterion) {
    let mut one = |name: &str, tool: &Tool, input: Map<String, Value>, fits: bool| {
        assert_eq!(tool.check(input.clone()).is_ok(), fits, "{name}");
        criterion.bench_function(name, |bench| {
            bench.iter_batched(
                || input.clone(),
                |input| tool.check(input),
                BatchSize::SmallInput,
            );
        });
    };
    one("check: two numbers", tool("add"), samples::two(), true);
    one("check: a nested call", tool("solve"), samples::call(), true);
    one(
        "check: a nested call, refused",
        tool("solve"),
        samples::wrong_call(),
        false,
    );
}

/// What a list of tools says of one, and the hash that a job keeps.
fn schema(criterion: &mut Criterion) {
    let solve = tool("solve").spec;
    criterion.bench_function("schema: of a call", |bench| {
        bench.iter_batched_ref(
            solve.signature,
            |signature| signature.described().input_schema.clone(),
            BatchSize::SmallInput,
        );
    });
    criterion.bench_function("schema: of a result", |bench| {
        bench.iter_batched_ref(
            solve.signature,
            |signature| signature.output_schema().clone(),
            BatchSize::SmallInput,
        );
    });
    criterion.bench_function("schema: its hash", |bench| {
        bench.iter_batched_ref(
            solve.signature,
            |signature| signature.input_hash().len(),
            BatchSize::SmallInput,
        );
    });
}

/// Parts of a JSON text of 1 MiB in memory, beside a parse of all of it.
fn part(criterion: &mut Criterion) {
    let text = document::rows(1 << 20);
    let last = format!("/rows/{}/name", document::count(&text) - 1);
    let page = Want {
        pointer: "/rows",
        offset: document::count(&text) - 20,
        count: Some(20),
        budget: 16 * 1024,
    };
    assert!(matches!(extract(&text[..], &last), Ok(Some(_))));
    assert!(matches!(read(&text[..], page), Ok(Ok(_))));
    let mut group = criterion.benchmark_group("part of 1 MiB");
    group.throughput(Throughput::Bytes(text.len() as u64));
    group.bench_function("by pointer, at the end", |bench| {
        bench.iter(|| extract(black_box(&text[..]), &last));
    });
    group.bench_function("the last page", |bench| {
        bench.iter(|| read(black_box(&text[..]), page));
    });
    group.bench_function("serde_json: passed over", |bench| {
        bench.iter(|| serde_json::from_slice::<IgnoredAny>(black_box(&text)));
    });
    group.bench_function("serde_json: taken into memory", |bench| {
        bench.iter(|| serde_json::from_slice::<Value>(black_box(&text)));
    });
    group.finish();
    criterion.bench_function("part: by pointer, at the beginning", |bench| {
        bench.iter(|| extract(black_box(&text[..]), "/rows/0/name"));
    });
}

/// A job as replies show it.
fn view(criterion: &mut Criterion) {
    let job = samples::record();
    let failed = samples::failed(job.clone());
    let render = |view: &JobView| serde_json::to_string(view).expect("a view is JSON");
    criterion.bench_function("view: lean, completed", |bench| {
        bench.iter(|| render(&JobView::lean(black_box(&job))));
    });
    criterion.bench_function("view: full, failed", |bench| {
        bench.iter(|| render(&JobView::full(black_box(&failed))));
    });
}

fn id(criterion: &mut Criterion) {
    let text = samples::record().id.as_str().to_owned();
    criterion.bench_function("id: parse", |bench| {
        bench.iter(|| black_box(&text).parse::<JobId>());
    });
}

fn main() {
    let mut criterion = Criterion::default()
        .without_plots()
        .warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_secs(2))
        .configure_from_args();
    for part in [verdict, retry, check, schema, part, view, id] {
        part(&mut criterion);
    }
    criterion.final_summary();
}
