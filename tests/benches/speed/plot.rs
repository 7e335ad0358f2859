//! Small multiples as SVG: one panel a curve, each from zero. Written by hand, since a polyline needs
//! no library.

use std::fmt::Write as _;
use std::path::Path;

/// One panel.
pub struct Curve {
    /// What it shows, with its unit.
    pub name: &'static str,
    /// Jobs so far, and the value.
    pub points: Vec<(f64, f64)>,
}

const WIDTH: f64 = 760.0;
const PANEL: f64 = 96.0;
const LEFT: f64 = 70.0;

/// Writes the panels to `path`.
///
/// # Errors
/// When the file cannot be written.
pub fn draw(path: &Path, curves: &[Curve], jobs: usize) -> std::io::Result<()> {
    #[expect(clippy::cast_precision_loss, reason = "a handful of panels")]
    let height = PANEL * curves.len() as f64 + 30.0;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" font-family=\"sans-serif\" font-size=\"12\">\n\
         <rect width=\"{WIDTH}\" height=\"{height}\" fill=\"white\"/>\n"
    );
    let mut top = 10.0;
    for curve in curves {
        panel(&mut svg, curve, top);
        top += PANEL;
    }
    let _ = writeln!(svg, "<text x=\"{LEFT}\" y=\"{}\">0 jobs</text>", top + 10.0);
    let _ = writeln!(
        svg,
        "<text x=\"{}\" y=\"{}\" text-anchor=\"end\">{jobs} jobs</text>\n</svg>",
        WIDTH - 10.0,
        top + 10.0
    );
    std::fs::write(path, svg)
}

fn panel(svg: &mut String, curve: &Curve, top: f64) {
    let most = curve
        .points
        .iter()
        .map(|p| p.1)
        .fold(0.0, f64::max)
        .max(1e-9)
        * 1.1;
    let last = curve.points.last().map_or(1.0, |p| p.0);
    let (width, height) = (WIDTH - LEFT - 10.0, PANEL - 28.0);
    let base = top + 18.0 + height;
    let _ = writeln!(
        svg,
        "<text x=\"{LEFT}\" y=\"{}\">{}</text>",
        top + 12.0,
        curve.name
    );
    let _ = writeln!(
        svg,
        "<text x=\"{0}\" y=\"{1}\" text-anchor=\"end\">0</text><text x=\"{0}\" y=\"{2}\" text-anchor=\"end\">{3:.0}</text>",
        LEFT - 6.0,
        base,
        top + 28.0,
        most
    );
    let _ = writeln!(
        svg,
        "<path d=\"M{LEFT} {0}V{base}H{1}\" fill=\"none\" stroke=\"#999\"/>",
        top + 18.0,
        WIDTH - 10.0
    );
    let points: Vec<String> = curve
        .points
        .iter()
        .map(|(jobs, value)| {
            format!(
                "{:.1},{:.1}",
                LEFT + jobs / last * width,
                base - value / most * height
            )
        })
        .collect();
    let _ = writeln!(
        svg,
        "<polyline points=\"{}\" fill=\"none\" stroke=\"#06c\" stroke-width=\"1.5\"/>",
        points.join(" ")
    );
}
