//! The cache headers that a handler may set: combinations of the headers that caches obey.

use std::fmt;

/// A kind of `Cache-Control`.
pub(crate) struct CacheControl {
    /// Its header lines.
    pub(crate) lines: &'static [&'static str],
    /// Whether a page of no session is kept with it, by nginx and by Apache, if no other header says anything.
    pub(crate) kept: [bool; 2],
}

/// Neither cache parses directives exactly as RFC 9111 requires, so the last column is written by hand.
pub(crate) const CACHE_CONTROL: &[CacheControl] = &[
    row(&[], [true, true]),
    row(&["public"], [true, true]),
    row(&["public, max-age=3600"], [true, true]),
    row(&["max-age=3600"], [true, true]),
    row(&["s-maxage=3600"], [true, true]),
    row(&["private"], [false, false]),
    row(&["no-store"], [false, false]),
    row(&["no-cache"], [false, false]),
    row(
        &["public, s-maxage=60, max-age=3600, immutable"],
        [true, true],
    ),
    row(&["must-revalidate, max-age=60"], [true, true]),
    row(&["private=\"X-Foo\", max-age=3600"], [false, true]),
    row(&["no-cache=\"Set-Cookie\", max-age=3600"], [false, true]),
    row(&["PuBlic, MAX-AGE=3600, S-MaxAge=3600"], [true, true]),
    row(&["public", "max-age=3600"], [true, true]),
    row(&["private", "public, max-age=3600"], [false, false]),
    row(&["public; max-age=3600"], [true, true]),
    row(&["max-age=soon, =, s-maxage=\"3600"], [false, true]),
    row(&[",,public , max-age = 3600"], [true, true]),
    row(&["private=X-Foo, max-age=3600"], [false, true]),
    row(&["no-store, must-understand, max-age=3600"], [false, false]),
    // Where a quote ends decides what is a directive.
    row(&["x=\"\\\"\", max-age=3600"], [true, true]),
    row(&["x=a\"b, max-age=3600, c\"d"], [true, true]),
];

/// The row without a `Cache-Control`.
pub(crate) const NONE: usize = 0;

/// The row with `public, max-age=3600`.
pub(crate) const PUBLIC: usize = 2;

const fn row(lines: &'static [&'static str], kept: [bool; 2]) -> CacheControl {
    CacheControl { lines, kept }
}

type Header = (&'static str, &'static str);

/// Each alone, and all together.
const OTHERS: &[&[Header]] = &[
    &[],
    &[EXPIRES],
    &[LAST_MODIFIED],
    &[ETAG],
    &[X_ACCEL_EXPIRES],
    &[SURROGATE_CONTROL],
    &[CDN_CACHE_CONTROL],
    &[
        EXPIRES,
        LAST_MODIFIED,
        ETAG,
        X_ACCEL_EXPIRES,
        SURROGATE_CONTROL,
        CDN_CACHE_CONTROL,
    ],
];

const EXPIRES: Header = ("Expires", "Fri, 01 Jan 2100 00:00:00 GMT");
const LAST_MODIFIED: Header = ("Last-Modified", "Thu, 01 Jan 2015 00:00:00 GMT");
const ETAG: Header = ("ETag", "\"of-every-page\"");
const X_ACCEL_EXPIRES: Header = ("X-Accel-Expires", "3600");
const SURROGATE_CONTROL: Header = ("Surrogate-Control", "max-age=3600");
const CDN_CACHE_CONTROL: Header = ("CDN-Cache-Control", "public, max-age=3600");

const VARY: &[Option<&str>] = &[None, Some("Accept-Encoding"), Some("*")];

/// One combination: a row of each table.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Headers {
    cache_control: usize,
    others: usize,
    vary: usize,
}

impl Headers {
    /// `Cache-Control: public, max-age=3600` and nothing else.
    pub(crate) const PUBLIC: Self = Self::numbered(PUBLIC, 0, 0);

    /// Every `Cache-Control` with each of the other headers, and with each `Vary`. Not all three: `Vary: *` keeps caches
    /// from storing a response, so the effect of the others would not show.
    pub(crate) fn all() -> impl Iterator<Item = Self> {
        (0..CACHE_CONTROL.len()).flat_map(Self::with_cache_control)
    }

    /// Those with this row of [`CACHE_CONTROL`].
    pub(crate) fn with_cache_control(cache_control: usize) -> impl Iterator<Item = Self> {
        let others = (0..OTHERS.len()).map(|others| (others, 0));
        let vary = (1..VARY.len()).map(|vary| (0, vary));
        let rest = others.chain(vary);
        rest.map(move |(others, vary)| Self::numbered(cache_control, others, vary))
    }

    /// The part of a path that asks the application for them.
    pub(crate) fn path(self) -> String {
        let Self {
            cache_control,
            others,
            vary,
        } = self;
        format!("{cache_control}/{others}/{vary}")
    }

    /// The combination with these numbers, as in a path.
    pub(crate) const fn numbered(cache_control: usize, others: usize, vary: usize) -> Self {
        Self {
            cache_control,
            others,
            vary,
        }
    }

    /// Names and values.
    pub(crate) fn lines(self) -> impl Iterator<Item = Header> {
        let cache_control = CACHE_CONTROL[self.cache_control].lines.iter();
        let others = OTHERS[self.others].iter().copied();
        let vary = VARY[self.vary].into_iter();
        cache_control
            .map(|value| ("Cache-Control", *value))
            .chain(others)
            .chain(vary.map(|value| ("Vary", value)))
    }
}

impl fmt::Display for Headers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lines: Vec<_> = self
            .lines()
            .map(|(name, value)| format!("`{name}: {value}`"))
            .collect();
        match lines.is_empty() {
            true => f.write_str("no cache headers"),
            false => f.write_str(&lines.join(", ")),
        }
    }
}
