//! The limits bind over all processes, and the queue drains with nobody else alive.

use std::collections::BTreeSet;

use bgjob_tests::mcp::Server;
use bgjob_tests::oracle::Oracle;
use bgjob_tests::{Sandbox, finish, until};
use serde_json::json;

use crate::sandbox;

fn gated(sandbox: &Sandbox, tool: &str, oracle: &Oracle, count: usize) -> Vec<String> {
    (0..count)
        .map(|_| sandbox.submit(tool, &json!({"socket": oracle.path()})))
        .collect()
}

#[test]
fn sixty_queued_jobs_finish_with_nobody_else_alive() {
    let sandbox = sandbox();
    sandbox.set("max_jobs", "4");
    let oracle = Oracle::listen(&sandbox.path("gate"));
    let ids = gated(&sandbox, "gate", &oracle, 60);
    oracle.wait_for(4);
    assert_eq!(oracle.waiting().len(), 4);
    oracle.open();
    oracle.wait_for_starts(60);
    sandbox.settle();
    for id in &ids {
        assert_eq!(sandbox.state_of(id), "completed");
    }
    let bodies: BTreeSet<_> = oracle.starts().into_iter().collect();
    assert_eq!(bodies.len(), 60, "each body started once");
    assert_eq!(oracle.starts().len(), 60);
    assert_eq!(
        oracle.most(),
        4,
        "never more than the limit, and the whole of it used"
    );
}

#[test]
fn short_jobs_are_run_by_as_many_supervisors_as_there_are_slots() {
    let sandbox = sandbox();
    sandbox.set("max_jobs", "2");
    let oracle = Oracle::listen(&sandbox.path("gate"));
    for _ in 0..2 {
        let mut first = sandbox.command(["run", "gate", "--detach", "--socket"]);
        first.arg(oracle.path()).env("RUST_LOG", "info");
        assert_eq!(finish(&mut first).code, Some(0));
    }
    oracle.wait_for(2);
    for n in 0..60 {
        sandbox.submit("add", &json!({"a": n, "b": 1}));
    }
    oracle.open();
    // Only looked at: a command would look after the jobs, too.
    let ledger = sandbox.ledger();
    until("all have ended", || {
        let sql = "SELECT count(*) FROM job WHERE state = 'completed'";
        ledger.query_row(sql, [], |row| row.get(0)) == Ok(62)
    });
    sandbox.settle();
    let log = std::fs::read_to_string(sandbox.data().join("supervisor.log")).unwrap();
    // A slot is free between two jobs, and whoever sees that starts nobody.
    assert_eq!(log.matches("a supervisor begins").count(), 2, "{log}");
}

#[test]
fn a_limit_that_another_process_raises_binds_a_server_at_its_next_call() {
    let sandbox = sandbox();
    sandbox.set("max_jobs", "1");
    let oracle = Oracle::listen(&sandbox.path("gate"));
    let mut server = Server::start(&sandbox);
    let gate = json!({"socket": oracle.path()});
    for _ in 0..3 {
        server.call("gate", gate.clone());
    }
    oracle.wait_for(1);
    sandbox.set("max_jobs", "3");
    // Nobody looks at a job: the call alone has the others started.
    server.call("gate", gate);
    oracle.wait_for(3);
    oracle.open();
    sandbox.settle();
    assert_eq!(oracle.most(), 3);
}

#[test]
fn twenty_four_supervisors_racing_for_four_slots_never_exceed_them() {
    let sandbox = sandbox();
    sandbox.set("max_jobs", "1");
    let oracle = Oracle::listen(&sandbox.path("gate"));
    // One job holds the only slot, so that the others are queued and nobody looks for them.
    let first = gated(&sandbox, "gate", &oracle, 1).remove(0);
    oracle.wait_for(1);
    gated(&sandbox, "gate", &oracle, 30);
    sandbox.set("max_jobs", "4");
    let racers: Vec<_> = (0..24)
        .map(|_| sandbox.supervisor().spawn().expect("a supervisor starts"))
        .collect();
    for mut racer in racers {
        assert!(racer.wait().expect("its first process ends").success());
    }
    oracle.wait_for(4);
    oracle.release(&first);
    oracle.open();
    oracle.wait_for_starts(31);
    sandbox.settle();
    assert_eq!(oracle.most(), 4);
    assert_eq!(oracle.starts().len(), 31);
}

