//! Finds the library packages that PostgreSQL needs and that are not installed.
//!
//! apt's resolver is not used: it would add the packages for running PostgreSQL as a service of the system, and it fails if
//! the system has an unfinished installation. Only the libraries that the programs are linked with are needed here.

use std::collections::{BTreeSet, HashMap, HashSet};

/// The library of the JIT compiler: larger than all other packages together, and PostgreSQL works without it.
const JIT: &str = "libllvm";
/// The only library package whose name does not begin with `lib`.
const COMPRESSION: &str = "zlib1g";

/// The dependencies of each package; of each inner list one package is needed.
pub(super) struct Dependencies(HashMap<String, Vec<Vec<String>>>);

impl Dependencies {
    /// Parses the output of `apt-cache depends --recurse`.
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
            // Lines with more indentation are the packages that provide a virtual package.
            let Some((kind, name)) = line.trim().split_once(": ") else {
                continue;
            };
            alternatives.push(name.trim().to_owned());
            // All alternatives but the last begin with `|`.
            if !kind.starts_with('|') {
                let one_of = std::mem::take(&mut alternatives);
                packages.entry(current.clone()).or_default().push(one_of);
            }
        }
        Self(packages)
    }

    /// The libraries that these packages need, directly or indirectly, and that are not installed.
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

/// Virtual packages are in angle brackets, so they do not match.
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
    fn only_missing_libraries_are_found_also_indirect_ones() {
        let installed = ["libc6", "libsystemd0", "libxml2", "libnew1"];
        let installed = installed.map(str::to_owned).into();
        let missing = Dependencies::parse(PRINTED)
            .missing_libraries(&["postgresql-15".to_owned()], &installed);
        let missing: Vec<&str> = missing.iter().map(String::as_str).collect();
        assert_eq!(missing, ["libdb5.3", "libicu72", "libldap-2.5-0", "libsasl2-2"]);
    }

    #[test]
    fn the_first_of_several_missing_alternatives_is_used() {
        let missing = Dependencies::parse(PRINTED)
            .missing_libraries(&["postgresql-15".to_owned()], &HashSet::new());
        assert!(missing.contains("libold1") && !missing.contains("libnew1"));
    }
}
