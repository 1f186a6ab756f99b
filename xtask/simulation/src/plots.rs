//! The plots of docs/scaling.md, as SVG: dark on a white ground, to be read on light and dark pages.

use anyhow::{Result, anyhow};
use plotters::prelude::*;

use crate::measured::{Histogram, Measured, Sample};
use crate::scenario::Misbehaviour;
use crate::table::{Line, PERCENTS, RATES, SHARDS, Story, scenario};
use crate::time::SECOND;

const SIZE: (u32, u32) = (760, 360);
/// Told apart by people who see colours differently, too (Okabe and Ito).
const COLOURS: [RGBColor; 3] = [RGBColor(0, 114, 178), RGBColor(213, 94, 0), RGBColor(0, 158, 115)];

struct Plot {
    title: &'static str,
    across: &'static str,
    up: &'static str,
    /// Whether `up` counts by powers of ten.
    logarithmic: bool,
    /// Where no line is.
    legend: SeriesLabelPosition,
    series: Vec<(String, Vec<(f64, f64)>)>,
}

/// Every plot: the name of its file, and its SVG.
///
/// # Errors
/// Where a plot cannot be drawn.
pub fn draw(lines: &[Line]) -> Result<Vec<(&'static str, String)>> {
    let plots = [
        ("healthy.svg", healthy(lines)),
        ("onset.svg", onset(lines)),
        ("outage.svg", outage(lines)),
        ("no-writes.svg", no_writes(lines)),
        ("databases.svg", databases(lines)),
    ];
    plots.into_iter().map(|(name, plot)| Ok((name, plot.svg()?))).collect()
}

fn find(lines: &[Line], story: Story, rate: u32, shards: u32) -> Option<&Measured> {
    let found = |line: &&Line| line.story == story && line.rate == rate && line.shards == shards;
    lines.iter().find(found).map(|line| &line.measured)
}

/// As many shards as the plots show for a load: what carries it.
fn shards_for(rate: u32) -> u32 {
    if rate == RATES[2] { SHARDS[2] } else { SHARDS[0] }
}

fn labelled(rate: u32) -> String {
    format!("{rate} events/s, {}", counted(shards_for(rate)))
}

fn counted(shards: u32) -> String {
    format!("{shards} shard{}", if shards == 1 { "" } else { "s" })
}

/// The p99 of the healthy while a part of all endpoints hangs.
fn healthy(lines: &[Line]) -> Plot {
    let series = RATES.map(|rate| {
        let at = |percent: usize| {
            let story = Story::Trouble(Misbehaviour::Hangs, percent);
            let latency = find(lines, story, rate, shards_for(rate))?.healthy.quantile(0.99)?;
            Some((percent as f64, latency))
        };
        (labelled(rate), PERCENTS.into_iter().filter_map(at).collect())
    });
    Plot {
        title: "Healthy tenants while others hang: p99 from event to answer",
        across: "percent of tenants whose endpoints hang",
        up: "seconds",
        logarithmic: true,
        legend: SeriesLabelPosition::UpperLeft,
        series: series.into(),
    }
}

/// How the p99 of the healthy goes on once 30 % hang, in windows of five seconds.
fn onset(lines: &[Line]) -> Plot {
    let story = Story::Trouble(Misbehaviour::Hangs, PERCENTS[2]);
    let series = RATES.map(|rate| {
        let points = || -> Option<Vec<(f64, f64)>> {
            let measured = find(lines, story, rate, shards_for(rate))?;
            let began = scenario(story, rate, shards_for(rate)).ok()?.measured_from / SECOND;
            let samples = measured.samples.get(usize::try_from(began).ok()?..)?;
            let window = |(index, samples): (usize, &[Sample])| {
                let mut all = Histogram::default();
                samples
                    .iter()
                    .filter(|sample| sample.healthy.total() > 0)
                    .for_each(|sample| all.add_all(&sample.healthy));
                Some((index as f64 * 5.0, all.quantile(0.99)?))
            };
            Some(samples.chunks(5).enumerate().filter_map(window).collect())
        };
        (labelled(rate), points().unwrap_or_default())
    });
    Plot {
        title: "30 % of the tenants' endpoints begin to hang: p99 of the others",
        across: "seconds since then",
        up: "seconds",
        logarithmic: true,
        legend: SeriesLabelPosition::UpperRight,
        series: series.into(),
    }
}

