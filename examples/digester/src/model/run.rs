//! Running the model day by day.

use std::ops::ControlFlow;

use differential_equations::prelude::{ExplicitRungeKutta, IVP};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::rates::{Balances, INTEGRALS, LEN};
use super::summary::{Summary, summarise};
use super::{Parameters, Record, State};
use crate::DigesterError;
use crate::error::within;
use crate::feed::{FeedDay, FeedSeries};
use crate::sizing::Sizing;

/// The digester that is simulated.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Plant {
    /// Liquid volume (m³), above 0 to 1,000,000.
    pub volume_m3: f64,
    /// alpha: fraction of the bacteria that leaves with the liquid (-), 0 (all stay) to 1 (mixed tank).
    pub biomass_leaving: f64,
}

impl From<&Sizing> for Plant {
    fn from(sizing: &Sizing) -> Self {
        Plant {
            volume_m3: sizing.liquid_volume_m3,
            biomass_leaving: sizing.biomass_leaving,
        }
    }
}

/// What to simulate.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Case {
    /// The digester.
    pub plant: Plant,
    /// Its feed; its length is the length of the run.
    pub feed: FeedSeries,
    /// Kinetics; by default those of the publication.
    #[serde(default)]
    pub parameters: Parameters,
    /// The digester before day 0; by default [`State::seeded`].
    #[serde(default)]
    pub initial: State,
    /// Records per day, 1 to 288. Default 24.
    #[serde(default = "default_records_per_day")]
    #[schemars(range(min = 1, max = 288))]
    pub records_per_day: u32,
}

fn default_records_per_day() -> u32 {
    24
}

impl Case {
    /// A case with the published kinetics, a seeded digester and hourly records.
    pub fn new(plant: Plant, feed: FeedSeries) -> Self {
        Case {
            plant,
            feed,
            parameters: Parameters::default(),
            initial: State::seeded(),
            records_per_day: default_records_per_day(),
        }
    }

    fn check(&self) -> Result<(), DigesterError> {
        self.feed.check()?;
        within("volume_m3", self.plant.volume_m3, "m³", 1e-6..=1e6)?;
        within(
            "biomass_leaving",
            self.plant.biomass_leaving,
            "-",
            0.0..=1.0,
        )?;
        within(
            "records_per_day",
            f64::from(self.records_per_day),
            "1/d",
            1.0..=288.0,
        )?;
        let state = self.initial.to_array();
        state
            .into_iter()
            .try_for_each(|value| within("initial", value, "kg/m³ or mmol/L", 0.0..=1e4))
    }
}

/// Amounts since the start of the run.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
pub struct Totals {
    /// Liquid fed (m³).
    pub fed_m3: f64,
    /// COD fed, all of it (kg).
    pub cod_in_kg: f64,
    /// Degradable COD without acids fed (kg).
    pub substrate_in_kg: f64,
    /// Acids fed (mol).
    pub acids_in_mol: f64,
    /// Inorganic carbon fed (mol).
    pub carbon_in_mol: f64,
    /// Degradable COD without acids in the effluent (kg).
    pub substrate_out_kg: f64,
    /// Undegradable COD in the effluent (kg).
    pub inert_out_kg: f64,
    /// Acids in the effluent (mol).
    pub acids_out_mol: f64,
    /// Inorganic carbon in the effluent (mol).
    pub carbon_out_mol: f64,
    /// Acid formers washed out (kg).
    pub acid_formers_out_kg: f64,
    /// Methane formers washed out (kg).
    pub methane_formers_out_kg: f64,
    /// Carbon dioxide given off (mol).
    pub carbon_dioxide_mol: f64,
    /// Methane given off (mol).
    pub methane_mol: f64,
}

/// A run so far: enough to go on from, after a stop or a crash.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Checkpoint {
    /// Days done.
    pub day: u32,
    /// The state at the end of the last day done.
    pub state: State,
    /// Amounts so far.
    pub totals: Totals,
    /// Records so far, the one at time 0 included.
    pub series: Vec<Record>,
}

