//! Detects running processes of a server whose postmaster was killed, by the shared memory they are attached to.

use std::fs;

/// Whether any process is attached to this System V shared memory. `false` on systems without `/proc/sysvipc`, such as
/// macOS: there PostgreSQL itself rejects the start.
pub(crate) fn is_attached(id: &str) -> bool {
    let table = fs::read_to_string("/proc/sysvipc/shm").unwrap_or_default();
    attached(&table, id).is_some_and(|count| count > 0)
}

/// The `nattch` of the line whose `shmid` is `id`.
fn attached(table: &str, id: &str) -> Option<u64> {
    let mut lines = table.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
    let names = lines.next()?;
    let column = |wanted: &str| names.iter().position(|name| *name == wanted);
    let (id_column, count_column) = (column("shmid")?, column("nattch")?);
    let line = lines.find(|line| line.get(id_column) == Some(&id))?;
    line.get(count_column)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_attached_processes_are_counted() {
        let table = "       key      shmid perms                  size  cpid  lpid nattch   uid\n\
                     \x20    51838      32769   600                    56  4711  4720      6   101\n";
        assert_eq!(attached(table, "32769"), Some(6));
        assert_eq!(attached(table, "1"), None);
        assert_eq!(attached("", "1"), None);
    }
}
