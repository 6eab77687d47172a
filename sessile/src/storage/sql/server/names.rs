//! [`Name`]: names of tables that may stand in a statement.

use std::fmt;

use super::{StoreError, StoreErrorKind};

/// The name of a table, and of the schema that it is in where one was given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::storage) struct Name {
    pub(in crate::storage) schema: Option<String>,
    pub(in crate::storage) table: String,
    quote: char,
}

/// Why a name is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(in crate::storage) enum NameError {
    #[error("the name `{0}` has other characters than letters of ASCII, digits and underscores")]
    Characters(String),
    #[error("the name `{0}` begins with a digit")]
    Digit(String),
    #[error("a name is empty")]
    Empty,
    #[error("the name `{name}` is longer than {longest} characters")]
    TooLong { name: String, longest: usize },
}

impl Name {
    /// The table `table` in `schema`, neither with a name of more than `longest` characters.
    /// Statements put them between `quote`s.
    pub(in crate::storage) fn new(
        schema: Option<String>,
        table: String,
        longest: usize,
        quote: char,
    ) -> Result<Self, StoreError> {
        for name in schema.iter().chain([&table]) {
            check(name, longest)
                .map_err(|error| StoreError::new(StoreErrorKind::Misconfigured, error))?;
        }
        Ok(Self {
            schema,
            table,
            quote,
        })
    }

    /// The table with a name that is known to be one.
    pub(in crate::storage) fn fixed(table: &'static str, quote: char) -> Self {
        Self {
            schema: None,
            table: table.to_owned(),
            quote,
        }
    }

    /// The table's name with `suffix`, for what belongs to it, cut so that it isn't longer than
    /// `longest`.
    pub(in crate::storage) fn with_suffix(&self, suffix: &str, longest: usize) -> String {
        let mut name = self.table.clone();
        name.truncate(longest - suffix.len());
        name + suffix
    }
}

/// As it stands in a statement.
impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(schema) = &self.schema {
            write!(f, "{}.", quoted(schema, self.quote))?;
        }
        f.write_str(&quoted(&self.table, self.quote))
    }
}

/// `name` between `quote`s. It has been checked: there is none in it.
pub(in crate::storage) fn quoted(name: &str, quote: char) -> String {
    format!("{quote}{name}{quote}")
}

fn check(name: &str, longest: usize) -> Result<(), NameError> {
    let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    match name.bytes().next() {
        None => Err(NameError::Empty),
        Some(_) if !name.bytes().all(is_allowed) => Err(NameError::Characters(name.to_owned())),
        Some(first) if first.is_ascii_digit() => Err(NameError::Digit(name.to_owned())),
        Some(_) if name.len() > longest => Err(NameError::TooLong {
            name: name.to_owned(),
            longest,
        }),
        Some(_) => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(schema: Option<&str>, table: &str) -> Result<Name, StoreErrorKind> {
        Name::new(schema.map(str::to_owned), table.to_owned(), 63, '"')
            .map_err(|error| error.kind())
    }

    #[test]
    fn names_are_quoted() {
        assert_eq!(
            name(None, "Sessions_2").unwrap().to_string(),
            "\"Sessions_2\""
        );
        let both = name(Some("app"), "_").unwrap();
        assert_eq!(both.to_string(), "\"app\".\"_\"");
    }

    #[test]
    fn what_could_be_more_than_a_name_is_refused() {
        for bad in [
            "", "1a", "a b", "a\"b", "a`b", "a;b", "a.b", "ä", "a\0", "a-b", "a'", "a\\",
        ] {
            assert_eq!(name(None, bad), Err(StoreErrorKind::Misconfigured), "{bad}");
            assert_eq!(name(Some(bad), "a"), Err(StoreErrorKind::Misconfigured));
        }
        name(None, &"a".repeat(63)).unwrap();
        name(None, &"a".repeat(64)).unwrap_err();
    }

    #[test]
    fn what_belongs_to_a_table_has_a_name_that_fits() {
        let long = name(None, &"a".repeat(63)).unwrap();
        let index = long.with_suffix("_expires_at", 63);
        assert_eq!(index.len(), 63);
        assert!(index.ends_with("_expires_at"));
        let short = name(None, "a").unwrap();
        assert_eq!(short.with_suffix("_b", 63), "a_b");
    }
}
