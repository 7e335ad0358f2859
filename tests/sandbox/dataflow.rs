//! What must hold of state, chains and attempts in a data directory from which nothing was pruned.

use std::collections::BTreeMap;
use std::fs;

use rusqlite::Connection;
use serde_json::{Value, json};

use crate::Sandbox;

/// Every violated promise, as a sentence.
pub fn problems(sandbox: &Sandbox) -> Vec<String> {
    let ledger = sandbox.ledger();
    let mut found = Vec::new();
    without_gaps(&ledger, &mut found);
    generations(&ledger, &mut found);
    ends_in_order(&ledger, &mut found);
    pins_served(&ledger, &mut found);
    let values = Values::read(sandbox, &ledger);
    patched_with_the_result(sandbox, &ledger, &values, &mut found);
    computed_from_the_promise(sandbox, &ledger, &values, &mut found);
    sums(sandbox, &ledger, &mut found);
    told_what_was_answered(sandbox, &ledger, &mut found);
    attempts(&ledger, &mut found);
    found
}

/// Runs a query whose rows are all violations, each a sentence already.
fn none_of(ledger: &Connection, sql: &str, found: &mut Vec<String>) {
    let mut statement = ledger.prepare(sql).expect("the query is right");
    let rows = statement.query_map([], |row| row.get::<_, String>(0));
    found.extend(
        rows.expect("the ledger reads")
            .map(|row| row.expect("a row")),
    );
}

fn without_gaps(ledger: &Connection, found: &mut Vec<String>) {
    none_of(
        ledger,
        "SELECT 'I7: `' || f.name || '` is at version ' || f.version || ' with ' || count(v.version) || ' values'
         FROM field f LEFT JOIN value v ON v.owner = f.owner AND v.field = f.name
         GROUP BY f.owner, f.name HAVING count(v.version) <> f.version OR coalesce(max(v.version), 0) <> f.version",
        found,
    );
    none_of(
        ledger,
        "SELECT 'I6: ' || j.id || ' says that it made version ' || j.patch_version || ' of `' || j.patch_field || '`'
         FROM job j LEFT JOIN value v ON v.owner = j.owner AND v.field = j.patch_field AND v.version = j.patch_version
         WHERE j.patch_version IS NOT NULL AND v.job IS NOT j.id",
        found,
    );
}

/// A job of before a reset writes nothing after it.
fn generations(ledger: &Connection, found: &mut Vec<String>) {
    none_of(
        ledger,
        "SELECT 'I6: ' || id || ' wrote `' || patch_field || '` for generation ' || patch_generation || ' after ' || newest
         FROM (SELECT id, patch_field, patch_generation, max(patch_generation) OVER
                   (PARTITION BY owner, patch_field ORDER BY completion_seq) AS newest
               FROM job WHERE patch_version IS NOT NULL)
         WHERE patch_generation < newest",
        found,
    );
    none_of(
        ledger,
        "SELECT 'I6: `' || f.name || '` of generation ' || f.generation || ' shows what ' || j.id || ' wrote for '
                || j.patch_generation
         FROM field f JOIN value v ON v.owner = f.owner AND v.field = f.name AND v.version = f.version
         JOIN job j ON j.id = v.job WHERE f.present AND j.patch_generation <> f.generation",
        found,
    );
}

/// The numbers of the ends are in the order in which the ends were recorded.
fn ends_in_order(ledger: &Connection, found: &mut Vec<String>) {
    none_of(
        ledger,
        "SELECT 'I7: ' || id || ' has completion ' || completion_seq || ' after ' || before FROM
            (SELECT j.id, j.completion_seq, lag(j.completion_seq) OVER (ORDER BY t.seq) AS before
             FROM transition t JOIN job j ON j.seq = t.job WHERE t.state IN ('completed', 'failed', 'cancelled'))
         WHERE completion_seq < before",
        found,
    );
}

