//! [`News`]: what there was to be heard, and who told it.

/// What there was to be heard of the keys of one part.
#[derive(Default)]
pub(super) struct News {
    pub(super) count: u64,
    /// Who told the last two, and the last one first: the number of a feed, or [`OURSELVES`].
    tellers: [u64; 2],
}

/// Who writes, and who empties it all. No feed has this number.
pub(super) const OURSELVES: u64 = 0;

impl News {
    pub(super) fn add(&mut self, teller: u64) {
        self.count += 1;
        self.tellers = [teller, self.tellers[0]];
    }

    /// Who told those since there were `count`, if they are few.
    pub(super) fn since(&self, count: u64) -> Option<&[u64]> {
        let number = usize::try_from(self.count - count).ok()?;
        self.tellers.get(..number)
    }
}
