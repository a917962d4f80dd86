//! The names of the spool: a folder a project, a file a segment. The name of a file is its state, so that there is no
//! index that could disagree with the files after a crash.

/// What a segment is waiting for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum State {
    /// Being made; what it will hold is elsewhere still.
    New,
    /// Being written, if its writer lives.
    Open,
    /// Complete; waits for delivery.
    Ready,
    /// The sums of segments that were too many; waits for delivery.
    Fold,
    /// No segment but a mark beside one: the destination may have some of it.
    Seen,
    /// Delivered, and kept because something in it could not be read.
    Kept,
}

impl State {
    const ALL: [Self; 6] = [Self::New, Self::Open, Self::Ready, Self::Fold, Self::Seen, Self::Kept];

    const fn extension(self) -> &'static str {
        match self {
            Self::New => "new",
            Self::Open => "open",
            Self::Ready => "ready",
            Self::Fold => "fold",
            Self::Seen => "seen",
            Self::Kept => "kept",
        }
    }
}

/// What a writer's own file tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum WriterState {
    /// Being made; not locked yet.
    New,
    /// Its lock tells whether the writer lives.
    Writer,
    /// The writer is dead and delivered; what it gave up is remembered.
    Counters,
}

impl WriterState {
    const ALL: [Self; 3] = [Self::New, Self::Writer, Self::Counters];

    const fn extension(self) -> &'static str {
        match self {
            Self::New => "new",
            Self::Writer => "writer",
            Self::Counters => "counters",
        }
    }
}

fn hexadecimal(writer: [u8; 16]) -> String {
    format!("{:032x}", u128::from_be_bytes(writer))
}

/// `<writer>.<state>`.
pub(super) fn writer_file(writer: [u8; 16], state: WriterState) -> String {
    format!("{}.{}", hexadecimal(writer), state.extension())
}

/// Reads the name of a writer's file; `None` for any other.
pub(super) fn parse_writer(name: &str) -> Option<([u8; 16], WriterState)> {
    let (stem, extension) = name.split_once('.')?;
    let state = WriterState::ALL.into_iter().find(|state| state.extension() == extension)?;
    let writer = u128::from_str_radix(stem, 16).ok()?.to_be_bytes();
    (writer_file(writer, state) == name).then_some((writer, state))
}

/// The identity of a segment: `<writer>-<number>.<state>`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct SegmentName {
    pub(crate) writer: [u8; 16],
    pub(crate) number: u64,
}

impl SegmentName {
    pub(super) fn stem(self) -> String {
        format!("{}-{:08}", hexadecimal(self.writer), self.number)
    }

    pub(super) fn file(self, state: State) -> String {
        format!("{}.{}", self.stem(), state.extension())
    }

    /// Reads a file's name; `None` for a file that is not ours.
    pub(super) fn parse(name: &str) -> Option<(Self, State)> {
        let (stem, extension) = name.split_once('.')?;
        let state = State::ALL.into_iter().find(|state| state.extension() == extension)?;
        let (writer, number) = stem.split_once('-')?;
        let writer = u128::from_str_radix(writer, 16).ok()?.to_be_bytes();
        let this = Self { writer, number: number.parse().ok()? };
        // Exactly one spelling, so that no two files are one segment.
        (this.file(state) == name).then_some((this, state))
    }
}

/// A project as the name of a folder: letters, digits, `-` and `_` as they are, other bytes as `%` and two digits.
/// A long name is cut and told apart by its checksum, because a folder's name has at most 255 bytes.
pub(super) fn folder_of(project: &str) -> String {
    const MAX: usize = 200;
    let mut name = String::with_capacity(project.len());
    for byte in project.bytes() {
        if byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_' {
            name.push(char::from(byte));
        } else {
            name.push('%');
            name.extend([byte >> 4, byte & 15].map(|digit| char::from(b"0123456789abcdef"[usize::from(digit)])));
        }
    }
    if name.is_empty() {
        name.push('%');
    }
    if name.len() > MAX {
        name.truncate(MAX);
        return format!("{name}%-{:08x}", crc32fast::hash(project.as_bytes()));
    }
    name
}

/// The project of a folder, as well as its name tells.
pub(super) fn project_of(folder: &str) -> String {
    let mut bytes = Vec::with_capacity(folder.len());
    let mut rest = folder;
    while let Some((before, after)) = rest.split_once('%') {
        bytes.extend_from_slice(before.as_bytes());
        let digits = after.get(..2).and_then(|digits| u8::from_str_radix(digits, 16).ok());
        bytes.extend(digits);
        rest = if digits.is_some() { &after[2..] } else { after };
    }
    bytes.extend_from_slice(rest.as_bytes());
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_project_is_one_harmless_folder_name(project in ".{0,60}") {
            let folder = folder_of(&project);
            prop_assert!(folder.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_%".contains(&byte)), "{}", folder);
            prop_assert!(!folder.is_empty() && folder.len() <= 255);
            if project.len() < 60 {
                prop_assert_eq!(project_of(&folder), project);
            }
        }

        #[test]
        fn any_folder_name_is_read_without_a_panic(folder: String) {
            project_of(&folder);
        }
    }

    #[test]
    fn the_name_of_a_segment_round_trips_and_foreign_names_are_none() {
        let name = SegmentName { writer: [0xab; 16], number: 7 };
        for state in State::ALL {
            assert_eq!(SegmentName::parse(&name.file(state)), Some((name, state)));
        }
        let stem = name.stem();
        for foreign in ["x.ready", "1-1.ready", &stem, &format!("{stem}.bak"), &format!("{stem}.ready.gz"), "notes.txt"]
        {
            assert_eq!(SegmentName::parse(foreign), None, "{foreign}");
        }
        for state in WriterState::ALL {
            assert_eq!(parse_writer(&writer_file(name.writer, state)), Some((name.writer, state)));
            assert_eq!(SegmentName::parse(&writer_file(name.writer, state)), None);
        }
        for foreign in ["x.writer", "1.counters", &stem, &name.file(State::New), "lane"] {
            assert_eq!(parse_writer(foreign), None, "{foreign}");
        }
    }
}
