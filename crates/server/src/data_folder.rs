//! Who may enter the data folder, which holds the key that signs tokens.

use std::{
    fs, io,
    os::unix::fs::{DirBuilderExt as _, PermissionsExt as _},
    path::Path,
};

use rustix::process::geteuid;

/// The rights of everybody but the owner.
const OTHERS: u32 = 0o077;
/// The right to enter without the right to list.
const ENTER: u32 = 0o011;

/// Creates what is missing of the folder. Nobody else may enter it; below root others may pass, as the user that the
/// embedded PostgreSQL drops to must.
///
/// # Errors
///
/// Those of the system.
pub(crate) fn create(folder: &Path) -> io::Result<()> {
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700 | needed_by_others(true))
        .create(folder)
}

/// Warns when others may do more in the folder than the embedded PostgreSQL, if it is there, needs.
pub(crate) fn warn_if_open(folder: &Path, is_embedded: bool) {
    let Ok(found) = fs::metadata(folder) else {
        return; // Whoever needs the folder says so.
    };
    let mode = found.permissions().mode() & 0o7777;
    if let Some(command) = advice(mode, needed_by_others(is_embedded), folder) {
        tracing::warn!(
            folder = %folder.display(),
            mode = format!("{mode:o}"),
            "others may enter the data folder; take the right from them with: {command}"
        );
    }
}

/// Root starts the embedded PostgreSQL as another user, who passes through the folder.
fn needed_by_others(is_embedded: bool) -> u32 {
    if is_embedded && geteuid().is_root() {
        ENTER
    } else {
        0
    }
}

/// The command that takes the rights from others which they do not need, if they have any.
fn advice(mode: u32, needed: u32, folder: &Path) -> Option<String> {
    let too_much = mode & OTHERS & !needed;
    let wanted = 0o700 | (mode & needed);
    (too_much != 0).then(|| format!("chmod {wanted:o} {}", folder.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_that_others_may_enter_without_need_has_a_command_that_closes_it() {
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
            assert_eq!(
                advice(mode, needed).unwrap_or_default(),
                command,
                "{mode:o}"
            );
        }
    }
}
