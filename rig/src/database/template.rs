//! What a server's folder holds before its first start.

use std::{
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
};

use tempfile::TempDir;

use crate::{Error, leash::Leash};

/// A folder that is filled once for all servers of this process: a new database takes seconds to make,
/// and its copy takes none.
#[derive(Debug)]
pub struct Template {
    folder: Mutex<Option<(PathBuf, Leash)>>,
}

impl Template {
    /// One that nobody has filled.
    pub(crate) const fn new() -> Self {
        Self {
            folder: Mutex::new(None),
        }
    }

    /// The folder, which `fill` fills if nobody did before.
    pub(crate) fn folder(
        &self,
        program: &str,
        fill: impl FnOnce(&Path) -> Result<(), Error>,
    ) -> Result<PathBuf, Error> {
        let mut slot = self.folder.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((folder, _)) = &*slot {
            return Ok(folder.clone());
        }
        let folder = TempDir::with_prefix("sessile-template-")
            .map_err(Error::system(program, "make a temporary folder"))?;
        fill(folder.path())?;
        // Nothing that is static is dropped when a process ends.
        let leash = Leash::on_folder(folder.path())
            .map_err(Error::system(program, "have its template watched over"))?;
        let folder = folder.keep();
        *slot = Some((folder.clone(), leash));
        Ok(folder)
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn is_filled_once_and_not_by_who_failed() {
        let template = Template::new();
        let refused = template.folder("test", |_| {
            Err(Error::system("test", "fill it")(std::io::Error::other(
                "no",
            )))
        });
        assert!(refused.is_err());

        let first = template.folder("test", |folder| {
            fs::write(folder.join("file"), "first").unwrap();
            Ok(())
        });
        let second = template.folder("test", |_| panic!("it is there"));

        assert_eq!(first.unwrap(), second.unwrap());
    }
}
