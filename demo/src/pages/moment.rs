//! Times and durations, in words.

use std::time::{Duration, SystemTime};

use actix_web::cookie::time::OffsetDateTime;
use sessile::clock::Timestamp;

/// A point in time, in the formats of the pages.
pub(super) struct Moment {
    /// For the attribute `datetime`: `2026-01-31T08:05:09Z`.
    pub(super) machine: String,
    /// For display: `31 January 2026, 08:05 UTC`.
    pub(super) human: String,
    /// The distance from the present, in the past or the future: `6 days 23 hours`.
    pub(super) distance: String,
}

impl Moment {
    /// Formats a time. Returns `None` if it is outside the range of the calendar.
    pub(super) fn new(at: Timestamp) -> Option<Self> {
        let at = SystemTime::from(at);
        let seconds = at.duration_since(SystemTime::UNIX_EPOCH).ok()?.as_secs();
        let date = OffsetDateTime::from_unix_timestamp(i64::try_from(seconds).ok()?).ok()?;
        let distance = match at.duration_since(SystemTime::now()) {
            Ok(ahead) => ahead,
            Err(behind) => behind.duration(),
        };
        Some(Self {
            machine: format!(
                "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}Z",
                date.year(),
                u8::from(date.month()),
                date.day(),
                date.hour(),
                date.minute(),
                date.second()
            ),
            human: format!(
                "{} {} {}, {:02}:{:02} UTC",
                date.day(),
                date.month(),
                date.year(),
                date.hour(),
                date.minute()
            ),
            distance: in_words(distance),
        })
    }
}

/// Formats a duration with its two largest units. A unit that is zero is omitted.
pub(super) fn in_words(duration: Duration) -> String {
    const UNITS: [(u64, &str); 4] = [
        (24 * 60 * 60, "day"),
        (60 * 60, "hour"),
        (60, "minute"),
        (1, "second"),
    ];
    let mut rest = duration.as_secs();
    let Some(first) = UNITS.iter().position(|(length, _)| rest >= *length) else {
        return "less than a second".to_owned();
    };
    let mut words = Vec::new();
    for (length, unit) in UNITS.iter().skip(first).take(2) {
        let count = rest / length;
        rest %= length;
        if count > 0 {
            let plural = if count == 1 { "" } else { "s" };
            words.push(format!("{count} {unit}{plural}"));
        }
    }
    words.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_has_its_two_largest_units() {
        for (seconds, words) in [
            (0, "less than a second"),
            (1, "1 second"),
            (59, "59 seconds"),
            (60, "1 minute"),
            (61, "1 minute 1 second"),
            (3_600, "1 hour"),
            (3_605, "1 hour"),
            (7 * 86_400 - 1, "6 days 23 hours"),
            (7 * 86_400, "7 days"),
        ] {
            assert_eq!(in_words(Duration::from_secs(seconds)), words);
        }
    }
}
