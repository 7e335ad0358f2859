//! Deaths and errors at the engine's own edges, in a build with failpoints: there the random kills of
//! the storm hardly ever come. In an ordinary build there are no gusts.

use bgjob_tests::Sandbox;
use bgjob_tests::orders::failpoints;

/// One order for supervisors and workers, one for front-ends.
#[derive(Debug, Default)]
pub struct Gusts {
    points: Vec<String>,
    next: Option<String>,
    disk_fails: bool,
}

impl Gusts {
    /// Draws an order; says which kind it is.
    pub fn blow(
        &mut self,
        sandbox: &Sandbox,
        mut below: impl FnMut(usize) -> usize,
    ) -> Option<&'static str> {
        if !cfg!(feature = "failpoints") {
            return None;
        }
        if self.points.is_empty() {
            self.points = failpoints();
        }
        let point = &self.points[below(self.points.len())];
        let hit = 1 + below(3);
        sandbox.withdraw_orders();
        self.disk_fails = false;
        match below(8) {
            0 => {
                let error = ["ENOSPC", "EIO", "EMFILE", "EAGAIN"][below(4)];
                sandbox.order(&format!("{point}={hit}*err({error})"));
                self.disk_fails = true;
                Some("failing edges")
            }
            1..4 => {
                self.next = Some(point.clone());
                Some("deadly edges of front-ends")
            }
            _ => {
                sandbox.rearm(point);
                sandbox.order(&format!("{point}={hit}*kill"));
                Some("deadly edges")
            }
        }
    }

    /// The orders of the front-end that starts next.
    pub fn of_a_front_end(&mut self, sandbox: &Sandbox) -> Option<String> {
        let point = self.next.take()?;
        sandbox.rearm(&point);
        Some(format!("{point}=kill"))
    }

    /// Whether a front-end may have failed with this because edges were ordered to fail.
    pub fn excuse(&self, told: &[u8]) -> bool {
        let told = String::from_utf8_lossy(told);
        self.disk_fails && !told.contains("panicked")
    }
}