/// Whoever ran had every value that it was promised, and a promised writer had completed before.
fn pins_served(ledger: &Connection, found: &mut Vec<String>) {
    none_of(
        ledger,
        "SELECT 'I7: ' || j.id || ' ran without its promised version of `' || p.field || '`'
         FROM pin p JOIN job j ON j.seq = p.job
         LEFT JOIN value v ON v.owner = j.owner AND v.field = p.field AND v.version = p.version
         WHERE v.version IS NULL AND EXISTS (SELECT 1 FROM transition t WHERE t.job = p.job AND t.state = 'running')",
        found,
    );
    none_of(
        ledger,
        "SELECT 'I7: ' || j.id || ' was promised the value of ' || w.id || ' and got version ' || p.version
         FROM pin p JOIN job j ON j.seq = p.job JOIN job w ON w.seq = p.writer
         WHERE p.version IS NOT NULL AND p.version IS NOT w.patch_version",
        found,
    );
    none_of(
        ledger,
        "SELECT 'I7: ' || j.id || ' began before ' || w.id || ', for whose value it waits, had completed'
         FROM pin p JOIN job j ON j.seq = p.job JOIN job w ON w.seq = p.writer
         JOIN transition b ON b.job = p.job AND b.state = 'running'
         LEFT JOIN transition e ON e.job = p.writer AND e.state = 'completed'
         WHERE e.seq IS NULL OR e.seq > b.seq",
        found,
    );
}

/// Every version of every field of the local owner.
struct Values(BTreeMap<(String, i64), Value>);

impl Values {
    fn read(sandbox: &Sandbox, ledger: &Connection) -> Self {
        let mut statement = ledger
            .prepare("SELECT field, version, value, file FROM value WHERE owner = 'local'")
            .expect("the query is right");
        let mut rows = statement.query([]).expect("the ledger reads");
        let mut values = BTreeMap::new();
        while let Some(row) = rows.next().expect("a row") {
            let (inline, file): (Option<Vec<u8>>, Option<String>) =
                (row.get(2).expect("a value"), row.get(3).expect("a file"));
            let bytes = inline.or_else(|| fs::read(sandbox.data().join("values").join(file?)).ok());
            let value = bytes.and_then(|bytes| serde_json::from_slice(&bytes).ok());
            let key = (row.get(0).expect("a field"), row.get(1).expect("a version"));
            values.insert(key, value.unwrap_or_default());
        }
        Values(values)
    }

    fn get(&self, field: &str, version: i64) -> Option<&Value> {
        self.0.get(&(field.to_owned(), version))
    }
}

fn read_json(sandbox: &Sandbox, id: &str, file: &str) -> Value {
    fs::read(sandbox.job_dir(id).join(file))
        .ok()
        .and_then(|bytes| serde_json::from_slice(&bytes).ok())
        .unwrap_or_default()
}

fn patched_with_the_result(
    sandbox: &Sandbox,
    ledger: &Connection,
    values: &Values,
    found: &mut Vec<String>,
) {
    let mut statement = ledger
        .prepare(
            "SELECT id, patch_field, patch_pointer, patch_version FROM job WHERE patch_version IS NOT NULL",
        )
        .expect("the query is right");
    let mut rows = statement.query([]).expect("the ledger reads");
    while let Some(row) = rows.next().expect("a row") {
        let id: String = row.get(0).expect("an id");
        let field: String = row.get(1).expect("a field");
        let pointer: Option<String> = row.get(2).expect("a pointer");
        let result = read_json(sandbox, &id, "results.json");
        let due = result.pointer(&pointer.unwrap_or_default());
        if values.get(&field, row.get(3).expect("a version")) != due {
            found.push(format!(
                "I7: `{field}` does not hold what {id} gave it: {due:?}"
            ));
        }
    }
}

/// Readers of the fixture tell what they read: it is the promised version, whatever came after.
fn computed_from_the_promise(
    sandbox: &Sandbox,
    ledger: &Connection,
    values: &Values,
    found: &mut Vec<String>,
) {
    let mut statement = ledger
        .prepare(
            "SELECT j.id, j.tool, p.field, p.version FROM job j JOIN pin p ON p.job = j.seq
             WHERE j.state = 'completed' AND j.tool IN ('append', 'read_note')",
        )
        .expect("the query is right");
    let mut rows = statement.query([]).expect("the ledger reads");
    while let Some(row) = rows.next().expect("a row") {
        let (id, tool): (String, String) =
            (row.get(0).expect("an id"), row.get(1).expect("a tool"));
        let (field, version): (String, i64) =
            (row.get(2).expect("a field"), row.get(3).unwrap_or_default());
        let text = values
            .get(&field, version)
            .map(|value| value["text"].clone());
        let text = text.unwrap_or_default();
        let due = if tool == "read_note" {
            json!({"version": version, "note": {"text": text}})
        } else {
            let added = input(sandbox, ledger, &id)["text"].clone();
            let whole = [text.as_str(), added.as_str()].map(Option::unwrap_or_default);
            json!({"text": whole.concat()})
        };
        let result = read_json(sandbox, &id, "results.json");
        if result != due {
            found.push(format!(
                "I7: {id} computed {result} from version {version}, which gives {due}"
            ));
        }
    }
}

