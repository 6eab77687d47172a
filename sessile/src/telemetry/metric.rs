//! [`Counter`], [`Gauge`] and [`Histogram`]: metrics whose labels have a fixed set of values, through the `metrics`
//! facade. Without the feature `metrics` they do nothing.
//!
//! The keys of a metric are made once, so recording a value allocates nothing.

use std::marker::PhantomData;
#[cfg(feature = "metrics")]
use std::sync::OnceLock;

#[cfg(feature = "metrics")]
use metrics::{Key, Level, Metadata, Recorder, with_recorder};

/// A label, whose values are known in advance: none is from a client.
pub(crate) trait Label: Copy {
    #[cfg(feature = "metrics")]
    const NAME: &'static str;
    #[cfg(feature = "metrics")]
    const VALUES: &'static [&'static str];

    #[cfg(feature = "metrics")]
    fn index(self) -> usize;
}

/// The labels of a metric: none, one or two.
pub(crate) trait Labels: Copy {
    /// Each combination of values, with the names of the labels.
    #[cfg(feature = "metrics")]
    fn all() -> Vec<Vec<metrics::Label>>;

    /// The position in [`all`](Self::all).
    #[cfg(feature = "metrics")]
    fn index(self) -> usize;
}

impl Labels for () {
    #[cfg(feature = "metrics")]
    fn all() -> Vec<Vec<metrics::Label>> {
        vec![Vec::new()]
    }

    #[cfg(feature = "metrics")]
    fn index(self) -> usize {
        0
    }
}

impl<A: Label> Labels for A {
    #[cfg(feature = "metrics")]
    fn all() -> Vec<Vec<metrics::Label>> {
        labels::<A>().map(|label| vec![label]).collect()
    }

    #[cfg(feature = "metrics")]
    fn index(self) -> usize {
        Label::index(self)
    }
}

impl<A: Label, B: Label> Labels for (A, B) {
    #[cfg(feature = "metrics")]
    fn all() -> Vec<Vec<metrics::Label>> {
        let pairs = |first: metrics::Label| labels::<B>().map(move |it| vec![first.clone(), it]);
        labels::<A>().flat_map(pairs).collect()
    }

    #[cfg(feature = "metrics")]
    fn index(self) -> usize {
        self.0.index() * B::VALUES.len() + self.1.index()
    }
}

#[cfg(feature = "metrics")]
fn labels<L: Label>() -> impl Iterator<Item = metrics::Label> {
    let values = L::VALUES.iter();
    values.map(|value| metrics::Label::from_static_parts(L::NAME, value))
}

/// Defines a label as an enum.
macro_rules! label {
    ($(#[$doc:meta])* $Label:ident = $($values:tt)+) => {
        label! {
            $(#[$doc])*
            #[allow(dead_code, reason = "some values belong to features that are not enabled")]
            pub(crate) $Label = $($values)+
        }
    };
    ($(#[$doc:meta])* $vis:vis $Label:ident = $name:literal {
        $($(#[$value_doc:meta])* $Value:ident = $value:literal,)+
    }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        $vis enum $Label {
            $($(#[$value_doc])* $Value,)+
        }

        impl $crate::telemetry::metric::Label for $Label {
            #[cfg(feature = "metrics")]
            const NAME: &'static str = $name;
            #[cfg(feature = "metrics")]
            const VALUES: &'static [&'static str] = &[$($value),+];

            #[cfg(feature = "metrics")]
            #[inline]
            fn index(self) -> usize {
                self as usize
            }
        }
    };
}
pub(super) use label;

/// The time series of a metric, one for each combination of its labels' values.
struct Series<L> {
    #[cfg(feature = "metrics")]
    name: &'static str,
    #[cfg(feature = "metrics")]
    keys: OnceLock<Box<[Key]>>,
    labels: PhantomData<fn(L)>,
}

#[cfg(feature = "metrics")]
static METADATA: Metadata<'static> = Metadata::new("sessile", Level::INFO, Some("sessile"));

impl<L: Labels> Series<L> {
    const fn new(#[cfg_attr(not(feature = "metrics"), allow(unused))] name: &'static str) -> Self {
        Self {
            #[cfg(feature = "metrics")]
            name,
            #[cfg(feature = "metrics")]
            keys: OnceLock::new(),
            labels: PhantomData,
        }
    }

    #[cfg(feature = "metrics")]
    fn keys(&self) -> &[Key] {
        self.keys.get_or_init(|| {
            let keys = L::all().into_iter();
            keys.map(|labels| Key::from_parts(self.name, labels))
                .collect()
        })
    }

    #[cfg(feature = "metrics")]
    #[inline]
    fn key(&self, labels: L) -> &Key {
        &self.keys()[labels.index()]
    }
}

macro_rules! kind {
    ($(#[$doc:meta])* $Kind:ident $describe:ident) => {
        $(#[$doc])*
        pub(crate) struct $Kind<L>(Series<L>);

        impl<L: Labels> $Kind<L> {
            pub(super) const fn new(name: &'static str) -> Self {
                Self(Series::new(name))
            }

            #[cfg(feature = "metrics")]
            pub(super) fn describe(&self, unit: metrics::Unit, help: &'static str) {
                with_recorder(|recorder| {
                    recorder.$describe(self.0.name.into(), Some(unit), help.into());
                });
            }
        }
    };
}

kind! {
    /// Counts events.
    Counter describe_counter
}

kind! {
    /// The current value of something.
    Gauge describe_gauge
}

kind! {
    /// The distribution of values.
    Histogram describe_histogram
}

impl<L: Labels> Counter<L> {
    #[inline]
    pub(crate) fn increment(&self, labels: L) {
        self.add(labels, 1);
    }

    #[inline]
    pub(crate) fn add(&self, labels: L, count: u64) {
        #[cfg(feature = "metrics")]
        with_recorder(|recorder: &dyn Recorder| {
            let counter = recorder.register_counter(self.0.key(labels), &METADATA);
            counter.increment(count);
        });
        #[cfg(not(feature = "metrics"))]
        let _ = (&self.0, labels, count);
    }
}

impl<L: Labels> Gauge<L> {
    /// Adds to the value, so that several stores share the gauge.
    #[cfg(feature = "metrics")]
    pub(crate) fn add(&self, labels: L, difference: f64) {
        with_recorder(|recorder: &dyn Recorder| {
            let gauge = recorder.register_gauge(self.0.key(labels), &METADATA);
            gauge.increment(difference);
        });
    }
}

impl<L: Labels> Histogram<L> {
    #[inline]
    pub(crate) fn record(&self, labels: L, value: f64) {
        #[cfg(feature = "metrics")]
        with_recorder(|recorder: &dyn Recorder| {
            let histogram = recorder.register_histogram(self.0.key(labels), &METADATA);
            histogram.record(value);
        });
        #[cfg(not(feature = "metrics"))]
        let _ = (&self.0, labels, value);
    }
}
