//! Data directories that have lived: rows made from one that a real job left.

use std::path::Path;

use rusqlite::Connection;
use serde_json::json;

use super::client::Client;
use super::settle;

/// The ledger below `dir`, for seeding.
pub fn ledger(dir: &Path) -> Connection {
    let conn = Connection::open(dir.join("data/ledger.db")).expect("the ledger opens");
    conn.busy_timeout(std::time::Duration::from_secs(60))
        .expect("a timeout");
    conn
}

/// Runs one real job below `dir` and copies its row `n` times, with the ids that real ones have.
pub fn finished(dir: &Path, n: usize) {
    let mut server = Client::ours(dir);
    let id = server.submit().0;
    server.wait(&id);
    drop(server);
    settle(dir);
    copies(&ledger(dir), n, "completed");
}

/// Copies the newest row `n` times into `state`.
pub fn copies(conn: &Connection, n: usize, state: &str) {
    let columns: Vec<String> = conn
        .prepare("SELECT name FROM pragma_table_info('job') WHERE name <> 'seq'")
        .and_then(|mut names| names.query_map([], |row| row.get(0))?.collect())
        .expect("the columns");
    let ended = state == "completed";
    let values: Vec<String> = columns
        .iter()
        .map(|name| match name.as_str() {
            // Crockford's alphabet, as real ids have it.
            "id" => "tool || '-' || substr('0000000000000000000' || lower(hex(seq_of.n)), -12) || lower(hex(randomblob(4)))".into(),
            "state" => format!("'{state}'"),
            "completion_seq" if ended => "base.completion_seq + seq_of.n".into(),
            "completion_seq" | "started_at" | "ended_at" | "nonce" | "boot" | "exit" | "usage" | "result_bytes" if !ended => "NULL".into(),
            "attempt" if !ended => "0".into(),
            "input" if !ended => "CAST('{\"a\":1,\"b\":1}' AS BLOB)".into(),
            other => format!("base.{other}"),
        })
        .collect();
    let sql = format!(
        "WITH RECURSIVE seq_of(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM seq_of WHERE n < {n})
         INSERT INTO job ({}) SELECT {} FROM seq_of, (SELECT * FROM job ORDER BY seq DESC LIMIT 1) AS base",
        columns.join(", "),
        values.join(", ")
    );
    conn.execute_batch("BEGIN IMMEDIATE")
        .expect("a transaction");
    conn.execute(&sql, []).expect("the rows");
    conn.execute(
        "UPDATE counter SET value = (SELECT coalesce(max(completion_seq), 0) FROM job) WHERE name = 'completion_seq'",
        [],
    )
    .expect("the counter");
    conn.execute_batch("COMMIT").expect("a commit");
}

/// Gives the first `n` queued jobs below `dir` what an accepted job has beside its row.
pub fn startable(dir: &Path, conn: &Connection, n: usize) {
    let sql = format!("SELECT id FROM job WHERE state = 'queued' ORDER BY seq LIMIT {n}");
    let ids: Vec<String> = conn
        .prepare(&sql)
        .and_then(|mut ids| ids.query_map([], |row| row.get(0))?.collect())
        .expect("the ids");
    for id in ids {
        let folder = dir.join("data/jobs").join(id);
        std::fs::create_dir_all(&folder).expect("a directory");
        std::fs::write(folder.join("env"), "").expect("room");
    }
}

/// The ids of the newest `n` jobs.
pub fn newest(conn: &Connection, n: usize) -> Vec<String> {
    let sql = format!("SELECT id FROM job ORDER BY seq DESC LIMIT {n}");
    conn.prepare(&sql)
        .and_then(|mut ids| ids.query_map([], |row| row.get(0))?.collect())
        .expect("the ids")
}

/// Gives a job a result of about `bytes` bytes: an array of records under `/rows`.
pub fn result(dir: &Path, id: &str, bytes: usize) {
    use std::io::Write;
    let folder = dir.join("data/jobs").join(id);
    std::fs::create_dir_all(&folder).expect("a directory");
    let file = std::fs::File::create(folder.join("results.json")).expect("a file");
    let mut out = std::io::BufWriter::new(file);
    let row = json!({"t": 1.25, "name": "digester", "values": [1, 2, 3, 4]}).to_string();
    out.write_all(b"{\"summary\":{\"ok\":true},\"rows\":[")
        .expect("room");
    for n in 0..bytes / (row.len() + 1) {
        if n > 0 {
            out.write_all(b",").expect("room");
        }
        out.write_all(row.as_bytes()).expect("room");
    }
    out.write_all(b"]}").expect("room");
}
