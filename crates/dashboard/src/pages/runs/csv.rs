//! Records of CSV, as RFC 4180 defines it.

/// The characters with which spreadsheets begin a formula, in the forms that they accept, and those that they skip before one.
const FORMULA_STARTS: [char; 8] = ['=', '+', '-', '@', '＝', '＋', '－', '＠'];

/// Writes records of a fixed number of fields. Each ends with CRLF.
#[derive(Debug, Default)]
pub(super) struct CsvWriter {
    text: String,
    is_first_field: bool,
}

impl CsvWriter {
    /// A writer that has written nothing.
    pub(super) fn new() -> Self {
        Self { text: String::new(), is_first_field: true }
    }

    /// Adds a field that the service made: an id, a time, a number. It needs no quotes.
    pub(super) fn plain(&mut self, value: &str) {
        self.separate();
        self.text.push_str(value);
    }

    /// Adds a field that a client made. It is always quoted. If a spreadsheet would take it for a formula, `'` comes first:
    /// the spreadsheet then shows it as text.
    pub(super) fn text(&mut self, value: &str) {
        self.separate();
        self.text.push('"');
        if is_formula(value) {
            self.text.push('\'');
        }
        for character in value.chars() {
            if character == '"' {
                self.text.push('"');
            }
            self.text.push(character);
        }
        self.text.push('"');
    }

    /// Ends the record.
    pub(super) fn end_record(&mut self) {
        self.text.push_str("\r\n");
        self.is_first_field = true;
    }

    /// What was written since the writer was made or this was called last.
    pub(super) fn take(&mut self) -> String {
        std::mem::take(&mut self.text)
    }

    fn separate(&mut self) {
        if !self.is_first_field {
            self.text.push(',');
        }
        self.is_first_field = false;
    }
}

/// Whether a spreadsheet might take a text for a formula. White space and control characters before it do not help.
fn is_formula(value: &str) -> bool {
    let is_skipped = |character: char| character.is_whitespace() || character.is_control();
    let starts_with_control = value.starts_with(['\t', '\r', '\n']);
    let rest = value.trim_start_matches(is_skipped);
    starts_with_control || rest.starts_with(FORMULA_STARTS)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn written(fields: &[&str]) -> String {
        let mut writer = CsvWriter::new();
        fields.iter().for_each(|field| writer.text(field));
        writer.end_record();
        writer.take()
    }

    #[test]
    fn quotes_are_doubled_and_records_end_with_crlf() {
        assert_eq!(written(&["a\"b", "c,d", ""]), "\"a\"\"b\",\"c,d\",\"\"\r\n");
    }

    #[test]
    fn a_formula_is_shown_as_text() {
        for formula in
            ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", " =1", "\u{a0}=1", "＝1", "\n"]
        {
            assert!(written(&[formula]).starts_with("\"'"), "{formula:?}");
        }
        for text in ["1-1", "a=b", "'=1", ""] {
            assert!(!written(&[text]).starts_with("\"'") || text.starts_with('\''), "{text:?}");
        }
    }

    #[test]
    fn a_writer_begins_a_new_record_after_the_end_of_one() {
        let mut writer = CsvWriter::new();
        writer.plain("1");
        writer.text("a");
        writer.end_record();
        assert_eq!(writer.take(), "1,\"a\"\r\n");
        writer.plain("2");
        writer.end_record();
        assert_eq!(writer.take(), "2\r\n");
    }

    proptest! {
        #[test]
        fn every_text_is_one_field_that_is_no_formula(fields in prop::collection::vec(any::<String>(), 1..4)) {
            let fields: Vec<&str> = fields.iter().map(String::as_str).collect();
            let text = written(&fields);
            let inner = text.strip_suffix("\r\n").unwrap();
            let read = read_record(inner);
            prop_assert_eq!(read.len(), fields.len());
            for (read, field) in read.iter().zip(fields) {
                let defused = format!("'{field}");
                prop_assert!(read == field || *read == defused);
                prop_assert!(!is_formula(read));
            }
        }
    }

    /// The fields of one record whose fields are all quoted.
    fn read_record(text: &str) -> Vec<String> {
        let (mut fields, mut rest) = (Vec::new(), text);
        loop {
            rest = rest.strip_prefix('"').expect("a quoted field");
            let mut field = String::new();
            loop {
                let (before, after) = rest.split_once('"').expect("the end of a field");
                field.push_str(before);
                rest = after;
                match rest.strip_prefix('"') {
                    Some(after) => {
                        field.push('"');
                        rest = after;
                    }
                    None => break,
                }
            }
            fields.push(field);
            match rest.strip_prefix(',') {
                Some(after) => rest = after,
                None => return fields,
            }
        }
    }
}
