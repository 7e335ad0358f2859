//! The simulation against independent solutions of the published equations.

use std::ops::ControlFlow;

use digester::feed::{Basis, FeedSeries};
use digester::model::{Case, Parameters, Plant, Simulation, State, simulate};
use digester::sizing::{SizingOptions, size};

fn plant() -> Plant {
    Plant {
        volume_m3: 738.0,
        biomass_leaving: 0.5,
    }
}

fn constant(days: u32) -> Case {
    Case {
        records_per_day: 4,
        ..Case::new(
            plant(),
            FeedSeries::constant(&Basis::winery_distillery(), days),
        )
    }
}

fn campaign() -> Case {
    Case::new(
        plant(),
        FeedSeries::winery_distillery().expect("the shipped feed is sound"),
    )
}

fn run(case: &Case) -> Simulation {
    let run = simulate(case, None, &mut |_| ControlFlow::Continue(()))
        .expect("the case can be simulated");
    run.finished().expect("nobody broke off")
}

fn close(found: f64, expected: f64, relative: f64, what: &str) {
    assert!(
        (found - expected).abs() <= relative * expected.abs().max(1e-9),
        "{what}: {found}, expected {expected}"
    );
}

/// The root of a growing function.
fn bisect(mut low: f64, mut high: f64, f: impl Fn(f64) -> f64) -> f64 {
    for _ in 0..200 {
        let middle = 0.5 * (low + high);
        if f(middle) < 0.0 {
            low = middle
        } else {
            high = middle
        }
    }
    0.5 * (low + high)
}

/// qC as the publication prints it, from dissolved CO2 and methane rate.
fn gas_transfer(p: &Parameters, dissolved: f64, methane: f64) -> f64 {
    let phi = dissolved + p.kh * p.pressure_atm + methane / p.kla;
    let pressure =
        (phi - (phi * phi - 4.0 * p.kh * p.pressure_atm * dissolved).sqrt()) / (2.0 * p.kh);
    p.kla * (dissolved - p.kh * pressure)
}

#[test]
fn a_constant_feed_ends_in_the_steady_state_of_the_published_equations() {
    let case = constant(400);
    let end = run(&case).summary.end;
    let (p, basis) = (Parameters::default(), Basis::winery_distillery());
    let d = basis.flow_m3_per_d / case.plant.volume_m3;
    let alpha = case.plant.biomass_leaving;
    let s1_in = basis.biodegradable_fraction * basis.cod_kg_per_m3 - 0.064 * basis.vfa_mmol_per_l;
    // Growth equals wash-out, each on the rising branch of its kinetics.
    let s1 = bisect(0.0, s1_in, |s| p.mu1_max * s / (p.ks1 + s) - alpha * d);
    let s2 = bisect(0.0, p.haldane_optimum(), |s| {
        p.mu2_max * s / (p.ks2 + s + s * s / p.ki2) - alpha * d
    });
    let x1 = (s1_in - s1) / (p.k1 * alpha);
    let x2 = (basis.vfa_mmol_per_l - s2 + p.k2 * alpha * x1) / (p.k3 * alpha);
    let z = basis.alkalinity_mmol_per_l;
    let c = bisect(z - s2, 10.0 * z, |c| {
        let methane = p.k6 * alpha * d * x2;
        d * c + gas_transfer(&p, c + s2 - z, methane) - (p.k4 * x1 + p.k5 * x2) * alpha * d
    });
    close(end.substrate, s1, 1e-6, "S1");
    close(end.acids, s2, 1e-6, "S2");
    close(end.acid_formers, x1, 1e-6, "X1");
    close(end.methane_formers, x2, 1e-6, "X2");
    close(end.alkalinity, z, 1e-6, "Z");
    close(end.inorganic_carbon, c, 1e-6, "C");
}

/// The balances written once more, in the publication's order X1, X2, Z, S1, S2, C.
fn published_balances(p: &Parameters, d: f64, alpha: f64, feed: [f64; 4], y: [f64; 6]) -> [f64; 6] {
    let [x1, x2, z, s1, s2, c] = y;
    let [z_in, s1_in, s2_in, c_in] = feed;
    let g1 = p.mu1_max * s1 / (s1 + p.ks1) * x1;
    let g2 = p.mu2_max * s2 / (s2 + p.ks2 + s2 * s2 / p.ki2) * x2;
    [
        g1 - alpha * d * x1,
        g2 - alpha * d * x2,
        d * (z_in - z),
        d * (s1_in - s1) - p.k1 * g1,
        d * (s2_in - s2) + p.k2 * g1 - p.k3 * g2,
        d * (c_in - c) - gas_transfer(p, c + s2 - z, p.k6 * g2) + p.k4 * g1 + p.k5 * g2,
    ]
}

