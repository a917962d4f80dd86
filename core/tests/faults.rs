//! docs/faults.md names tests: each is there, in a file that says what would turn it red.

use std::fs;
use std::path::Path;

/// What a row of the table has between backquotes.
fn quoted(row: &str) -> impl Iterator<Item = &str> {
    row.split('`').skip(1).step_by(2)
}

#[test]
fn every_test_that_the_table_of_faults_names_is_there_with_its_sabotage() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let page = fs::read_to_string(root.join("docs/faults.md")).unwrap();
    let rows: Vec<_> = page.lines().filter(|line| line.starts_with("| ") && !line.starts_with("| |")).collect();
    assert_eq!(rows.len(), 18, "{rows:?}");
    for row in rows {
        let [_, id, _, _, tests, _, _] = row.split('|').collect::<Vec<_>>()[..] else { panic!("{row}") };
        let (mut text, mut named) = (String::new(), 0);
        for word in quoted(tests) {
            if word.contains('/') {
                text = fs::read_to_string(root.join(word)).unwrap_or_else(|error| panic!("{word}: {error}"));
                assert!(text.to_lowercase().contains("sabotage"), "{word} does not say what would turn it red");
            } else {
                let is_there = ["fn ", "def "].iter().any(|define| text.contains(&format!("{define}{word}(")));
                assert!(is_there, "{id}: there is no {word}");
                named += 1;
            }
        }
        assert!(named > 0, "{id} names no test");
    }
}