#[test]
fn a_tools_own_limit_holds_while_others_go_on() {
    let sandbox = sandbox();
    sandbox.set("max_jobs", "6");
    let oracle = Oracle::listen(&sandbox.path("gate"));
    let narrow = Oracle::listen(&sandbox.path("narrow"));
    gated(&sandbox, "gate_of_two", &narrow, 5);
    narrow.wait_for(2);
    gated(&sandbox, "gate", &oracle, 3);
    oracle.wait_for(3);
    narrow.open();
    oracle.open();
    narrow.wait_for_starts(5);
    sandbox.settle();
    assert_eq!(narrow.most(), 2);
    assert_eq!(oracle.most(), 3);
}

#[test]
fn a_higher_priority_starts_first_and_equals_in_order() {
    let sandbox = sandbox();
    sandbox.set("max_jobs", "1");
    let oracle = Oracle::listen(&sandbox.path("gate"));
    let mut expected = gated(&sandbox, "gate", &oracle, 3);
    oracle.wait_for(1);
    let urgent = gated(&sandbox, "urgent_gate", &oracle, 1);
    assert_eq!(sandbox.show(&urgent[0])["queue_position"], 1);
    assert_eq!(sandbox.show(&expected[1])["queue_position"], 2);
    expected.splice(1..1, urgent);
    oracle.open();
    oracle.wait_for_starts(4);
    sandbox.settle();
    assert_eq!(
        oracle
            .starts()
            .into_iter()
            .map(|(job, _)| job)
            .collect::<Vec<_>>(),
        expected
    );
}

#[test]
fn a_full_queue_refuses_and_says_when_to_come_back() {
    let sandbox = sandbox();
    sandbox.set("max_jobs", "1");
    sandbox.set("max_queued", "2");
    let oracle = Oracle::listen(&sandbox.path("gate"));
    gated(&sandbox, "gate", &oracle, 1);
    oracle.wait_for(1);
    gated(&sandbox, "gate", &oracle, 2);
    let refused = sandbox.try_submit("gate", &json!({"socket": oracle.path()}));
    assert_ne!(refused.code, Some(0));
    assert!(refused.stderr.contains("2 jobs are queued"), "{refused:?}");
    oracle.open();
    sandbox.settle();
    until("there is room again", || {
        sandbox.try_submit("add", &json!({"a": 1, "b": 1})).code == Some(0)
    });
}

#[test]
#[ignore = "nightly: keeps the whole machine busy for half a minute"]
fn a_thousand_jobs_from_fifty_submitters_meet_no_locked_database() {
    let sandbox = sandbox();
    sandbox.set("max_jobs", "4");
    let submitters: Vec<_> = (0..50)
        .map(|_| {
            let program = sandbox.command::<&str>([]).get_program().to_owned();
            let line = "for n in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do \"$0\" --data-dir \"$1\" run nothing --detach || exit 1; done";
            let mut command = std::process::Command::new("sh");
            command.args(["-c", line]).arg(program).arg(sandbox.data());
            command.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped());
            command.spawn().expect("a submitter starts")
        })
        .collect();
    let mut ids = Vec::new();
    for submitter in submitters {
        let output = submitter.wait_with_output().expect("it ends");
        let told = String::from_utf8_lossy(&output.stderr);
        assert!(
            output.status.success() && !told.contains("locked"),
            "{told}"
        );
        ids.extend(
            String::from_utf8_lossy(&output.stdout)
                .lines()
                .map(str::to_owned),
        );
    }
    assert_eq!(ids.len(), 1000);
    sandbox.settle();
    assert_eq!(
        bgjob_tests::invariants::problems(&sandbox, &ids, None),
        Vec::<String>::new()
    );
}

