//! Tables in Markdown that are readable as they are.

/// A table. Its first column is aligned to the left, the others to the right.
pub(super) struct Table(Vec<Vec<String>>);

impl Table {
    /// A table with these heads.
    pub(super) fn new<'a>(heads: impl IntoIterator<Item = &'a str>) -> Self {
        Self(vec![heads.into_iter().map(str::to_owned).collect()])
    }

    /// Adds a line, with as many cells as there are heads.
    pub(super) fn push(&mut self, cells: impl IntoIterator<Item = String>) {
        self.0.push(cells.into_iter().collect());
    }

    /// The table, its columns as wide as their widest cell.
    pub(super) fn text(&self) -> String {
        let columns = self.0.first().map_or(0, Vec::len);
        let length =
            |line: &Vec<String>, column: usize| line.get(column).map_or(0, |cell| cell.chars().count());
        let width = |column: usize| self.0.iter().map(|line| length(line, column)).max().unwrap_or(0);
        let widths: Vec<usize> = (0..columns).map(width).collect();
        let mut lines: Vec<String> = self.0.iter().map(|line| joined(&aligned(line, &widths))).collect();
        let rule = |(column, width): (usize, &usize)| {
            if column == 0 { "-".repeat(*width) } else { format!("{}:", "-".repeat(width.saturating_sub(1))) }
        };
        lines.insert(1, joined(&widths.iter().enumerate().map(rule).collect::<Vec<_>>()));
        lines.join("\n")
    }
}

fn aligned(line: &[String], widths: &[usize]) -> Vec<String> {
    let cells = line.iter().zip(widths).enumerate();
    cells
        .map(
            |(column, (cell, width))| {
                if column == 0 { format!("{cell:<width$}") } else { format!("{cell:>width$}") }
            },
        )
        .collect()
}

fn joined(cells: &[String]) -> String {
    format!("| {} |", cells.join(" | "))
}