#[test]
fn a_changing_feed_gives_what_another_integrator_gives() {
    let mut case = campaign();
    case.feed = case.feed.with_length(45);
    let (p, alpha, steps) = (Parameters::default(), case.plant.biomass_leaving, 400);
    let start = State::seeded();
    let mut y = [
        start.acid_formers,
        start.methane_formers,
        start.alkalinity,
        start.substrate,
        start.acids,
        start.inorganic_carbon,
    ];
    for day in 0..case.feed.length_d {
        let feed = case.feed.at(day).expect("every day has a feed");
        let d = feed.flow_m3_per_d / case.plant.volume_m3;
        let s1_in =
            case.feed.biodegradable_fraction * feed.cod_kg_per_m3 - 0.064 * feed.vfa_mmol_per_l;
        let inflow = [
            feed.alkalinity_mmol_per_l,
            s1_in,
            feed.vfa_mmol_per_l,
            feed.inorganic_carbon_mmol_per_l,
        ];
        let f = |y| published_balances(&p, d, alpha, inflow, y);
        let h = 1.0 / f64::from(steps);
        for _ in 0..steps {
            // Classical Runge-Kutta of order four with small fixed steps.
            let add = |k: [f64; 6], by: f64| std::array::from_fn(|i| y[i] + by * k[i]);
            let k1 = f(y);
            let k2 = f(add(k1, 0.5 * h));
            let k3 = f(add(k2, 0.5 * h));
            let k4 = f(add(k3, h));
            y = std::array::from_fn(|i| {
                y[i] + h / 6.0 * (k1[i] + 2.0 * k2[i] + 2.0 * k3[i] + k4[i])
            });
        }
    }
    let end = run(&case).summary.end;
    let found = [
        end.acid_formers,
        end.methane_formers,
        end.alkalinity,
        end.substrate,
        end.acids,
        end.inorganic_carbon,
    ];
    for (name, (found, expected)) in ["X1", "X2", "Z", "S1", "S2", "C"]
        .iter()
        .zip(found.into_iter().zip(y))
    {
        close(found, expected, 1e-6, name);
    }
}

#[test]
fn amounts_add_up_over_a_whole_campaign() {
    let summary = run(&campaign()).summary;
    let balance = summary.balance;
    for (name, missing) in [
        ("substrate", balance.substrate),
        ("acids", balance.acids),
        ("inorganic carbon", balance.inorganic_carbon),
        ("methane", balance.methane),
    ] {
        assert!(missing.abs() < 1e-8, "{name} lacks {missing}");
    }
    // The identified yields do not conserve COD exactly; they must not create any.
    assert!(
        (0.0..0.1).contains(&balance.cod),
        "COD lacks {}",
        balance.cod
    );
    assert!(summary.methane_per_cod_fed < digester::units::MAX_METHANE_PER_COD);
}

#[test]
fn the_methane_of_the_time_series_is_the_methane_of_the_summary() {
    let case = Case {
        records_per_day: 96,
        ..constant(60)
    };
    let simulation = run(&case);
    let trapezoids: f64 = simulation
        .time_series
        .windows(2)
        .map(|pair| {
            0.5 * (pair[0].methane_nm3_per_d + pair[1].methane_nm3_per_d)
                * (pair[1].day - pair[0].day)
        })
        .sum();
    close(trapezoids, simulation.summary.methane_nm3, 1e-4, "methane");
}

#[test]
fn the_campaign_comes_near_the_published_plant() {
    let mut case = campaign();
    // Up to day 210 the plant runs normally, at the published loadings.
    case.feed = case.feed.with_length(210);
    let summary = run(&case).summary;
    assert!(summary.stable, "{:?}", summary.flags);
    // Petta et al. (2017): up to 97 % removal, 0.340 m³ methane per kg COD.
    assert!(
        (0.94..0.98).contains(&summary.cod_removal),
        "removal {}",
        summary.cod_removal
    );
    close(summary.methane_per_cod_fed, 0.340, 0.2, "methane yield");
    assert!(
        (0.5..0.75).contains(&summary.methane_share),
        "methane share {}",
        summary.methane_share
    );
}

