//! The steps of a design as background tools, chained by the shared state.
//!
//! ```text
//! set_basis --> [basis] --+--> validate ----------> [validation] --------+
//!                         +--> heuristic_sizing --> [heuristic_config] --+--> report
//!                         +--> simulate ----------> [simulation] --------+
//! ```
//!
//! `simulate` reads `heuristic_config`, too, and `report` the basis.
//!
//! The state holds what the next step needs, and no more: of a simulation the summary and its [`Setup`]. The time series
//! stays in the result of the `simulate` job. [`report`] therefore simulates once more, from that setup; the model is
//! deterministic, and a report whose numbers are not those of the state is refused.

use std::ops::ControlFlow;

use bgjob_runtime::{Job, State, background_tool};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::DigesterError;
use crate::feed::{Basis, FeedSeries};
use crate::model::{self, Case, Checkpoint, Day, Plant, Record, Run, Simulation, Summary};
use crate::report::{Design, Report, write_to};
use crate::sizing::{self, Sizing, SizingOptions};
use crate::validate::{self as checks, Validation};

/// Set the basis of design: the average feed that the digester is built for. All later steps read it.
#[background_tool(
    title = "Set the basis of design",
    timeout = "1m",
    state_patch = "basis"
)]
pub fn set_basis(#[arg(flatten)] basis: Basis) -> Result<Basis, DigesterError> {
    basis.check_ranges()?;
    Ok(basis)
}

/// Check the basis of design for plausibility: solids, acids, buffer, pH, temperature, strength, nutrients.
///
/// Each finding is `ok`, `warning` or `error` and names the source of its rule. Findings do not stop a chain.
#[background_tool(
    title = "Check the basis of design",
    timeout = "1m",
    state_patch = "validation"
)]
pub fn validate(basis: State<Basis>) -> Result<Validation, DigesterError> {
    checks::validate(&basis)
}

/// Size the digester by published design figures: volume, tanks, retention times, mixing power, gas, heat.
///
/// A first guess, no design.
#[background_tool(
    title = "Size the digester",
    timeout = "1m",
    state_patch = "heuristic_config"
)]
pub fn heuristic_sizing(
    basis: State<Basis>,
    #[arg(flatten)] options: SizingOptions,
) -> Result<Sizing, DigesterError> {
    sizing::size(&basis, &options)
}

/// A feed over time that needs no data of one's own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum FeedChoice {
    /// The shipped 300-day vinasse campaign, scaled to the basis: rising load, weekly rhythm, a stop, a surge.
    #[default]
    Campaign,
    /// The basis of design, every day the same.
    Constant,
}

/// All that a simulation was made from: enough to make it again.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Setup {
    /// The basis of design.
    pub basis: Basis,
    /// The digester.
    pub plant: Plant,
    /// Which feed; absent if it was a series of one's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub feed: Option<FeedChoice>,
    /// The series of one's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub series: Option<FeedSeries>,
    /// Simulated days (d).
    pub days: u32,
    /// Records per day.
    pub records_per_day: u32,
}

/// What the state keeps of a simulation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SimulationSummary {
    /// What it was made from.
    pub setup: Setup,
    /// What came out, in brief.
    #[serde(flatten)]
    pub outcome: Summary,
}

/// The result of a simulation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SimulationResult {
    /// The result in brief, and what it was made from: becomes the state field `simulation`.
    pub summary: SimulationSummary,
    /// Everything, `records_per_day` times a day; the first record is the seeded digester at time 0.
    pub time_series: Vec<Record>,
}

/// Simulate the sized digester over time with the two-step model AM2 of Bernard et al. (2001).
///
/// Gives gas flow, methane share, pH, acids, alkalinity and effluent COD over time, their summary, and signs of
/// instability. The time series is large; the state field `simulation` gets the summary. Takes about a second for a year
/// with hourly records. An interrupted simulation goes on where it was, at most 30 days back, when it is tried again.
#[background_tool(
    title = "Simulate the digester",
    timeout = "30m",
    state_patch(field = "simulation", pointer = "/summary"),
    retries(max = 2, on = ["lost", "crashed", "timed_out"])
)]
pub fn simulate(
    job: &Job,
    basis: State<Basis>,
    #[state("heuristic_config")] sizing: State<Sizing>,
    /// Days to simulate (d). Default: the length of the feed, 300 for `campaign` and `constant`. Beyond its end the last
    /// day of the feed is repeated.
    #[arg(range = 1..=3650)]
    days: Option<u32>,
    /// Records per day in the time series (1/d). The results do not depend on it, their detail does.
    #[arg(range = 1..=288, default = 24)]
    records_per_day: u32,
    /// A feed over time that needs no data of your own. Default `campaign`, unless `series` is given.
    feed: Option<FeedChoice>,
    /// A feed of your own, day by day, in place of `feed`.
    series: Option<FeedSeries>,
) -> Result<SimulationResult, DigesterError> {
    if feed.is_some() && series.is_some() {
        return Err(DigesterError::Inconsistent {
            message: "`feed` and `series` are both given: leave one out".into(),
        });
    }
    let setup = Setup {
        basis: basis.into_inner(),
        plant: Plant::from(&*sizing),
        feed: series.is_none().then(|| feed.unwrap_or_default()),
        days: days.unwrap_or_else(|| series.as_ref().map_or(CAMPAIGN_D, |own| own.length_d)),
        series,
        records_per_day,
    };
    let simulation = setup.resume(job, setup.course()?)?;
    Ok(SimulationResult {
        summary: SimulationSummary {
            setup,
            outcome: simulation.summary,
        },
        time_series: simulation.time_series,
    })
}