/// What waits for the largest tenant, as a part of the most that ever did.
fn outage(lines: &[Line]) -> Plot {
    let series = RATES[..2].iter().map(|rate| {
        let measured = find(lines, Story::Outage, *rate, shards_for(*rate));
        let samples = measured.map_or(&[][..], |measured| &measured.samples);
        let most = samples.iter().map(|sample| sample.held_of_largest).max().unwrap_or(1).max(1);
        let points = samples.iter().enumerate().step_by(20);
        let part = |sample: &Sample| sample.held_of_largest as f64 / most as f64 * 100.0;
        (
            format!("{rate} events/s: at most {most}"),
            points.map(|(second, sample)| (second as f64 / 60.0, part(sample))).collect(),
        )
    });
    Plot {
        title: "The largest tenant, half of all events, is out from minute 1 to 61",
        across: "minutes",
        up: "percent of the most that waits",
        logarithmic: false,
        legend: SeriesLabelPosition::UpperLeft,
        series: series.collect(),
    }
}

/// Events on the Queues while the database takes no writes, in seconds of the load.
fn no_writes(lines: &[Line]) -> Plot {
    let series = RATES.map(|rate| {
        let measured = find(lines, Story::NoWrites, rate, shards_for(rate));
        let samples = measured.map_or(&[][..], |measured| &measured.samples);
        let share = if rate == RATES[2] { SHARDS[2] } else { 1 };
        let waits = |sample: &Sample| sample.fresh as f64 * f64::from(share) / f64::from(rate);
        let points = samples.iter().enumerate().step_by(10);
        (labelled(rate), points.map(|(second, sample)| (second as f64 / 60.0, waits(sample))).collect())
    });
    Plot {
        title: "A database takes no writes from minute 1 to 11",
        across: "minutes",
        up: "events that wait, in seconds of its load",
        logarithmic: false,
        legend: SeriesLabelPosition::UpperLeft,
        series: series.into(),
    }
}

/// How busy the busiest database is.
fn databases(lines: &[Line]) -> Plot {
    let series = SHARDS.map(|shards| {
        let at = |rate: u32| {
            Some((f64::from(rate).log10(), find(lines, Story::Calm, rate, shards)?.busiest * 100.0))
        };
        (counted(shards), RATES.into_iter().filter_map(at).collect())
    });
    Plot {
        title: "The busiest database, all endpoints well",
        across: "events a second: ten to the power of",
        up: "percent of its time",
        logarithmic: false,
        legend: SeriesLabelPosition::UpperLeft,
        series: series.into(),
    }
}

impl Plot {
    fn svg(&self) -> Result<String> {
        let height = |value: f64| if self.logarithmic { value.max(0.01).log10() } else { value };
        let points = || self.series.iter().flat_map(|(_, points)| points);
        let most = |of: &dyn Fn(&(f64, f64)) -> f64| points().map(of).fold(f64::MIN, f64::max);
        let least = points().map(|point| height(point.1)).fold(0.0, f64::min).floor();
        let left = points().map(|point| point.0).fold(f64::MAX, f64::min).floor();
        let (right, top) = (most(&|point| point.0).max(1.0), most(&|point| height(point.1)).max(1.0));
        let top = if self.logarithmic { top.ceil() } else { top * 1.1 };
        let mut text = String::new();
        let failed = |error: &dyn std::fmt::Display| anyhow!("{}: {error}", self.title);
        {
            let area = SVGBackend::with_string(&mut text, SIZE).into_drawing_area();
            area.fill(&WHITE).map_err(|error| failed(&error))?;
            let mut chart = ChartBuilder::on(&area)
                .caption(self.title, ("sans-serif", 17))
                .margin(12)
                .x_label_area_size(42)
                .y_label_area_size(58)
                .build_cartesian_2d(left..right, least..top)
                .map_err(|error| failed(&error))?;
            let up = |value: &f64| {
                if self.logarithmic { format!("{}", 10_f64.powf(*value)) } else { format!("{value:.0}") }
            };
            #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a few powers of ten")]
            let marks = if self.logarithmic { (top - least) as usize + 1 } else { 6 };
            chart
                .configure_mesh()
                .light_line_style(TRANSPARENT)
                .x_desc(self.across)
                .y_desc(self.up)
                .y_labels(marks)
                .y_label_formatter(&up)
                .x_label_formatter(&|value| format!("{value}"))
                .draw()
                .map_err(|error| failed(&error))?;
            for ((name, points), colour) in self.series.iter().zip(COLOURS) {
                let line = points.iter().map(|(across, value)| (*across, height(*value)));
                chart
                    .draw_series(LineSeries::new(line, colour.stroke_width(2)))
                    .map_err(|error| failed(&error))?
                    .label(name)
                    .legend(move |(x, y)| PathElement::new([(x, y), (x + 18, y)], colour.stroke_width(2)));
            }
            chart
                .configure_series_labels()
                .position(self.legend.clone())
                .background_style(WHITE.mix(0.85))
                .border_style(BLACK.mix(0.3))
                .draw()
                .map_err(|error| failed(&error))?;
            area.present().map_err(|error| failed(&error))?;
        }
        Ok(text)
    }
}