#[test]
#[ignore = "nightly: keeps the whole machine busy for a minute"]
fn fifty_servers_accept_twenty_jobs_each_and_four_run() {
    let sandbox = sandbox();
    sandbox.set("max_jobs", "4");
    let oracle = Oracle::listen(&sandbox.path("gate"));
    oracle.open();
    let input = json!({"socket": oracle.path()});
    let ids: Vec<String> = std::thread::scope(|scope| {
        let servers: Vec<_> = (0..50)
            .map(|_| {
                scope.spawn(|| {
                    let mut server = bgjob_tests::mcp::Server::start(&sandbox);
                    let mut accept = || {
                        let reply = server.call("gate", input.clone());
                        // "database is locked" would be one.
                        assert!(!reply.is_error, "{reply:?}");
                        reply.id()
                    };
                    (0..20).map(|_| accept()).collect::<Vec<_>>()
                })
            })
            .collect();
        let accepted = servers.into_iter().map(|server| server.join());
        accepted.flat_map(|ids| ids.expect("a server")).collect()
    });
    assert_eq!(ids.len(), 1000);
    // In portions, since waiting for one condition ends after a minute.
    for count in (50..=1000).step_by(50) {
        oracle.wait_for_starts(count);
    }
    sandbox.settle();
    assert_eq!(oracle.most(), 4);
    let found = bgjob_tests::invariants::problems(&sandbox, &ids, Some(&oracle));
    assert_eq!(found, Vec::<String>::new());
}

#[test]
fn every_character_of_an_id_is_random() {
    let sandbox = sandbox();
    let ids: Vec<String> = (0..12)
        .map(|_| sandbox.submit("nothing", &json!({})))
        .collect();
    let random = |id: &String| {
        id.rsplit('-')
            .next()
            .unwrap_or_default()
            .as_bytes()
            .to_vec()
    };
    for place in 0..20 {
        let seen: BTreeSet<u8> = ids.iter().map(|id| random(id)[place]).collect();
        assert!(seen.len() > 1, "place {place} of {ids:?}");
    }
}

#[test]
fn twenty_thousand_ended_and_a_thousand_queued_jobs_keep_nobody_waiting() {
    let sandbox = sandbox();
    sandbox.set("max_jobs", "2");
    let oracle = Oracle::listen(&sandbox.path("gate"));
    let holder = sandbox.submit("gate", &json!({"socket": oracle.path()}));
    oracle.wait_for(1);
    let ended = sandbox.submit("add", &json!({"a": 1, "b": 2}));
    sandbox.wait(&ended);
    // Rows as jobs leave them; as many jobs would take an hour.
    let ledger = rusqlite::Connection::open(sandbox.data().join("ledger.db")).unwrap();
    let columns = "owner, tool, schema_hash, build, submitted_at, submit_boot, input_hash, cwd";
    ledger
        .execute_batch(&format!(
            "BEGIN IMMEDIATE;
             WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000)
             INSERT INTO job (id, state, ended_at, completion_seq, {columns})
             SELECT 'add-0' || printf('%019d', i), 'completed', submitted_at, 100 + i, {columns} FROM n, job WHERE job.id = '{ended}';
             WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000)
             INSERT INTO job (id, state, {columns})
             SELECT 'add-1' || printf('%019d', i), 'queued', {columns} FROM n, job WHERE job.id = '{ended}';
             INSERT INTO wait (job, on_job) SELECT q.seq, h.seq FROM job q, job h WHERE q.state = 'queued' AND h.id = '{holder}';
             UPDATE counter SET value = 20100 WHERE name = 'completion_seq';
             COMMIT;"
        ))
        .unwrap();
    drop(ledger);
    let began = std::time::Instant::now();
    let next = sandbox.submit("gate", &json!({"socket": oracle.path()}));
    oracle.wait_for(2);
    // Promised is 2 s.
    let took = began.elapsed();
    assert!(took < std::time::Duration::from_secs(20), "{took:?}");
    let page = sandbox.json(["jobs", "list"]);
    let shown = page["jobs"].as_array().map_or(0, Vec::len);
    assert!((1..=1000).contains(&shown), "a page has {shown} jobs");
    assert_eq!(page["more"], true);
    sandbox.run(["jobs", "cancel", &holder, "--grace", "0s"]);
    // Not before it is open to nobody: it would still complete.
    assert_eq!(sandbox.wait(&holder)["state"], "cancelled");
    oracle.open();
    sandbox.wait(&next);
    let failed: i64 = sandbox
        .ledger()
        .query_row(
            "SELECT count(*) FROM job WHERE state = 'failed'",
            [],
            |row| row.get(0),
        )
        .unwrap();
    assert_eq!(failed, 1000, "those who waited for it failed with it");
}
