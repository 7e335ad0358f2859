//! Basis, feed, checks and sizing.

use digester::DigesterError;
use digester::feed::{Basis, FeedSeries};
use digester::sizing::{Process, SizingOptions, expected_gas, least_retention_d, size};
use digester::validate::{Level, validate};

fn close(found: f64, expected: f64, absolute: f64) {
    assert!(
        (found - expected).abs() <= absolute,
        "{found}, expected {expected}"
    );
}

/// Mixed primary and secondary sludge; the numbers are an example, not a measurement.
fn sludge() -> Basis {
    Basis {
        flow_m3_per_d: 150.0,
        cod_kg_per_m3: 60.0,
        biodegradable_fraction: 0.55,
        vfa_mmol_per_l: 15.0,
        alkalinity_mmol_per_l: 40.0,
        ph: 6.5,
        tss_kg_per_m3: 50.0,
        vss_kg_per_m3: 36.0,
        ..Basis::winery_distillery()
    }
}

fn level(basis: &Basis, rule: &str) -> Level {
    let validation = validate(basis).expect("the numbers are in range");
    validation
        .findings
        .iter()
        .find(|finding| finding.rule == rule)
        .expect("the rule exists")
        .level
}

#[test]
fn the_worked_example_gives_its_methane() {
    // The module's table names it: 180 m³/d, 9,450 mg/L COD removed, 173.34 kg/d of sludge
    // grown: 511 m³ methane per day.
    let gas = expected_gas(180.0 * 9.45, 173.34, 0.65);
    close(gas.methane_nm3_per_d, 511.0, 0.5);
    // Its second load: 2,076 kg/d COD removed and 496.4 lb/d of sludge, 615 m³ methane per day.
    close(
        expected_gas(2076.0, 496.4 * 0.453_592, 0.65).methane_nm3_per_d,
        615.0,
        2.0,
    );
}

#[test]
fn the_least_retention_time_is_that_of_the_table() {
    for (celsius, days) in [
        (18.0, 28.0),
        (24.0, 20.0),
        (30.0, 14.0),
        (35.0, 10.0),
        (40.0, 10.0),
        (5.0, 28.0),
        (60.0, 10.0),
    ] {
        close(least_retention_d(celsius), days, 1e-9);
    }
    close(least_retention_d(27.0), 17.0, 1e-9);
}

#[test]
fn vinasse_is_sized_by_organic_loading() {
    let basis = Basis::winery_distillery();
    let sizing = size(&basis, &SizingOptions::default()).expect("it can be sized");
    assert_eq!(
        (sizing.process, sizing.tanks),
        (Process::RetainedBiomass, 1)
    );
    close(sizing.liquid_volume_m3, 120.0 * 44.6 / 7.25, 1e-6);
    close(sizing.organic_loading, 7.25, 1e-9);
    let tank = std::f64::consts::PI / 4.0 * sizing.diameter_m.powi(2) * sizing.liquid_height_m;
    close(tank, sizing.liquid_volume_m3, 1e-6);
    close(sizing.liquid_height_m / sizing.diameter_m, 0.8, 1e-9);
    close(
        sizing.mixing_power_kw,
        sizing.liquid_volume_m3 * 6.5e-3,
        1e-9,
    );
    close(
        sizing.feed_heating_kw,
        120.0 * 15.0 * 4190.0 / 86_400.0,
        1e-9,
    );
    close(
        sizing.solids_retention_d,
        2.0 * sizing.hydraulic_retention_d,
        1e-9,
    );
}

#[test]
fn sludge_is_sized_by_retention_time_and_colder_means_larger() {
    let warm = size(&sludge(), &SizingOptions::default()).expect("it can be sized");
    assert_eq!(
        (warm.process, warm.governing_rule.as_str()),
        (Process::CompletelyMixed, "retention time")
    );
    close(warm.liquid_volume_m3, 3000.0, 1e-6);
    assert!(warm.solids_loading < 3.2);
    let cold = size(
        &Basis {
            temperature_c: 24.0,
            ..sludge()
        },
        &SizingOptions::default(),
    )
    .expect("it can be sized");
    close(cold.liquid_volume_m3, 6000.0, 1e-6);
}

#[test]
fn a_large_plant_gets_several_tanks_of_buildable_size() {
    let sizing = size(
        &Basis {
            flow_m3_per_d: 6000.0,
            ..sludge()
        },
        &SizingOptions::default(),
    )
    .expect("it can be sized");
    assert!(sizing.tanks > 1 && sizing.diameter_m <= 38.0 && sizing.liquid_height_m <= 14.0);
}

#[test]
fn more_load_never_means_less_volume() {
    let volume = |flow: f64| {
        let basis = Basis {
            flow_m3_per_d: flow,
            ..Basis::winery_distillery()
        };
        size(&basis, &SizingOptions::default())
            .expect("it can be sized")
            .liquid_volume_m3
    };
    assert!(
        [1.0, 10.0, 100.0, 1000.0]
            .windows(2)
            .all(|pair| volume(pair[0]) < volume(pair[1]))
    );
}

