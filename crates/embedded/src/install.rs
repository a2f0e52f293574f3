//! The command that installs PostgreSQL on this system.

use std::fs;

/// Tells the operator how to install PostgreSQL on this system.
pub(crate) fn hint() -> String {
    if cfg!(target_os = "macos") {
        return command_hint("brew install postgresql@17");
    }
    let os_release = fs::read_to_string("/etc/os-release").unwrap_or_default();
    match command(&os_release) {
        Some(command) => command_hint(command),
        None => "install it, or set the folder that holds initdb and postgres".to_owned(),
    }
}

fn command_hint(command: &str) -> String {
    format!("install it with: {command}")
}

/// Chooses by `ID`, then by `ID_LIKE`, which lists the closest distribution first (os-release(5)).
fn command(os_release: &str) -> Option<&'static str> {
    let ids = ["ID=", "ID_LIKE="].into_iter().flat_map(|key| {
        let value = os_release.lines().find_map(|line| line.strip_prefix(key)).unwrap_or_default();
        value.trim().trim_matches(['"', '\'']).split_whitespace()
    });
    ids.into_iter().find_map(|id| match id {
        "debian" | "ubuntu" => Some("apt-get install -y postgresql"),
        "fedora" | "rhel" | "centos" => Some("dnf install postgresql-server"),
        "alpine" => Some("apk add postgresql"),
        "arch" => Some("pacman -S postgresql"),
        "suse" | "opensuse" => Some("zypper install postgresql-server"),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_family_has_its_command() {
        assert_eq!(command("NAME=x\nID=debian\n"), Some("apt-get install -y postgresql"));
        assert_eq!(command("ID=alpine\n"), Some("apk add postgresql"));
        assert_eq!(
            command("ID=\"rocky\"\nID_LIKE=\"rhel centos fedora\"\n"),
            Some("dnf install postgresql-server")
        );
        assert_eq!(
            command("ID=linuxmint\nID_LIKE='ubuntu debian'\n"),
            Some("apt-get install -y postgresql")
        );
        assert_eq!(command("ID=plan9\n"), None);
        assert_eq!(command(""), None);
    }
}
