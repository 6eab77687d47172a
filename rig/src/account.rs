//! The user that a server runs as.

use std::{
    io,
    os::unix::{fs::chown, process::CommandExt},
    path::Path,
    process::Command,
};

use nix::unistd::{Uid, User};

/// The account that a server runs under. Database servers refuse to run as root.
#[derive(Debug, Clone, Copy)]
pub struct Account {
    /// `None` if this process does not run as root: the server then has the same user.
    ids: Option<(u32, u32)>,
}

impl Account {
    /// The first of these users that exists. If this process does not run as root, the user of this process.
    ///
    /// # Errors
    ///
    /// An error if none of the users exists.
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

    /// Makes the account the owner of a file, or of a folder but not of its content.
    pub(crate) fn chown(self, path: &Path) -> io::Result<()> {
        match self.ids {
            Some((user, group)) => chown(path, Some(user), Some(group)),
            None => Ok(()),
        }
    }

    /// Makes the command run under this account.
    pub(crate) fn apply_to(self, command: &mut Command) {
        if let Some((user, group)) = self.ids {
            command.uid(user).gid(group);
        }
    }
}