#[test]
fn the_surge_with_failing_dosing_is_flagged_and_overcome() {
    let summary = run(&campaign()).summary;
    let names: Vec<&str> = summary
        .flags
        .iter()
        .map(|flag| flag.name.as_str())
        .collect();
    assert_eq!(names, ["acid_alkalinity_high", "ph_low"]);
    assert!(
        summary
            .flags
            .iter()
            .all(|flag| (240.0..243.0).contains(&flag.first_day) && flag.duration_d < 10.0)
    );
    assert!(Parameters::default().ph(&summary.end) > 6.8);
}

#[test]
fn without_feed_nothing_is_washed_out_and_the_substrate_is_used_up() {
    let mut case = constant(100);
    case.feed.days[0].flow_m3_per_d = 0.0;
    let summary = run(&case).summary;
    let (start, end) = (State::seeded(), summary.end);
    assert!(end.acid_formers >= start.acid_formers && end.methane_formers >= start.methane_formers);
    assert!(end.substrate < 1e-3 && end.acids < 1.0);
    close(end.alkalinity, start.alkalinity, 1e-9, "alkalinity");
    assert_eq!((summary.cod_in_kg, summary.cod_removal), (0.0, 0.0));
}

#[test]
fn beyond_the_reachable_growth_rate_the_methane_formers_are_lost() {
    let mut case = constant(120);
    let critical = Parameters::default().mu2_reachable() / case.plant.biomass_leaving;
    case.feed.days[0].flow_m3_per_d = 1.2 * critical * case.plant.volume_m3;
    let summary = run(&case).summary;
    assert!(
        summary
            .flags
            .iter()
            .any(|flag| flag.name == "methane_formers_lost"),
        "{:?}",
        summary.flags
    );
    assert!(summary.end.acids > 200.0 && summary.ph.min < 5.0);
}

#[test]
fn twice_the_plant_with_twice_the_feed_gives_twice_the_gas() {
    let case = constant(50);
    let mut twice = case.clone();
    twice.plant.volume_m3 *= 2.0;
    twice.feed.days[0].flow_m3_per_d *= 2.0;
    let (one, two) = (run(&case).summary, run(&twice).summary);
    close(two.biogas_nm3, 2.0 * one.biogas_nm3, 1e-9, "biogas");
    close(two.ph.mean, one.ph.mean, 1e-9, "pH");
}

#[test]
fn the_ph_is_the_published_one_near_neutrality() {
    let p = Parameters::default();
    for record in &run(&constant(60)).time_series {
        let s = record.state;
        let published = -(p.kb * (s.inorganic_carbon - s.alkalinity + s.acids)
            / (s.alkalinity - s.acids))
            .log10();
        assert!(
            (record.ph - published).abs() < 0.02,
            "day {}: {} and {published}",
            record.day,
            record.ph
        );
    }
}

#[test]
fn the_time_series_is_complete_and_physical() {
    let simulation = run(&campaign());
    assert_eq!(simulation.time_series.len(), 300 * 24 + 1);
    assert_eq!(simulation.summary.records, simulation.time_series.len());
    for record in &simulation.time_series {
        assert!(record.methane_nm3_per_d >= 0.0 && record.carbon_dioxide_nm3_per_d >= 0.0);
        assert!((0.0..=1.0).contains(&record.methane_share));
        assert!(record.state.acids >= 0.0 && record.ph > 2.0 && record.ph < 12.0);
    }
}

#[test]
fn a_sized_digester_carries_its_own_basis() {
    let basis = Basis::winery_distillery();
    let sizing = size(&basis, &SizingOptions::default()).expect("it can be sized");
    let case = Case::new(Plant::from(&sizing), FeedSeries::constant(&basis, 200));
    let summary = run(&case).summary;
    assert!(summary.stable, "{:?}", summary.flags);
    close(
        summary.methane_nm3 / 200.0,
        sizing.gas.methane_nm3_per_d,
        0.15,
        "methane of model and sizing",
    );
}