#[test]
fn the_shipped_basis_warns_of_acid_and_lack_of_nitrogen_only() {
    let validation = validate(&Basis::winery_distillery()).expect("the numbers are in range");
    assert_eq!(
        (validation.verdict, validation.counts),
        (Level::Warning, [9, 2, 0])
    );
    let basis = Basis::winery_distillery();
    assert_eq!(level(&basis, "feed_ph"), Level::Warning);
    assert_eq!(level(&basis, "nitrogen_supply"), Level::Warning);
    assert!(
        validation
            .findings
            .iter()
            .all(|finding| !finding.source.is_empty())
    );
}

#[test]
fn contradictions_are_errors() {
    let vinasse = Basis::winery_distillery;
    assert_eq!(
        level(
            &Basis {
                vss_kg_per_m3: 2.0,
                ..vinasse()
            },
            "vss_within_tss"
        ),
        Level::Error
    );
    assert_eq!(
        level(
            &Basis {
                tss_kg_per_m3: 60.0,
                vss_kg_per_m3: 50.0,
                ..vinasse()
            },
            "cod_of_solids"
        ),
        Level::Error
    );
    assert_eq!(
        level(
            &Basis {
                vfa_mmol_per_l: 900.0,
                ..vinasse()
            },
            "acids_within_cod"
        ),
        Level::Error
    );
    assert_eq!(
        level(
            &Basis {
                ph: 7.0,
                ..vinasse()
            },
            "acid_charge"
        ),
        Level::Error
    );
}

#[test]
fn doubtful_numbers_are_warnings() {
    let vinasse = Basis::winery_distillery;
    assert_eq!(
        level(
            &Basis {
                alkalinity_mmol_per_l: 15.0,
                ..vinasse()
            },
            "buffer"
        ),
        Level::Warning
    );
    assert_eq!(
        level(
            &Basis {
                temperature_c: 55.0,
                ..vinasse()
            },
            "temperature"
        ),
        Level::Warning
    );
    assert_eq!(
        level(
            &Basis {
                temperature_c: 45.0,
                ..vinasse()
            },
            "temperature"
        ),
        Level::Warning
    );
    assert_eq!(level(&sludge(), "suspended_share"), Level::Warning);
}

#[test]
fn numbers_out_of_range_are_named() {
    let refused = validate(&Basis {
        flow_m3_per_d: f64::NAN,
        ..Basis::winery_distillery()
    });
    let Err(DigesterError::OutOfRange { field, .. }) = refused else {
        panic!("NaN is no flow")
    };
    assert_eq!(field, "flow_m3_per_d");
    let refused = size(
        &Basis::winery_distillery(),
        &SizingOptions {
            removal: 2.0,
            ..SizingOptions::default()
        },
    );
    assert_eq!(
        serde_json::to_value(refused.expect_err("no such removal")).expect("an error is data"),
        serde_json::json!({ "kind": "out_of_range", "field": "removal", "value": 2.0, "unit": "-", "expected": "0.1 to 1" })
    );
}

#[test]
fn the_shipped_feed_says_what_is_published_and_keeps_to_it() {
    let feed = FeedSeries::winery_distillery().expect("the shipped feed is sound");
    assert!(feed.provenance.source.contains("Petta"));
    assert!(!feed.provenance.published.is_empty() && !feed.provenance.chosen.is_empty());
    assert_eq!((feed.length_d, feed.days.len()), (300, 300));
    let mean = feed.days.iter().map(|day| day.cod_kg_per_m3).sum::<f64>() / 300.0;
    close(mean, 44.6, 0.05);
}

#[test]
fn a_feed_holds_until_its_next_entry() {
    let feed = FeedSeries::constant(&Basis::winery_distillery(), 10);
    let mut step = feed.clone();
    step.days.push(digester::feed::FeedDay {
        day: 5,
        flow_m3_per_d: 10.0,
        ..feed.days[0]
    });
    assert_eq!(step.at(4).map(|day| day.flow_m3_per_d), Some(120.0));
    assert_eq!(step.at(9).map(|day| day.flow_m3_per_d), Some(10.0));
    assert!(step.check().is_ok());
    step.days.reverse();
    assert!(matches!(
        step.check(),
        Err(DigesterError::Inconsistent { .. })
    ));
}

#[test]
fn a_scaled_feed_fits_another_basis() {
    let nominal = Basis::winery_distillery();
    let basis = Basis {
        flow_m3_per_d: 60.0,
        cod_kg_per_m3: 22.3,
        vfa_mmol_per_l: 136.0,
        ..nominal.clone()
    };
    let feed = FeedSeries::winery_distillery().expect("the shipped feed is sound");
    let scaled = feed.scaled(&nominal, &basis);
    close(
        scaled.days[100].flow_m3_per_d,
        0.5 * feed.days[100].flow_m3_per_d,
        1e-9,
    );
    close(
        scaled.days[100].cod_kg_per_m3,
        0.5 * feed.days[100].cod_kg_per_m3,
        1e-9,
    );
    assert!(scaled.check().is_ok());
}

#[test]
fn a_basis_from_json_fills_defaults_and_refuses_misspelt_fields() {
    let text = r#"{"flow_m3_per_d":50,"cod_kg_per_m3":20,"vfa_mmol_per_l":50,"alkalinity_mmol_per_l":60,
        "ph":6.5,"tss_kg_per_m3":1,"vss_kg_per_m3":0.8}"#;
    let basis: Basis = serde_json::from_str(text).expect("all required fields are there");
    close(basis.temperature_c, 35.0, 0.0);
    assert!(serde_json::from_str::<Basis>(&text.replace("\"ph\"", "\"pH\"")).is_err());
}
