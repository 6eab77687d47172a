//! Tables in Markdown.

use std::fmt;

use crate::results::Spread;

/// A table. The first column is text, the others are numbers.
pub(super) struct Table {
    columns: Vec<String>,
    rows: Vec<Vec<String>>,
}

impl Table {
    pub(super) fn new<S: Into<String>>(columns: impl IntoIterator<Item = S>) -> Self {
        Self {
            columns: columns.into_iter().map(Into::into).collect(),
            rows: Vec::new(),
        }
    }

    pub(super) fn row<S: Into<String>>(&mut self, cells: impl IntoIterator<Item = S>) {
        self.rows.push(cells.into_iter().map(Into::into).collect());
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "| {} |", self.columns.join(" | "))?;
        let rules = (0..self.columns.len()).map(|it| if it == 0 { "---" } else { "---:" });
        writeln!(f, "| {} |", rules.collect::<Vec<_>>().join(" | "))?;
        for row in &self.rows {
            writeln!(f, "| {} |", row.join(" | "))?;
        }
        Ok(())
    }
}

/// A number for people: more digits the smaller it is, and a dash if there is none.
pub(super) fn number(number: impl Into<Option<f64>>) -> String {
    match number.into().filter(|number| number.is_finite()) {
        None => "–".to_owned(),
        Some(number) if number.abs() >= 100.0 => thousands(number),
        Some(number) if number.abs() >= 10.0 => format!("{number:.1}"),
        Some(number) => format!("{number:.2}"),
    }
}

/// The median and, in parentheses, the quartiles, if they differ.
pub(super) fn spread(spread: impl Into<Option<Spread>>) -> String {
    let Some(spread) = spread.into() else {
        return number(None);
    };
    let median = number(spread.median);
    if spread.lower == spread.upper {
        return median;
    }
    format!(
        "{median} ({}–{})",
        number(spread.lower),
        number(spread.upper)
    )
}

/// A whole number with separators between its thousands.
#[expect(clippy::cast_possible_truncation, reason = "rounded before")]
pub(super) fn thousands(number: f64) -> String {
    let digits = (number.round() as i64).to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        let left = digits.len() - index;
        if index > 0 && left.is_multiple_of(3) && !text.ends_with('-') {
            text.push(' ');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_has_a_line_for_each_row() {
        let mut table = Table::new(["what", "how much"]);
        table.row(["bread", "1"]);

        assert_eq!(
            table.to_string(),
            "| what | how much |\n| --- | ---: |\n| bread | 1 |\n"
        );
    }

    #[test]
    fn a_spread_is_the_median_and_the_quartiles() {
        let three = Spread {
            lower: 1.156,
            median: 1.18,
            upper: 1.214,
        };

        assert_eq!(spread(three), "1.18 (1.16–1.21)");
        assert_eq!(spread(Spread::single(0.0)), "0.00");
        assert_eq!(spread(None), "–");
    }

    #[test]
    fn numbers_have_few_significant_digits() {
        assert_eq!(number(1.256), "1.26");
        assert_eq!(number(12.34), "12.3");
        assert_eq!(number(123.4), "123");
        assert_eq!(number(1_234_567.8), "1 234 568");
        assert_eq!(number(-1000.0), "-1 000");
        assert_eq!(number(-100.0), "-100");
        assert_eq!(number(f64::NAN), "–");
        assert_eq!(number(None), "–");
    }
}
