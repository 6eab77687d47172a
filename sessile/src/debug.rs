//! [`Debug`](std::fmt::Debug) of the types that show nothing of themselves.

/// Implements `Debug` for a type whose fields are secrets, or of no use to a reader: its name, and `{ .. }`.
macro_rules! opaque {
    ($name:ident $(<$parameter:ident $(: $bound:path)?>)?) => {
        impl $(<$parameter $(: $bound)?>)? std::fmt::Debug for $name $(<$parameter>)? {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.debug_struct(stringify!($name)).finish_non_exhaustive()
            }
        }
    };
}

pub(crate) use opaque;
