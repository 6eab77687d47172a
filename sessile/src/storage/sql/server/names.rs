//! [`Name`]: table names that are safe in statements.

use std::fmt;

use super::Fault;

/// The length of the longest suffix of a table's name: `_subject`.
const LONGEST_SUFFIX: usize = 8;

/// The name of a table, and of its schema if one is set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::storage) struct Name {
    pub(in crate::storage) schema: Option<String>,
    pub(in crate::storage) table: String,
    quote: char,
}

impl Name {
    /// The table `table` in `schema`, for a database whose names have up to `longest` characters.
    /// Statements quote names with `quote`.
    ///
    /// The table's name is limited further, so that every suffix fits.
    pub(super) fn new(
        schema: Option<&str>,
        table: &str,
        longest: usize,
        quote: char,
    ) -> Result<Self, Fault> {
        if let Some(schema) = schema {
            check(schema, longest)?;
        }
        check(table, longest - LONGEST_SUFFIX)?;
        Ok(Self {
            schema: schema.map(str::to_owned),
            table: table.to_owned(),
            quote,
        })
    }

    /// A table whose name needs no check.
    pub(super) fn fixed(table: &'static str, quote: char) -> Self {
        Self {
            schema: None,
            table: table.to_owned(),
            quote,
        }
    }

    /// The table in the same schema whose name is longer by `suffix`.
    pub(super) fn with_suffix(&self, suffix: &'static str) -> Self {
        debug_assert!(suffix.len() <= LONGEST_SUFFIX);
        Self {
            table: format!("{}{suffix}", self.table),
            ..self.clone()
        }
    }

    /// The name of the table's index on `column`, quoted and without the schema.
    pub(in crate::storage) fn index_on(&self, column: &'static str) -> String {
        debug_assert!(column.len() < LONGEST_SUFFIX);
        quoted(&format!("{}_{column}", self.table), self.quote)
    }
}

/// In the form that statements use.
impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(schema) = &self.schema {
            write!(f, "{}.", quoted(schema, self.quote))?;
        }
        f.write_str(&quoted(&self.table, self.quote))
    }
}

/// `name` in quotes. Names are checked, so there are none inside.
fn quoted(name: &str, quote: char) -> String {
    format!("{quote}{name}{quote}")
}

fn check(name: &str, longest: usize) -> Result<(), Fault> {
    let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    let begins_with_digit = name.starts_with(|first: char| first.is_ascii_digit());
    match name.bytes().all(is_allowed) && !begins_with_digit && (1..=longest).contains(&name.len())
    {
        true => Ok(()),
        false => {
            let text = format!(
                "the name `{name}` must have 1 to {longest} ASCII letters, digits and underscores, and not begin with a \
                 digit"
            );
            Err(Fault::misconfigured(text))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{
        super::{StoreError, StoreErrorKind},
        *,
    };

    fn name(schema: Option<&str>, table: &str) -> Result<Name, StoreErrorKind> {
        let name = Name::new(schema, table, 63, '"');
        name.map_err(|fault| StoreError::from(fault).kind())
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
    fn names_with_other_characters_are_refused() {
        for bad in [
            "", "1a", "a b", "a\"b", "a`b", "a;b", "a.b", "ä", "a\0", "a-b", "a'", "a\\",
        ] {
            assert_eq!(name(None, bad), Err(StoreErrorKind::Misconfigured), "{bad}");
            assert_eq!(name(Some(bad), "a"), Err(StoreErrorKind::Misconfigured));
        }
    }

    #[test]
    fn every_suffix_fits_the_longest_name() {
        name(Some(&"a".repeat(63)), "a").unwrap();
        name(Some(&"a".repeat(64)), "a").unwrap_err();
        let longest = name(Some("b"), &"a".repeat(55)).unwrap();
        name(None, &"a".repeat(56)).unwrap_err();
        assert_eq!(longest.index_on("subject").len(), 63 + 2);
        let marks = longest.with_suffix("_marks");
        assert!(marks.to_string().ends_with("a_marks\""));
        assert_eq!(marks.schema.as_deref(), Some("b"));
    }
}
