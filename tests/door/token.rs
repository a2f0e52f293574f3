//! Tokens of the local key.

use std::path::Path;

use crate::program::FLOWRUNS;

pub(crate) fn mint_token(data_folder: &Path) -> String {
    FLOWRUNS.mint_token(data_folder)
}
