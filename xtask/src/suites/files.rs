//! [`Files`]: generated files that are not written yet.

use std::{collections::BTreeMap, fs, io, path::Path};

/// Files by their paths below a folder.
#[derive(Debug, Default)]
pub(crate) struct Files(BTreeMap<String, String>);

impl Files {
    pub(crate) fn add(&mut self, path: impl Into<String>, text: impl Into<String>) {
        self.0.insert(path.into(), text.into());
    }

    #[cfg(test)]
    pub(crate) fn text(&self, path: &str) -> &str {
        self.0.get(path).map_or("", |text| text)
    }

    /// Makes `folder` contain these files and no others. Unchanged files keep their modification time, so
    /// that they are not compiled again.
    pub(crate) fn write(&self, folder: &Path) -> io::Result<()> {
        fs::create_dir_all(folder)?;
        self.remove_others(folder, folder)?;
        for (path, text) in &self.0 {
            let path = folder.join(path);
            if fs::read_to_string(&path).is_ok_and(|old| old == *text) {
                continue;
            }
            fs::create_dir_all(path.parent().unwrap_or(folder))?;
            fs::write(&path, text)?;
        }
        Ok(())
    }

    fn remove_others(&self, root: &Path, folder: &Path) -> io::Result<()> {
        for entry in fs::read_dir(folder)? {
            let path = entry?.path();
            let name = path.strip_prefix(root).unwrap_or(&path).to_string_lossy();
            if path.is_dir() {
                self.remove_others(root, &path)?;
            } else if !self.0.contains_key(&*name) {
                fs::remove_file(&path)?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changed_files_are_written_and_others_are_removed() {
        let folder = std::env::temp_dir().join(format!("sessile-xtask-{}", std::process::id()));
        let mut files = Files::default();
        files.add("kept/a", "a");
        files.add("dropped/b", "b");
        files.write(&folder).unwrap();
        let modified = || fs::metadata(folder.join("kept/a")).unwrap().modified();
        let before = modified().unwrap();

        let mut files = Files::default();
        files.add("kept/a", "a");
        files.add("c", "c");
        files.write(&folder).unwrap();

        assert_eq!(modified().unwrap(), before);
        assert!(!folder.join("dropped/b").exists());
        assert_eq!(fs::read_to_string(folder.join("c")).unwrap(), "c");
        fs::remove_dir_all(&folder).unwrap();
    }
}
