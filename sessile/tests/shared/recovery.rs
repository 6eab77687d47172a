//! [`Recovery`]: how long requests fail after another server has taken over.

use std::time::Instant;

use crate::recorded::Recorded;

/// The pauses between attempts to connect are at most half a second, so three attempts take less than two seconds:
/// `requests_work_within_two_seconds` in `storage/timing.rs`. The test counts attempts, because a busy machine takes longer
/// for each.
const MAX_ATTEMPTS: u32 = 3;

/// The attempts to connect of a store on this thread.
pub(crate) struct Recovery(Recorded);

impl Recovery {
    pub(crate) fn start() -> Self {
        Self(Recorded::start())
    }

    /// Checks that `working`, which ends when requests work, takes few attempts to connect. Prints how long it takes.
    pub(crate) async fn observe<T>(&self, fault: &str, working: impl Future<Output = T>) -> T {
        self.attempts();
        let begun = Instant::now();
        let output = working.await;
        println!("{fault}: requests work after {:?}", begun.elapsed());
        let attempts = self.attempts();
        assert!(attempts <= MAX_ATTEMPTS, "{fault}: {attempts} attempts");
        output
    }

    /// The number of attempts since the last call.
    fn attempts(&self) -> u32 {
        let lines = self.0.take("connects_total");
        let counts = lines.iter().filter_map(|line| line.rsplit(' ').next());
        counts.map(|count| count.parse::<u32>().unwrap()).sum()
    }
}
