//! The access rights of the data folder, which contains the key that signs tokens.

use std::{
    fs, io,
    os::unix::fs::{DirBuilderExt as _, PermissionsExt as _},
    path::Path,
};

use rustix::process::geteuid;

/// The rights of group and others.
const OTHERS: u32 = 0o077;
/// The right to enter the folder without listing it.
const ENTER: u32 = 0o011;

/// Creates the folder and its missing parents. Only the owner may enter it. If the owner is root, others may enter it too, since the
/// embedded PostgreSQL then runs as another user.
///
/// # Errors
///
/// Those of the system.
pub(crate) fn create(folder: &Path) -> io::Result<()> {
    fs::DirBuilder::new().recursive(true).mode(0o700 | needed_by_others(true)).create(folder)
}

/// Warns when others have more rights than the embedded PostgreSQL needs.
pub(crate) fn warn_if_open(folder: &Path, is_embedded: bool) {
    let Ok(found) = fs::metadata(folder) else {
        return; // The code that needs the folder reports the error.
    };
    let mode = found.permissions().mode() & 0o7777;
    if let Some(command) = advice(mode, needed_by_others(is_embedded), folder) {
        tracing::warn!(
            folder = %folder.display(),
            mode = format!("{mode:o}"),
            "others may enter the data folder; remove their right with: {command}"
        );
    }
}

/// The rights that others need: root starts the embedded PostgreSQL as another user, which must enter the folder.
fn needed_by_others(is_embedded: bool) -> u32 {
    if is_embedded && geteuid().is_root() { ENTER } else { 0 }
}

/// The command that removes the rights that others do not need, if they have any.
fn advice(mode: u32, needed: u32, folder: &Path) -> Option<String> {
    let excess = mode & OTHERS & !needed;
    let wanted = 0o700 | (mode & needed);
    (excess != 0).then(|| format!("chmod {wanted:o} {}", folder.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_suggested_for_a_folder_that_others_may_enter_without_need() {
        let advice = |mode, needed| advice(mode, needed, Path::new("/data"));
        assert_eq!(advice(0o700, 0), None);
        assert_eq!(advice(0o711, ENTER), None);
        for (mode, needed, command) in [
            (0o711, 0, "chmod 700 /data"),
            (0o755, 0, "chmod 700 /data"),
            (0o770, 0, "chmod 700 /data"),
            (0o755, ENTER, "chmod 711 /data"),
            (0o777, ENTER, "chmod 711 /data"),
            (0o701, ENTER, ""),
        ] {
            assert_eq!(advice(mode, needed).unwrap_or_default(), command, "{mode:o}");
        }
    }
}
