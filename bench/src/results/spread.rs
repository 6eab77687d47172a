//! The median of some numbers, and how far they spread.

/// The quartiles of some numbers.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Spread {
    pub(crate) lower: f64,
    pub(crate) median: f64,
    pub(crate) upper: f64,
}

impl Spread {
    /// Nothing if there are no numbers.
    pub(crate) fn of(numbers: impl IntoIterator<Item = f64>) -> Option<Self> {
        let mut numbers: Vec<_> = numbers.into_iter().collect();
        numbers.sort_by(f64::total_cmp);
        Some(Self {
            lower: quartile(&numbers, 1)?,
            median: quartile(&numbers, 2)?,
            upper: quartile(&numbers, 3)?,
        })
    }

    /// That of a single number.
    pub(crate) fn single(number: f64) -> Self {
        Self {
            lower: number,
            median: number,
            upper: number,
        }
    }
}

/// The number at this many quarters of the sorted list, interpolated between two numbers if necessary.
fn quartile(sorted: &[f64], quarters: usize) -> Option<f64> {
    let steps = sorted.len().checked_sub(1)? * quarters;
    let (below, rest) = (sorted[steps / 4], steps % 4);
    let above = sorted.get(steps / 4 + 1).copied().unwrap_or(below);
    let part = [0.0, 0.25, 0.5, 0.75][rest];
    Some(below + (above - below) * part)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quarter_of_the_numbers_is_below_and_a_quarter_above() {
        let spread = |numbers: &[f64]| {
            let Spread {
                lower,
                median,
                upper,
            } = Spread::of(numbers.iter().copied()).unwrap();
            (lower, median, upper)
        };

        assert_eq!(spread(&[7.0]), (7.0, 7.0, 7.0));
        assert_eq!(spread(&[2.0, 1.0]), (1.25, 1.5, 1.75));
        assert_eq!(spread(&[3.0, 1.0, 2.0]), (1.5, 2.0, 2.5));
        assert_eq!(spread(&[4.0, 1.0, 3.0, 2.0]), (1.75, 2.5, 3.25));
        assert_eq!(spread(&[5.0, 1.0, 900.0, 2.0, 3.0]), (2.0, 3.0, 5.0));
    }

    #[test]
    fn no_numbers_have_no_spread() {
        assert_eq!(Spread::of([]), None);
    }
}