/// What a job was called with: its row knows, and a file where that is large.
fn input(sandbox: &Sandbox, ledger: &Connection, id: &str) -> Value {
    let sql = "SELECT input FROM job WHERE id = ?1";
    let row: Option<Vec<u8>> = ledger
        .query_row(sql, [id], |row| row.get(0))
        .expect("a row");
    match row {
        Some(json) => serde_json::from_slice(&json).expect("it is JSON"),
        None => read_json(sandbox, id, "input.json"),
    }
}

/// A sum that was interrupted and gone on with is the sum.
fn sums(sandbox: &Sandbox, ledger: &Connection, found: &mut Vec<String>) {
    let mut statement = ledger
        .prepare("SELECT id FROM job WHERE tool = 'add_up' AND state = 'completed'")
        .expect("the query is right");
    let ids = statement.query_map([], |row| row.get::<_, String>(0));
    for id in ids.expect("the ledger reads").map(|id| id.expect("a row")) {
        let upto = input(sandbox, ledger, &id)["upto"].as_u64();
        let sum = read_json(sandbox, &id, "results.json").as_u64();
        if sum != upto.map(|upto| upto * (upto + 1) / 2) {
            found.push(format!("{id} added up to {sum:?}"));
        }
    }
}

/// A job that asked has what was answered, whichever of its attempts was told.
fn told_what_was_answered(sandbox: &Sandbox, ledger: &Connection, found: &mut Vec<String>) {
    let mut statement = ledger
        .prepare(
            "SELECT j.id, (SELECT json_group_array(q.answer ->> '$.value' ORDER BY q.key)
                           FROM question q WHERE q.job = j.seq)
             FROM job j WHERE j.tool = 'ask_in_turn' AND j.state = 'completed'",
        )
        .expect("the query is right");
    let rows = statement.query_map([], |row| {
        Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?))
    });
    for row in rows.expect("the ledger reads") {
        let (id, answers) = row.expect("a row");
        let told = read_json(sandbox, &id, "results.json")["answers"].to_string();
        if told != answers {
            found.push(format!("{id} was told {told} and answered {answers}"));
        }
    }
}

/// Attempts are numbered from 1, follow a listed end, and keep their distance.
fn attempts(ledger: &Connection, found: &mut Vec<String>) {
    none_of(
        ledger,
        "SELECT 'I5: ' || j.id || ' is at attempt ' || j.attempt || ' with ' || count(*) || ' failed ones'
         FROM job j JOIN attempt a ON a.job = j.seq GROUP BY j.seq
         HAVING count(*) NOT IN (j.attempt - 1, j.attempt) OR max(a.attempt) <> count(*)",
        found,
    );
    none_of(
        ledger,
        "SELECT 'I5: ' || j.id || ' was tried again after ' || (a.error ->> '$.code')
         FROM job j JOIN attempt a ON a.job = j.seq
         WHERE j.retry_policy IS NULL OR NOT EXISTS (
            SELECT 1 FROM json_each(j.retry_policy, '$.on') e WHERE e.value = CASE a.error ->> '$.code'
                WHEN 'supervisor_lost' THEN 'lost' WHEN 'host_restarted' THEN 'lost'
                WHEN 'crashed' THEN 'crashed' WHEN 'no_result' THEN 'crashed' WHEN 'out_of_memory' THEN 'crashed'
                WHEN 'timed_out' THEN 'timed_out'
                WHEN 'tool_error' THEN 'retryable' WHEN 'storage_error' THEN 'retryable' END)",
        found,
    );
    // The pause doubles up to the longest one; the ledger's clock has milliseconds.
    none_of(
        ledger,
        "SELECT 'attempt ' || t.attempt || ' of ' || j.id || ' began ' || (t.at - a.ended_at) || ' ms after the one before'
         FROM job j JOIN attempt a ON a.job = j.seq
         JOIN transition t ON t.job = j.seq AND t.state = 'running' AND t.attempt = a.attempt + 1
         WHERE t.at - a.ended_at + 2 < min(j.retry_policy ->> '$.max_backoff_ms',
                                           (j.retry_policy ->> '$.backoff_ms') << (a.attempt - 1))",
        found,
    );
}
