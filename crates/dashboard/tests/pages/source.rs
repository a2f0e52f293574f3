//! What the sources of the pages never contain.

use std::{fs, path::Path};

/// The only file with markup that is not escaped.
const ICONS: &str = "view/icon.rs";
/// The only files that write into a page without an escape: what they write are constants, ids, times, numbers, and markup.
const WRITERS: [&str; 5] =
    ["page.rs", "timeline/draw.rs", "view/shape.rs", "view/spark.rs", "view/strip.rs"];

fn sources(folder: &Path, found: &mut Vec<(String, String)>) {
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            sources(&path, found);
        } else {
            let name = path.to_string_lossy().replace('\\', "/");
            found.push((name, fs::read_to_string(&path).expect("a text")));
        }
    }
}

#[test]
fn no_page_has_unescaped_markup_inline_styles_or_inline_scripts() {
    let mut files = Vec::new();
    sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut files);
    assert!(files.len() > 20);
    for (name, text) in files {
        for part in ["style=", "<script", "onclick", "onload", "javascript:", "innerHTML"] {
            let is_test = name.ends_with("links.rs") && part == "javascript:";
            // One place parses markup of the server, in a template.
            let allowed = usize::from(name.ends_with("live.js") && part == "innerHTML");
            assert!(is_test || text.matches(part).count() == allowed, "{name}: {part}");
        }
        let is_icons = name.ends_with(ICONS);
        assert!(is_icons || !text.contains("PreEscaped"), "{name}: PreEscaped");
        let is_writer = WRITERS.iter().any(|writer| name.ends_with(writer));
        assert!(is_writer || !text.contains("Render for"), "{name}: an implementation of Render");
        if name.ends_with(".js") {
            for part in ["eval(", "Function(", "document.write", ".style.", "insertAdjacentHTML"] {
                assert!(!text.contains(part), "{name}: {part}");
            }
        }
        if name.ends_with(".css") {
            assert!(!text.contains("http:") && !text.contains("https:"), "{name}");
        }
    }
}

#[test]
fn the_statuses_of_pages_are_chosen_in_one_file() {
    let mut files = Vec::new();
    sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src/pages"), &mut files);
    assert!(files.len() > 20);
    for (name, text) in files {
        assert!(!text.contains("StatusCode::"), "{name} chooses a status; problem.rs has them");
    }
}
