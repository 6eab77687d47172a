//! [`Counter`], [`Gauge`] and [`Histogram`]: metrics whose labels have a fixed set of values, through the `metrics`
//! facade. Without the feature `metrics`, or if the application has installed no recorder, they do nothing.

use std::marker::PhantomData;

#[cfg(feature = "metrics")]
use metrics::{Key, Level, Metadata, Unit, with_recorder};

/// A label, whose values are known in advance: none is from a client.
pub(crate) trait Label: Copy {
    const NAME: &'static str;

    fn value(self) -> &'static str;
}

/// The labels of a metric: none, one or two.
pub(crate) trait Labels: Copy {
    const NAMES: &'static [&'static str];

    /// One value for each name.
    fn values(self) -> impl IntoIterator<Item = &'static str>;
}

impl Labels for () {
    const NAMES: &'static [&'static str] = &[];

    fn values(self) -> impl IntoIterator<Item = &'static str> {
        []
    }
}

impl<A: Label> Labels for A {
    const NAMES: &'static [&'static str] = &[A::NAME];

    fn values(self) -> impl IntoIterator<Item = &'static str> {
        [self.value()]
    }
}

impl<A: Label, B: Label> Labels for (A, B) {
    const NAMES: &'static [&'static str] = &[A::NAME, B::NAME];

    fn values(self) -> impl IntoIterator<Item = &'static str> {
        [self.0.value(), self.1.value()]
    }
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
            const NAME: &'static str = $name;

            fn value(self) -> &'static str {
                match self {
                    $(Self::$Value => $value,)+
                }
            }
        }
    };
}
pub(super) use label;

/// Defines a kind of metric.
macro_rules! kind {
    ($(#[$doc:meta])* $Kind:ident: $record:ident($Value:ty), $describe:ident, $register:ident, $apply:ident) => {
        $(#[$doc])*
        pub(crate) struct $Kind<L> {
            name: &'static str,
            labels: PhantomData<fn(L)>,
        }

        impl<L: Labels> $Kind<L> {
            pub(super) const fn new(name: &'static str) -> Self {
                let labels = PhantomData;
                Self { name, labels }
            }

            #[inline]
            pub(crate) fn $record(&self, labels: L, value: $Value) {
                #[cfg(feature = "metrics")]
                if super::is_recording() {
                    let key = key(self.name, labels);
                    with_recorder(|recorder| recorder.$register(&key, &METADATA).$apply(value));
                }
                #[cfg(not(feature = "metrics"))]
                let _ = (labels, value);
            }

            #[cfg(feature = "metrics")]
            pub(super) fn describe(&self, unit: Unit, help: &'static str) {
                with_recorder(|recorder| {
                    recorder.$describe(self.name.into(), Some(unit), help.into());
                });
            }
        }
    };
}

kind! {
    /// Counts events.
    Counter: add(u64), describe_counter, register_counter, increment
}

kind! {
    /// The current value of something, which several stores add to.
    Gauge: add(f64), describe_gauge, register_gauge, increment
}

kind! {
    /// The distribution of values.
    Histogram: record(f64), describe_histogram, register_histogram, record
}

impl<L: Labels> Counter<L> {
    #[inline]
    pub(crate) fn increment(&self, labels: L) {
        self.add(labels, 1);
    }
}

#[cfg(feature = "metrics")]
static METADATA: Metadata<'static> = Metadata::new("sessile", Level::INFO, Some("sessile"));

#[cfg(feature = "metrics")]
fn key<L: Labels>(name: &'static str, labels: L) -> Key {
    let labels = L::NAMES.iter().zip(labels.values());
    let label = |(name, value): (&&'static str, _)| metrics::Label::from_static_parts(name, value);
    Key::from_parts(name, labels.map(label).collect::<Vec<_>>())
}