/// A checkpoint holds the time series so far, some 0.2 MB for 30 days of hourly records.
const CHECKPOINT_EVERY_D: u32 = 30;

/// Length of the shipped campaign (d).
const CAMPAIGN_D: u32 = 300;

/// Draw five plots (SVG) and write a page (`report.html`) about the design into the job's artifacts.
///
/// Needs all earlier steps, for the same basis of design. Gives the key numbers, what to look at, and the paths of the files.
#[background_tool(title = "Report the design", timeout = "30m")]
pub fn report(
    job: &Job,
    basis: State<Basis>,
    validation: State<Validation>,
    #[state("heuristic_config")] sizing: State<Sizing>,
    simulation: State<SimulationSummary>,
) -> Result<Report, DigesterError> {
    belong_together(&basis, &validation, &sizing, &simulation.setup)?;
    job.phase("simulating again");
    let setup = &simulation.setup;
    let (feed, again) = setup.simulate(job, setup.course()?)?;
    if again.summary != simulation.outcome {
        return Err(out_of_date(
            "simulation",
            "simulate",
            "another version of this program made it",
        ));
    }
    let design = Design {
        basis: &basis,
        validation: Some(&validation),
        sizing: &sizing,
        feed: &feed,
        simulation: &again,
    };
    let mut place = |name: &str| {
        job.artifact(name).map_err(|error| DigesterError::File {
            path: name.into(),
            message: error.message,
        })
    };
    write_to(&mut place, &design)
}

impl Setup {
    /// The feed day by day.
    fn course(&self) -> Result<FeedSeries, DigesterError> {
        let series = match (&self.series, self.feed.unwrap_or_default()) {
            (Some(own), _) => own.clone(),
            (None, FeedChoice::Constant) => FeedSeries::constant(&self.basis, self.days),
            (None, FeedChoice::Campaign) => {
                let (shipped, nominal) =
                    (FeedSeries::winery_distillery()?, Basis::winery_distillery());
                if self.basis == nominal {
                    shipped
                } else {
                    let scaled = shipped.scaled(&nominal, &self.basis);
                    let name = format!("{}, scaled to another basis of design", scaled.name);
                    FeedSeries { name, ..scaled }
                }
            }
        };
        Ok(series.with_length(self.days))
    }

    /// Simulates with `feed`, telling the progress by the day; gives the feed back for those who go on with it.
    fn simulate(
        &self,
        job: &Job,
        feed: FeedSeries,
    ) -> Result<(FeedSeries, Simulation), DigesterError> {
        let case = self.case(feed);
        let simulation = self.run(job, &case, None, &mut |_| Ok(()))?;
        Ok((case.feed, simulation))
    }

    /// Simulates with `feed`, from where an interrupted attempt of the job was, and keeps where it is.
    fn resume(&self, job: &Job, feed: FeedSeries) -> Result<Simulation, DigesterError> {
        let keep = &mut |day: &Day<'_>| {
            if !day.done.is_multiple_of(CHECKPOINT_EVERY_D) {
                return Ok(());
            }
            job.checkpoint(day.checkpoint)
                .map_err(|error| DigesterError::File {
                    path: "checkpoint.json".into(),
                    message: error.message,
                })
        };
        self.run(job, &self.case(feed), job.restore(), keep)
    }

    fn case(&self, feed: FeedSeries) -> Case {
        Case {
            records_per_day: self.records_per_day,
            ..Case::new(self.plant, feed)
        }
    }

    fn run(
        &self,
        job: &Job,
        case: &Case,
        from: Option<Checkpoint>,
        keep: &mut dyn FnMut(&Day<'_>) -> Result<(), DigesterError>,
    ) -> Result<Simulation, DigesterError> {
        let mut kept = Ok(());
        let run = model::simulate(case, from, &mut |day| {
            let (done, of, record) = (day.done, day.of, day.record);
            let (ph, biogas) = (record.ph, record.biogas_nm3_per_d);
            job.progress(
                done,
                of,
                format_args!("day {done}/{of}, pH {ph:.2}, {biogas:.0} Nm³/d of biogas"),
            );
            kept = keep(&day);
            if kept.is_err() || job.is_cancelled() {
                ControlFlow::Break(())
            } else {
                ControlFlow::Continue(())
            }
        })?;
        kept?;
        match run {
            Run::Finished(simulation) => Ok(simulation),
            Run::Stopped(at) => Err(DigesterError::Cancelled {
                day: at.day,
                of: self.days,
            }),
        }
    }
}

/// Refuses values that were not made from one another: a page about them would be wrong in every line.
fn belong_together(
    basis: &Basis,
    validation: &Validation,
    sizing: &Sizing,
    setup: &Setup,
) -> Result<(), DigesterError> {
    let other_basis = "it was made for another basis of design";
    if *validation != checks::validate(basis)? {
        return Err(out_of_date("validation", "validate", other_basis));
    }
    let retention = sizing.liquid_volume_m3 / basis.flow_m3_per_d;
    let loading = basis.cod_load_kg_per_d() / sizing.liquid_volume_m3;
    if retention != sizing.hydraulic_retention_d || loading != sizing.organic_loading {
        return Err(out_of_date(
            "heuristic_config",
            "heuristic_sizing",
            other_basis,
        ));
    }
    if setup.basis != *basis {
        return Err(out_of_date("simulation", "simulate", other_basis));
    }
    if setup.plant != Plant::from(sizing) {
        return Err(out_of_date(
            "simulation",
            "simulate",
            "it was made for another digester",
        ));
    }
    Ok(())
}

fn out_of_date(field: &str, tool: &str, message: &str) -> DigesterError {
    DigesterError::OutOfDate {
        field: field.into(),
        tool: tool.into(),
        message: message.into(),
    }
}
