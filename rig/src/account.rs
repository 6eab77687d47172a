//! Who a server runs as.

use std::{
    io,
    os::unix::{fs::chown, process::CommandExt},
    path::Path,
    process::Command,
};

use nix::unistd::{Uid, User};

/// The account that a server runs under: database servers refuse to be root.
#[derive(Debug, Clone, Copy)]
pub struct Account {
    /// Nobody else, if this process isn't root.
    ids: Option<(u32, u32)>,
}

impl Account {
    /// The first of these users that exists, if this process is root; otherwise whom it runs as.
    ///
    /// # Errors
    ///
    /// When there is none of them.
    pub(crate) fn first_of(names: &[&str]) -> io::Result<Self> {
        if !Uid::effective().is_root() {
            return Ok(Self { ids: None });
        }
        for name in names {
            if let Some(user) = User::from_name(name)? {
                return Ok(Self {
                    ids: Some((user.uid.as_raw(), user.gid.as_raw())),
                });
            }
        }
        Err(io::Error::new(
            io::ErrorKind::NotFound,
            format!("there is no user {}", names.join(" or ")),
        ))
    }

    /// Gives it a file or a folder, without what is in there.
    pub(crate) fn own(self, path: &Path) -> io::Result<()> {
        match self.ids {
            Some((user, group)) => chown(path, Some(user), Some(group)),
            None => Ok(()),
        }
    }

    /// Has the command run under it.
    pub(crate) fn run(self, command: &mut Command) {
        if let Some((user, group)) = self.ids {
            command.uid(user).gid(group);
        }
    }
}
