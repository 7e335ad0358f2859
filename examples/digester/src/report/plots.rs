//! The five plots.

use plotters::prelude::*;

use crate::DigesterError;
use crate::model::Record;

/// A drawn plot.
pub(super) struct Plot {
    pub file: &'static str,
    pub svg: String,
}

/// One line of a plot.
struct Line {
    label: &'static str,
    color: RGBColor,
    value: fn(&Record) -> f64,
}

/// What to draw.
struct Design {
    file: &'static str,
    title: &'static str,
    unit: &'static str,
    lines: &'static [Line],
    /// A dashed line with its label.
    limit: Option<(f64, &'static str)>,
    /// Where the lines leave room for the legend.
    legend: SeriesLabelPosition,
    /// Decimals at the axis.
    decimals: usize,
    /// Both ends of the axis are multiples of this; without it the axis begins at 0.
    step: Option<f64>,
}

/// Colours that are told apart with red-green blindness too (Okabe and Ito 2008).
const BLUE: RGBColor = RGBColor(0, 114, 178);
const ORANGE: RGBColor = RGBColor(230, 159, 0);
const VERMILION: RGBColor = RGBColor(213, 94, 0);
const GREY: RGBColor = RGBColor(110, 110, 110);

const PLOTS: [Design; 5] = [
    Design {
        file: "gas.svg",
        title: "Gas flow",
        unit: "Nm³/d",
        lines: &[
            Line {
                label: "biogas",
                color: ORANGE,
                value: |record| record.biogas_nm3_per_d,
            },
            Line {
                label: "methane",
                color: BLUE,
                value: |record| record.methane_nm3_per_d,
            },
        ],
        limit: None,
        legend: SeriesLabelPosition::UpperLeft,
        decimals: 0,
        step: None,
    },
    Design {
        file: "methane_share.svg",
        title: "Methane in the gas",
        unit: "%",
        lines: &[Line {
            label: "methane",
            color: BLUE,
            value: |record| 100.0 * record.methane_share,
        }],
        limit: Some((50.0, "50 %")),
        legend: SeriesLabelPosition::LowerLeft,
        decimals: 0,
        step: Some(5.0),
    },
    Design {
        file: "ph.svg",
        title: "pH in the digester",
        unit: "pH",
        lines: &[Line {
            label: "pH",
            color: BLUE,
            value: |record| record.ph,
        }],
        limit: Some((6.8, "6.8, least for methane formers")),
        legend: SeriesLabelPosition::LowerLeft,
        decimals: 1,
        step: Some(0.5),
    },
    Design {
        file: "acid_alkalinity.svg",
        title: "Volatile acids over alkalinity",
        unit: "mg/mg",
        lines: &[Line {
            label: "ratio",
            color: BLUE,
            value: |record| record.acid_alkalinity_ratio,
        }],
        limit: Some((0.4, "0.4, stress")),
        legend: SeriesLabelPosition::UpperLeft,
        decimals: 2,
        step: None,
    },
    Design {
        file: "cod.svg",
        title: "COD of feed and effluent",
        unit: "kg/m³",
        lines: &[
            Line {
                label: "feed",
                color: ORANGE,
                value: |record| record.feed_cod_kg_per_m3,
            },
            Line {
                label: "effluent",
                color: BLUE,
                value: |record| record.effluent_cod_kg_per_m3,
            },
        ],
        limit: None,
        legend: SeriesLabelPosition::MiddleLeft,
        decimals: 0,
        step: None,
    },
];

/// Size of a plot in pixels.
const SIZE: (u32, u32) = (920, 320);
/// More points than this are not seen on 920 pixels, but make the page heavy.
const MOST_POINTS: usize = 2500;

/// Draws all plots.
pub(super) fn draw(series: &[Record]) -> Result<Vec<Plot>, DigesterError> {
    if series.len() < 2 {
        return Err(DigesterError::Inconsistent {
            message: "a report needs at least two records".into(),
        });
    }
    let thin: Vec<Record> = series
        .iter()
        .step_by(series.len().div_ceil(MOST_POINTS))
        .copied()
        .collect();
    PLOTS.iter().map(|design| design.draw(&thin)).collect()
}

impl Design {
    fn draw(&self, series: &[Record]) -> Result<Plot, DigesterError> {
        let mut svg = String::new();
        self.draw_into(&mut svg, series)
            .map_err(|error| DigesterError::Inconsistent {
                message: format!("plot {}: {error}", self.file),
            })?;
        Ok(Plot {
            file: self.file,
            svg,
        })
    }

    fn draw_into(
        &self,
        svg: &mut String,
        series: &[Record],
    ) -> Result<(), Box<dyn std::error::Error>> {
        let area = SVGBackend::with_string(svg, SIZE).into_drawing_area();
        area.fill(&WHITE)?;
        let last = series.last().map_or(1.0, |record| record.day);
        let (low, high) = self.span(series);
        let mut chart = ChartBuilder::on(&area)
            .caption(self.title, ("sans-serif", 18))
            .margin(12)
            .margin_right(24)
            .x_label_area_size(40)
            .y_label_area_size(72)
            .build_cartesian_2d(0.0..last, low..high)?;
        chart
            .configure_mesh()
            .light_line_style(TRANSPARENT)
            .bold_line_style(RGBColor(225, 225, 225))
            .x_desc("day")
            .y_desc(self.unit)
            .x_label_formatter(&|day| format!("{day:.0}"))
            .y_label_formatter(&|value| format!("{value:.*}", self.decimals))
            .y_labels(6)
            .label_style(("sans-serif", 13))
            .draw()?;
        for line in self.lines {
            let color = line.color;
            let points = series
                .iter()
                .map(|record| (record.day, (line.value)(record)));
            chart
                .draw_series(LineSeries::new(points, color.stroke_width(1)))?
                .label(line.label)
                .legend(move |(x, y)| {
                    PathElement::new([(x, y), (x + 18, y)], color.stroke_width(2))
                });
        }
        if let Some((limit, label)) = self.limit {
            let points = [(0.0, limit), (last, limit)];
            chart
                .draw_series(DashedLineSeries::new(
                    points,
                    6,
                    4,
                    VERMILION.stroke_width(1),
                ))?
                .label(label)
                .legend(|(x, y)| {
                    PathElement::new([(x, y), (x + 18, y)], VERMILION.stroke_width(1))
                });
        }
        chart
            .configure_series_labels()
            .position(self.legend.clone())
            .background_style(WHITE.mix(0.8))
            .border_style(GREY)
            .label_font(("sans-serif", 13))
            .draw()?;
        drop(chart);
        area.present()?;
        Ok(())
    }

    /// The axis: all values and the limit, with some room above, never empty.
    fn span(&self, series: &[Record]) -> (f64, f64) {
        let values = self
            .lines
            .iter()
            .flat_map(|line| series.iter().map(line.value))
            .filter(|value| value.is_finite());
        let limit = self.limit.map(|(limit, _)| limit);
        let (low, high) = values
            .chain(limit)
            .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| {
                (low.min(value), high.max(value))
            });
        match self.step {
            Some(step) => (
                (low / step).floor() * step,
                (high / step + 0.1).ceil() * step,
            ),
            None => (0.0, if high > 0.0 { 1.08 * high } else { 1.0 }),
        }
    }
}
