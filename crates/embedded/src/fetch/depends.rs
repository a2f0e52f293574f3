//! Which packages of libraries are missing.
//!
//! Not asked of apt's resolver: it answers what an installation would change, with all that PostgreSQL's packages bring for
//! running as a service of the system, and refuses where the system has an unfinished installation. Only the libraries
//! that programs are linked with are needed here.

use std::collections::{BTreeSet, HashMap, HashSet};

/// Compiles queries to machine code; more than the rest together, and PostgreSQL works without.
const JIT: &str = "libllvm";
/// A library whose package has another beginning than the others.
const COMPRESSION: &str = "zlib1g";

/// By package, what it depends on: of each list one is needed.
pub(super) struct Dependencies(HashMap<String, Vec<Vec<String>>>);

impl Dependencies {
    /// Reads what `apt-cache depends --recurse` prints.
    pub(super) fn parse(text: &str) -> Self {
        let mut packages: HashMap<String, Vec<Vec<String>>> = HashMap::new();
        let mut current = String::new();
        let mut alternatives = Vec::new();
        for line in text.lines() {
            if !line.starts_with(' ') {
                current = line.trim().to_owned();
                packages.entry(current.clone()).or_default();
                continue;
            }
            // Deeper lines are the packages that provide a virtual one.
            let Some((kind, name)) = line.trim().split_once(": ") else {
                continue;
            };
            alternatives.push(name.trim().to_owned());
            // All but the last of several begin with a bar.
            if !kind.starts_with('|') {
                let one_of = std::mem::take(&mut alternatives);
                packages.entry(current.clone()).or_default().push(one_of);
            }
        }
        Self(packages)
    }

    /// The libraries that these packages need, directly or not, and that are not installed.
    pub(super) fn missing_libraries(
        &self,
        packages: &[String],
        installed: &HashSet<String>,
    ) -> BTreeSet<String> {
        let mut missing = BTreeSet::new();
        let mut open: Vec<&str> = packages.iter().map(String::as_str).collect();
        while let Some(package) = open.pop() {
            for one_of in self.0.get(package).into_iter().flatten() {
                if one_of.iter().any(|name| installed.contains(name)) {
                    continue;
                }
                let library = one_of.iter().find(|name| is_library(name));
                if let Some(library) = library
                    && missing.insert(library.clone())
                {
                    open.push(library);
                }
            }
        }
        missing
    }
}

/// Virtual packages stand in angle brackets, so they are none.
fn is_library(package: &str) -> bool {
    (package.starts_with("lib") && !package.starts_with(JIT)) || package == COMPRESSION
}

#[cfg(test)]
mod tests {
    use super::*;

    const PRINTED: &str = "\
postgresql-15
 |Depends: locales
  Depends: locales-all
  Depends: postgresql-client-15
  Depends: postgresql-common
 |Depends: debconf
  Depends: <debconf-2.0>
    cdebconf
    debconf
  Depends: libicu72
  Depends: libldap-2.5-0
  Depends: libllvm14
  Depends: libsystemd0
    libelogind0
  Depends: libxml2
 |Depends: libold1
  Depends: libnew1
libldap-2.5-0
  Depends: libsasl2-2
  Depends: libc6
libsasl2-2
  Depends: libldap-2.5-0
  Depends: libdb5.3
libllvm14
  Depends: libz3-4
";

    #[test]
    fn missing_libraries_are_found_also_behind_each_other_and_nothing_else() {
        let installed = ["libc6", "libsystemd0", "libxml2", "libnew1"];
        let installed = installed.map(str::to_owned).into();
        let missing = Dependencies::parse(PRINTED)
            .missing_libraries(&["postgresql-15".to_owned()], &installed);
        let missing: Vec<&str> = missing.iter().map(String::as_str).collect();
        assert_eq!(
            missing,
            ["libdb5.3", "libicu72", "libldap-2.5-0", "libsasl2-2"]
        );
    }

    #[test]
    fn of_alternatives_that_are_all_missing_one_is_taken() {
        let missing = Dependencies::parse(PRINTED)
            .missing_libraries(&["postgresql-15".to_owned()], &HashSet::new());
        assert!(missing.contains("libold1") && !missing.contains("libnew1"));
    }
}
