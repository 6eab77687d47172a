//! The content of a server's folder before its first start.

use std::{
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
};

use tempfile::TempDir;

use crate::{Error, watchdog::Watchdog};

/// A folder that is filled once for all servers of this process.
///
/// Creating a database takes seconds. Copying one is fast.
#[derive(Debug)]
pub struct Template {
    folder: Mutex<Option<(PathBuf, Watchdog)>>,
}

impl Template {
    /// A template that is not filled yet.
    pub(crate) const fn new() -> Self {
        Self {
            folder: Mutex::new(None),
        }
    }

    /// The folder. The first call fills it with `fill`.
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
            .map_err(Error::system(program, "create a temporary folder"))?;
        fill(folder.path())?;
        // The end of a process does not drop its statics.
        let watchdog = Watchdog::for_folder(folder.path())
            .map_err(Error::system(program, "start the watchdog of its template"))?;
        let folder = folder.keep();
        *slot = Some((folder.clone(), watchdog));
        Ok(folder)
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_template_is_filled_once_after_a_failed_attempt() {
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
        let second = template.folder("test", |_| panic!("the template is filled already"));

        assert_eq!(first.unwrap(), second.unwrap());
    }
}
