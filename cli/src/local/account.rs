//! Postgres refuses to run as root. When the command runs as root, this module picks the account
//! `nobody` for it and puts its files where that account can reach them.

use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use sha2::{Digest, Sha256};
use shopflow_core::{Error, ErrorKind, Result, ResultExt};

/// User and group that run a server in place of root.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Account {
    user: u32,
    group: u32,
}

impl Account {
    /// The account for Postgres: `nobody` when `folder` (made by this process) belongs to root,
    /// else none, which means the current user.
    ///
    /// # Errors
    /// When the folder cannot be read.
    pub fn for_postgres(folder: &Path) -> Result<Option<Account>> {
        let owner = std::fs::metadata(folder)
            .or_error(ErrorKind::Internal, "read folder of the local cloud failed")?
            .uid();
        let running_as_root = owner == 0 && is_root(folder);
        Ok(running_as_root.then(|| {
            let passwd = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
            nobody(&passwd).unwrap_or(Account { user: 65534, group: 65534 })
        }))
    }

    /// Makes `command` run as this account, in a working directory it can enter.
    pub fn apply(self, command: &mut Command, folder: &Path) {
        command.uid(self.user).gid(self.group).current_dir(folder).env("HOME", folder);
    }

    /// Gives a file or folder to this account.
    ///
    /// # Errors
    /// When the file system refuses.
    pub fn give(self, path: &Path) -> Result<()> {
        chown(path, Some(self.user), Some(self.group)).map_err(|error| {
            Error::internal("change owner failed").with("path", path.display()).because(error)
        })
    }
}

/// Root may create a file and give it away; nobody else may.
fn is_root(folder: &Path) -> bool {
    let probe = folder.join(".owner");
    let given = std::fs::write(&probe, "").and_then(|()| chown(&probe, Some(1), None)).is_ok();
    let _ = std::fs::remove_file(&probe);
    given
}

fn nobody(passwd: &str) -> Option<Account> {
    let line = passwd.lines().find(|line| line.starts_with("nobody:"))?;
    let mut fields = line.split(':').skip(2);
    // A negative id (macOS) is not one that `chown` takes.
    Some(Account { user: fields.next()?.parse().ok()?, group: fields.next()?.parse().ok()? })
}

/// True when every account may enter `path`.
pub fn is_reachable(path: &Path) -> bool {
    path.ancestors().filter(|folder| !folder.as_os_str().is_empty()).all(|folder| {
        std::fs::metadata(folder).is_ok_and(|data| data.permissions().mode() & 0o001 != 0)
    })
}

/// A folder outside the reach of other users' tricks that every account may enter: one per local
/// cloud, under the system's temporary folder, owned by root.
///
/// # Errors
/// When somebody else owns a folder of that name.
pub fn shared_folder(home: &Path) -> Result<PathBuf> {
    let name = hex::encode(&Sha256::digest(home.to_string_lossy().as_bytes())[..6]);
    let folder = Path::new("/tmp").join(format!("shopflow-{name}"));
    let mut builder = std::fs::DirBuilder::new();
    let made = builder.mode(0o755).create(&folder);
    let data = std::fs::symlink_metadata(&folder)
        .map_err(|error| Error::internal("create folder failed").because(error))?;
    if made.is_err() && (!data.is_dir() || data.uid() != 0 || data.mode() & 0o022 != 0) {
        return Err(Error::internal("a folder for Postgres belongs to somebody else")
            .with("path", folder.display())
            .hint("remove it, or set SHOPFLOW_HOME to a folder every user may enter"));
    }
    Ok(folder)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_is_found_in_the_list_of_accounts() {
        let passwd = "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65533:n:/:/bin/false\n";
        assert_eq!(nobody(passwd), Some(Account { user: 65534, group: 65533 }));
        assert_eq!(nobody("root:x:0:0::/root:/bin/sh\n"), None);
        assert_eq!(nobody("nobody:*:-2:-2:n:/:/bin/false\n"), None);
    }

    #[test]
    fn a_folder_is_reachable_only_if_all_its_parents_are() {
        let folder = tempfile::tempdir().unwrap();
        let inner = folder.path().join("open");
        std::fs::create_dir(&inner).unwrap();
        let set = |path: &Path, mode: u32| {
            std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
        };
        set(&inner, 0o755);
        set(folder.path(), 0o755);
        assert!(is_reachable(&inner));
        set(folder.path(), 0o700);
        assert!(!is_reachable(&inner));
    }
}
