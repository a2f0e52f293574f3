//! The statements that a database receives.

use std::{
    fs::File,
    io::{Read as _, Seek as _, SeekFrom},
};

use super::ScratchCluster;

/// Begins each line of the log with the name of the database.
pub(super) const LINE_PREFIX: &str = "%d ";

/// The statements of the sessions of one database, as the server logs them: each execution, also of BEGIN, SET and COMMIT.
#[derive(Debug)]
pub struct StatementLog {
    file: File,
    database: String,
}

impl StatementLog {
    /// The server writes a statement to its log before it carries it out.
    pub(super) async fn begin(cluster: &ScratchCluster, database: &str) -> Self {
        let statement = format!("ALTER DATABASE {database} SET log_statement = 'all'");
        cluster.administer(statement).await;
        let mut file = File::open(cluster.log_file()).expect("the server has a log");
        file.seek(SeekFrom::End(0)).expect("the log has an end");
        Self { file, database: database.to_owned() }
    }

    /// The first lines of the statements since the last call.
    ///
    /// # Panics
    ///
    /// When the log cannot be read.
    pub fn take(&mut self) -> Vec<String> {
        let mut bytes = Vec::new();
        self.file.read_to_end(&mut bytes).expect("the log can be read");
        let text = String::from_utf8_lossy(&bytes);
        let prefix = format!("{} LOG:  ", self.database);
        let lines = text.lines().filter_map(|line| line.strip_prefix(&prefix));
        let statements = lines.filter_map(|line| {
            let (kind, statement) = line.split_once(": ")?;
            (kind == "statement" || kind.starts_with("execute ")).then(|| statement.to_owned())
        });
        statements.collect()
    }
}
