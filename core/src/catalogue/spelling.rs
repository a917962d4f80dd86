//! Names like a name, for the message about an unknown model.

const MOST: usize = 5;

/// At most five known names within a third of the length of `wanted`, nearest first, then by name.
pub(super) fn nearest<'a>(wanted: &str, known: impl Iterator<Item = &'a str>) -> Vec<String> {
    let wanted = wanted.to_ascii_lowercase();
    let furthest = (wanted.chars().count() / 3).clamp(1, 8);
    let mut near: Vec<(usize, &str)> = known
        .filter(|name| name.len().abs_diff(wanted.len()) <= furthest)
        .map(|name| (distance(&wanted, name), name))
        .filter(|(distance, _)| *distance <= furthest)
        .collect();
    near.sort_unstable();
    near.dedup();
    near.into_iter().take(MOST).map(|(_, name)| name.to_owned()).collect()
}

/// How many letters must be put in, taken out or replaced (Levenshtein), in one row of memory.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (above, left) in a.chars().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], above + 1);
        for (column, right) in b.iter().enumerate() {
            let replaced = diagonal + usize::from(left != *right);
            diagonal = row[column + 1];
            row[column + 1] = replaced.min(diagonal + 1).min(row[column] + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_distance_counts_single_letter_changes() {
        for (a, b, count) in [("", "abc", 3), ("kitten", "sitting", 3), ("gpt-4o", "gpt-4o", 0), ("é", "e", 1)] {
            assert_eq!(distance(a, b), count, "{a} {b}");
        }
    }
}
