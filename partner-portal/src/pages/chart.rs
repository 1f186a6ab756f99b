//! The deliveries of the last 24 hours, as a drawing, as a sentence and as a table.

use shared::app::delivery_summary::{DeliverySummary, HourCount};

use super::moment::Moment;

/// The drawing's height.
const HEIGHT: f64 = 100.0;
/// The least height of a piece, so that a few deliveries among thousands can be seen.
const LEAST: f64 = 2.0;

/// The chart of a webhook's last 24 hours.
pub struct Chart {
    /// A bar for each hour, the oldest first.
    pub bars: Vec<Bar>,
    /// The most deliveries in one hour.
    pub most: u32,
    /// The number of deliveries that arrived.
    pub delivered: u32,
    /// The number of deliveries that were not tried yet.
    pub waiting: u32,
    /// The number of deliveries that will be tried again.
    pub retrying: u32,
    /// The number of deliveries that ended without arriving.
    pub failed: u32,
    /// The number of deliveries that are counted, if there were more.
    pub cut_at: Option<u32>,
    /// The drawing's width: ten for each hour.
    pub width: usize,
}

/// The bar of an hour.
pub struct Bar {
    /// `2 Apr`, if the hour is the first of the drawing or of its day.
    pub day: Option<String>,
    /// `14:00`
    pub label: String,
    /// `2026-04-02T14:00:00.000Z`
    pub machine: String,
    /// The deliveries of the hour.
    pub count: HourCount,
    /// The coloured pieces, from the bottom up; none is empty.
    pub pieces: Vec<Piece>,
}

/// A rectangle of a bar.
pub struct Piece {
    /// The colour's name in the stylesheet.
    pub kind: &'static str,
    /// The distance from the left.
    pub x: usize,
    /// The distance from the top.
    pub y: String,
    /// The height.
    pub height: String,
}

impl Chart {
    /// Draws a summary.
    pub fn draw(summary: &DeliverySummary) -> Self {
        let hours = &summary.hours;
        let sum = |count: fn(&HourCount) -> u32| hours.iter().map(count).sum();
        let most = hours.iter().map(total).max().unwrap_or(0);
        let bars = hours.iter().enumerate().map(|(index, count)| Bar {
            day: (index == 0 || Moment::clock(count.hour) == "00:00").then(|| Moment::day(count.hour)),
            label: Moment::clock(count.hour),
            machine: count.hour.to_string(),
            count: *count,
            pieces: pieces(index, count, most),
        });
        Self {
            bars: bars.collect(),
            most,
            delivered: sum(|count| count.delivered),
            waiting: sum(|count| count.waiting),
            retrying: sum(|count| count.retrying),
            failed: sum(|count| count.failed),
            cut_at: summary.truncated.then_some(summary.counted),
            width: hours.len() * 10,
        }
    }

    /// Returns whether there is nothing to draw.
    pub fn is_empty(&self) -> bool {
        self.most == 0
    }

    /// Returns the drawing as a sentence.
    pub fn sentence(&self) -> String {
        let busiest = self.bars.iter().find(|bar| total(&bar.count) == self.most).filter(|_| self.most > 0);
        let busiest = busiest.map(|bar| format!(" Most in one hour: {} from {} UTC.", self.most, bar.label));
        format!(
            "Deliveries of the last 24 hours: {} delivered, {} waiting, {} retrying, {} failed.{}",
            self.delivered,
            self.waiting,
            self.retrying,
            self.failed,
            busiest.unwrap_or_default()
        )
    }

    /// Returns the labels under the drawing: every sixth hour.
    pub fn ticks(&self) -> impl Iterator<Item = &str> {
        self.bars.iter().step_by(6).map(|bar| bar.label.as_str())
    }
}

fn total(count: &HourCount) -> u32 {
    count.delivered + count.waiting + count.retrying + count.failed
}

fn pieces(index: usize, count: &HourCount, most: u32) -> Vec<Piece> {
    let parts = [
        ("delivered", count.delivered),
        ("waiting", count.waiting),
        ("retrying", count.retrying),
        ("failed", count.failed),
    ];
    let mut drawn: Vec<(&str, f64)> = parts
        .into_iter()
        .filter(|(_, number)| *number > 0)
        .map(|(kind, number)| (kind, (f64::from(number) / f64::from(most) * HEIGHT).max(LEAST)))
        .collect();
    // The largest piece gives the height that small pieces got.
    let over = (drawn.iter().map(|(_, height)| height).sum::<f64>() - HEIGHT).max(0.0);
    if let Some((_, height)) = drawn.iter_mut().max_by(|one, other| one.1.total_cmp(&other.1)) {
        *height -= over;
    }
    let mut top = HEIGHT;
    let pieces = drawn.into_iter().map(|(kind, height)| {
        top -= height;
        Piece { kind, x: index * 10 + 1, y: format!("{:.1}", top.abs()), height: format!("{height:.1}") }
    });
    pieces.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn summary(hours: &[(u32, u32, u32)]) -> DeliverySummary {
        let hours = hours.iter().zip(0..).map(|((delivered, retrying, failed), index)| HourCount {
            hour: shared::time::Timestamp::from_milliseconds(index * 3_600_000),
            delivered: *delivered,
            waiting: 0,
            retrying: *retrying,
            failed: *failed,
        });
        DeliverySummary { hours: hours.collect(), truncated: false, counted: 0, latest: Vec::new() }
    }

    #[test]
    fn bars_are_stacked_to_scale() {
        let chart = Chart::draw(&summary(&[(6, 2, 0), (0, 0, 0), (1, 0, 3)]));
        assert_eq!((chart.delivered, chart.retrying, chart.failed, chart.most), (7, 2, 3, 8));
        let drawn: Vec<_> = chart.bars[0].pieces.iter().map(|piece| (piece.kind, piece.y.as_str())).collect();
        assert_eq!(drawn, [("delivered", "25.0"), ("retrying", "0.0")]);
        assert!(chart.bars[1].pieces.is_empty());
        assert!(
            chart.sentence().ends_with(
                "7 delivered, 0 waiting, 2 retrying, 3 failed. Most in one hour: 8 from 00:00 UTC."
            )
        );
    }

    #[test]
    fn a_few_among_thousands_are_seen_and_hide_nothing() {
        let chart = Chart::draw(&summary(&[(1_000, 1, 1)]));
        let drawn: Vec<_> = chart.bars[0]
            .pieces
            .iter()
            .map(|piece| (piece.kind, piece.y.as_str(), piece.height.as_str()))
            .collect();
        assert_eq!(
            drawn,
            [("delivered", "4.0", "96.0"), ("retrying", "2.0", "2.0"), ("failed", "0.0", "2.0")]
        );
    }

    #[test]
    fn nothing_is_said_plainly() {
        let chart = Chart::draw(&summary(&[(0, 0, 0); 24]));
        assert!(chart.is_empty());
        assert!(chart.sentence().ends_with("0 delivered, 0 waiting, 0 retrying, 0 failed."));
    }
}