/// One simulated day is done.
#[derive(Debug, Clone, Copy)]
pub struct Day<'a> {
    /// Days done, 1 on the first call of a fresh run.
    pub done: u32,
    /// Days in all.
    pub of: u32,
    /// The last record of the day.
    pub record: &'a Record,
    /// Where the run could go on from; clone or serialise it to keep it.
    pub checkpoint: &'a Checkpoint,
}

/// A finished simulation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Simulation {
    /// The result in brief.
    pub summary: Summary,
    /// Everything, [`Case::records_per_day`] times a day.
    pub time_series: Vec<Record>,
}

/// How a run ended.
#[derive(Debug, Clone, PartialEq)]
pub enum Run {
    /// All days are done.
    Finished(Simulation),
    /// The callback broke off; the run can go on from here.
    Stopped(Checkpoint),
}

impl Run {
    /// The simulation of a run that was not broken off.
    pub fn finished(self) -> Option<Simulation> {
        match self {
            Run::Finished(simulation) => Some(simulation),
            Run::Stopped(_) => None,
        }
    }
}

/// Simulates `case`, from its start or from where an earlier run of the same case stopped.
///
/// `progress` is called after each simulated day; `ControlFlow::Break` ends the run with its checkpoint. Every day starts
/// the solver afresh, so a resumed run is the same as an uninterrupted one.
///
/// # Errors
/// [`DigesterError::OutOfRange`] and [`DigesterError::Inconsistent`] for a case that cannot be simulated or a checkpoint
/// of another case; [`DigesterError::Integration`] if the solver gives up.
///
/// ```
/// use std::ops::ControlFlow;
/// use digester::feed::{Basis, FeedSeries};
/// use digester::model::{Case, Plant, simulate};
/// use digester::sizing::{SizingOptions, size};
///
/// let basis = Basis::winery_distillery();
/// let plant = Plant::from(&size(&basis, &SizingOptions::default())?);
/// let case = Case::new(plant, FeedSeries::constant(&basis, 30));
/// let run = simulate(&case, None, &mut |day| {
///     eprintln!("Day {}/{}", day.done, day.of);
///     ControlFlow::Continue(())
/// })?;
/// assert_eq!(run.finished().expect("not broken off").summary.days, 30);
/// # Ok::<(), digester::DigesterError>(())
/// ```
pub fn simulate(
    case: &Case,
    from: Option<Checkpoint>,
    progress: &mut dyn FnMut(Day<'_>) -> ControlFlow<()>,
) -> Result<Run, DigesterError> {
    case.check()?;
    let mut run = from.map_or_else(|| start(case), |checkpoint| matching(case, checkpoint))?;
    while run.day < case.feed.length_d {
        advance(case, &mut run)?;
        let Some(record) = run.series.last() else {
            break;
        };
        let day = Day {
            done: run.day,
            of: case.feed.length_d,
            record,
            checkpoint: &run,
        };
        if progress(day).is_break() && run.day < case.feed.length_d {
            return Ok(Run::Stopped(run));
        }
    }
    let summary = summarise(case, &run);
    Ok(Run::Finished(Simulation {
        summary,
        time_series: run.series,
    }))
}

fn start(case: &Case) -> Result<Checkpoint, DigesterError> {
    let feed = feed_on(case, 0)?;
    let first = Record::of(0.0, feed, &case.plant, &case.parameters, case.initial);
    Ok(Checkpoint {
        day: 0,
        state: case.initial,
        totals: Totals::default(),
        series: vec![first],
    })
}

/// A checkpoint of another case would be continued without complaint; its number of records tells most of them.
fn matching(case: &Case, checkpoint: Checkpoint) -> Result<Checkpoint, DigesterError> {
    let expected = 1 + checkpoint.day as usize * case.records_per_day as usize;
    if checkpoint.series.len() == expected && checkpoint.day <= case.feed.length_d {
        return Ok(checkpoint);
    }
    Err(DigesterError::Inconsistent {
        message: format!(
            "the checkpoint is of another case: day {} with {} records, expected {expected} and at most day {}",
            checkpoint.day,
            checkpoint.series.len(),
            case.feed.length_d
        ),
    })
}

fn feed_on(case: &Case, day: u32) -> Result<&FeedDay, DigesterError> {
    case.feed
        .at(day)
        .ok_or_else(|| DigesterError::Inconsistent {
            message: "the feed series is empty".into(),
        })
}

/// Relative and absolute tolerance of the solver; the states are of the order 1 to 100.
const TOLERANCE: (f64, f64) = (1e-8, 1e-9);

/// Integrates one day and adds its records and amounts.
fn advance(case: &Case, run: &mut Checkpoint) -> Result<(), DigesterError> {
    let feed = feed_on(case, run.day)?;
    let balances = Balances {
        parameters: &case.parameters,
        dilution: feed.flow_m3_per_d / case.plant.volume_m3,
        biomass_leaving: case.plant.biomass_leaving,
        feed: feed_concentrations(&case.feed, feed),
    };
    let mut y = [0.0; LEN];
    y[..State::LEN].copy_from_slice(&run.state.to_array());
    let times: Vec<f64> = (1..=case.records_per_day)
        .map(|n| f64::from(n) / f64::from(case.records_per_day))
        .collect();
    let solver = ExplicitRungeKutta::dop853()
        .rtol(TOLERANCE.0)
        .atol(TOLERANCE.1);
    let solution = IVP::ode(&balances, 0.0, 1.0, y)
        .t_eval(&times)
        .method(solver)
        .solve();
    let solution = solution.map_err(|error| integration(run.day, format!("{error:?}")))?;
    let Some(end) = solution
        .y
        .last()
        .filter(|end| end.iter().all(|value| value.is_finite()))
    else {
        return Err(integration(run.day, "the state is not finite".into()));
    };
    for (time, y) in solution.t.iter().zip(&solution.y) {
        let day = f64::from(run.day) + time;
        run.series.push(Record::of(
            day,
            feed,
            &case.plant,
            &case.parameters,
            State::from_slice(y),
        ));
    }
    let Some(integrals) = end.last_chunk() else {
        return Err(integration(run.day, "the state lacks its integrals".into()));
    };
    run.totals.add(case, feed, integrals);
    run.state = State::from_slice(end);
    run.day += 1;
    Ok(())
}

fn integration(day: u32, message: String) -> DigesterError {
    DigesterError::Integration { day, message }
}

fn feed_concentrations(series: &FeedSeries, feed: &FeedDay) -> State {
    State {
        acid_formers: 0.0,
        methane_formers: 0.0,
        alkalinity: feed.alkalinity_mmol_per_l,
        substrate: series.degradable_without_acids(feed).max(0.0),
        acids: feed.vfa_mmol_per_l,
        inorganic_carbon: feed.inorganic_carbon_mmol_per_l,
        inert_cod: (1.0 - series.biodegradable_fraction) * feed.cod_kg_per_m3,
    }
}

impl Totals {
    /// Adds one day; `integrals` are those of [`Balances`], in its order.
    fn add(&mut self, case: &Case, feed: &FeedDay, integrals: &[f64; INTEGRALS]) {
        let [x1, x2, s1, s2, c, inert, carbon_dioxide, methane] = *integrals;
        let (flow, volume) = (feed.flow_m3_per_d, case.plant.volume_m3);
        let entering = feed_concentrations(&case.feed, feed);
        self.fed_m3 += flow;
        self.cod_in_kg += flow * feed.cod_kg_per_m3;
        self.substrate_in_kg += flow * entering.substrate;
        self.acids_in_mol += flow * entering.acids;
        self.carbon_in_mol += flow * entering.inorganic_carbon;
        self.substrate_out_kg += flow * s1;
        self.inert_out_kg += flow * inert;
        self.acids_out_mol += flow * s2;
        self.carbon_out_mol += flow * c;
        self.acid_formers_out_kg += case.plant.biomass_leaving * flow * x1;
        self.methane_formers_out_kg += case.plant.biomass_leaving * flow * x2;
        self.carbon_dioxide_mol += volume * carbon_dioxide;
        self.methane_mol += volume * methane;
    }
}
