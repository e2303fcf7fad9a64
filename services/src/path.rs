//! The PATH, in whose folders programs are searched.

use std::env;
use std::ffi::OsStr;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

/// The files called `name` in the folders of a PATH, in its order. Relative folders are left out:
/// the result must not depend on the folder that the program was started in.
pub(super) fn candidates(name: &str, path_variable: &OsStr) -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> = Vec::new();
    for folder in env::split_paths(path_variable).filter(|folder| folder.is_absolute()) {
        let path = folder.join(name);
        if is_program(&path) && !found.contains(&path) {
            found.push(path);
        }
    }
    found
}

/// Whether a path is a file that may be run.
pub(super) fn is_program(path: &Path) -> bool {
    path.metadata().is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o111 != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn relative_folders_of_the_path_are_not_searched() {
        assert!(candidates("sh", OsStr::new("bin:.:")).is_empty());
        assert_eq!(candidates("sh", OsStr::new("/bin:/bin")), [PathBuf::from("/bin/sh")]);
    }
}
