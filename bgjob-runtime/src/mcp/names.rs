//! What the tools that follow jobs are called.

use crate::error::{Code, Error, Result};
use crate::job::id::JobId;

/// Which tools follow jobs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum JobTools {
    /// `get_job_status` and `get_job_results` for the jobs of all tools: few definitions.
    #[default]
    Shared,
    /// `<tool>_status` and `<tool>_results` for each tool, with the tool's own result type: about 300
    /// tokens of definitions more for each tool.
    PerTool,
}

/// Gives each call its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Names(pub JobTools);

impl Names {
    /// The tool that waits for jobs of `tool`.
    pub fn status(self, tool: Option<&str>) -> String {
        self.name(tool, "status")
    }

    /// The tool that reads results of `tool`.
    pub fn results(self, tool: Option<&str>) -> String {
        self.name(tool, "results")
    }

    fn name(self, tool: Option<&str>, what: &str) -> String {
        match (self.0, tool) {
            (JobTools::PerTool, Some(tool)) => format!("{tool}_{what}"),
            _ => format!("get_job_{what}"),
        }
    }

    /// Refuses a job of another tool in a typed call.
    pub fn check(self, tool: Option<&str>, id: &JobId) -> Result<()> {
        match tool {
            Some(tool) if id.tool() != tool => Err(Error::new(
                Code::InvalidArgument,
                format!("{id} is a job of `{}`, not of `{tool}`", id.tool()),
            )
            .at("/job_id")
            .remedy(format!("Call {} instead.", self.status(Some(id.tool()))))),
            _ => Ok(()),
        }
    }
}
