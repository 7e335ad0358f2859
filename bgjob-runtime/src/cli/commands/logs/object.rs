//! `jobs logs --json`: the output in the envelope of all replies.

use super::tail::Tail;
use super::{follow, name};
use crate::cli::console::Console;
use crate::cli::failure::Failure;
use crate::cli::reply::{Envelope, LogText};
use crate::job::event::Event;
use crate::job::id::JobId;
use crate::job::request::Owner;
use crate::job::view::{JobView, ViewState};
use crate::mcp::Reply;
use crate::service::{JobService, Stream};

/// Prints what a job wrote as objects.
pub struct Objects<'a> {
    service: &'a JobService,
    console: &'a Console,
    id: &'a JobId,
}

impl<'a> Objects<'a> {
    /// Of the job `id`, to `console`.
    pub fn new(service: &'a JobService, console: &'a Console, id: &'a JobId) -> Self {
        Objects {
            service,
            console,
            id,
        }
    }

    /// All that there is by now, in one object. Logs are kept up to the setting `max_log_mib`, so they
    /// fit the memory.
    pub fn all(&self, tails: &mut [Tail], lines: Option<u64>) -> Result<(), Failure> {
        let state = self.service.view(&Owner::local(), self.id)?.state;
        let mut said = Said::default();
        for tail in tails {
            said.begin(tail.stream);
            let mut raw = Vec::new();
            tail.open(lines)?;
            tail.read(true, &mut |_, line| {
                raw.extend_from_slice(line);
                Ok(())
            })?;
            said.add(&raw);
        }
        Ok(self.console.json(&self.envelope(state, said))?)
    }

    /// An object for each line as it comes, and at the end one that says how the job ended.
    pub fn each(&self, tails: &mut [Tail], lines: Option<u64>) -> Result<(), Failure> {
        let ended = follow(
            self.service,
            self.id,
            tails,
            lines,
            &mut |state, stream, line| {
                let mut said = Said::default();
                said.begin(stream);
                said.add(line);
                Ok(self.console.json_line(&self.envelope(state, said))?)
            },
        )?;
        Ok(self.console.json_line(&self.job(ended))?)
    }

    fn job(&self, state: ViewState) -> Envelope {
        Reply::from(JobView {
            job_id: Some(self.id.clone()),
            ..JobView::bare(state)
        })
        .into()
    }

    fn envelope(&self, state: ViewState, said: Said) -> Envelope {
        Envelope {
            logs: said.logs,
            events: said.events,
            ..self.job(state)
        }
    }
}

/// What the job wrote, as far as it was read.
#[derive(Debug, Default)]
struct Said {
    logs: Option<Vec<LogText>>,
    events: Option<Vec<Event>>,
}

impl Said {
    /// Begins the log of `stream`, which is shown even when it is empty.
    fn begin(&mut self, stream: Stream) {
        if stream == Stream::Events {
            self.events.get_or_insert_default();
            return;
        }
        self.logs.get_or_insert_default().push(LogText {
            stream: name(stream).to_owned(),
            text: String::new(),
        });
    }

    /// Adds to the log that was begun last. Bytes that are no UTF-8 become U+FFFD; lines of the history
    /// that are not whole, since the disk was full or the machine went down, are left out.
    fn add(&mut self, raw: &[u8]) {
        let text = String::from_utf8_lossy(raw);
        if let Some(events) = &mut self.events {
            events.extend(
                text.lines()
                    .filter_map(|line| serde_json::from_str::<Event>(line).ok()),
            );
        } else if let Some(log) = self.logs.iter_mut().flatten().last() {
            log.text.push_str(&text);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn logs_are_text_and_the_history_is_events() {
        let mut said = Said::default();
        said.begin(Stream::Out);
        said.begin(Stream::Err);
        said.add(b"caf\xc3\xa9 \xff\n");
        let logs = said.logs.unwrap();
        let texts: Vec<_> = logs.iter().map(|log| (&*log.stream, &*log.text)).collect();
        assert_eq!(texts, [("stdout", ""), ("stderr", "caf\u{e9} \u{fffd}\n")]);

        let mut said = Said::default();
        said.begin(Stream::Events);
        said.add(b"{\"at\":\"x\",\"attempt\":1,\"event\":\"note\",\"note\":\"n\"}\n{\"at\":\"torn");
        assert_eq!(said.events.map(|events| events.len()), Some(1));
        assert!(said.logs.is_none());
    }
}
