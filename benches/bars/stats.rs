//! The median of a few samples, and how far it may be off.

/// The median, and an interval that holds the true one in at least 95 of 100 such runs, whatever the samples'
/// distribution: order statistics of the binomial. With fewer than six samples it is their whole range.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Median {
    pub(crate) value: f64,
    pub(crate) low: f64,
    pub(crate) high: f64,
}

impl Median {
    pub(crate) fn of(samples: impl IntoIterator<Item = f64>) -> Option<Median> {
        let mut sorted: Vec<f64> = samples.into_iter().collect();
        sorted.sort_by(f64::total_cmp);
        let count = sorted.len();
        let last = count.checked_sub(1)?;
        let value = (sorted[last / 2] + sorted[count / 2]) / 2.0;
        let outside = rank(count);
        Some(Median { value, low: sorted[outside], high: sorted[last - outside] })
    }
}

/// How many samples may be left out at each end.
fn rank(count: usize) -> usize {
    let mut probability = 0.5_f64.powi(i32::try_from(count).expect("a few samples"));
    let (mut tail, mut rank) = (probability, 0);
    while tail <= 0.025 {
        rank += 1;
        probability *= (count + 1 - rank) as f64 / rank as f64;
        tail += probability;
    }
    rank.saturating_sub(1)
}

impl std::fmt::Display for Median {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let digits = f.precision().unwrap_or(2);
        let Median { value, low, high } = self;
        write!(f, "{value:.digits$} ({low:.digits$}–{high:.digits$})")
    }
}
