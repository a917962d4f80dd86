//! The segments that a fold stands for, as bytes: who finds one of them beside the fold removes it unread, so that no crash
//! between the writing of the sums and the removal of what was summed counts anything twice.

use super::field::{Fields, Malformed, put_bytes, put_number};
use super::name::SegmentName;

mod tag {
    pub(super) const WRITER: u8 = 1;
    /// Of the writer named before.
    pub(super) const NUMBER: u8 = 2;
}

pub(super) fn encode(sources: &[SegmentName], out: &mut Vec<u8>) {
    let mut writer = None;
    for source in sources {
        if writer != Some(source.writer) {
            put_bytes(out, tag::WRITER, &source.writer);
            writer = Some(source.writer);
        }
        put_number(out, tag::NUMBER, source.number);
    }
}

pub(super) fn decode(payload: &[u8]) -> Result<Vec<SegmentName>, Malformed> {
    let (mut writer, mut sources) = (None, Vec::new());
    for field in Fields(payload) {
        let (tag, value) = field?;
        match u8::try_from(tag).unwrap_or(0) {
            tag::WRITER => writer = Some(value.array()?),
            tag::NUMBER => sources.push(SegmentName { writer: writer.ok_or(Malformed)?, number: value.number()? }),
            _ => {}
        }
    }
    Ok(sources)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn sources_round_trip(pairs: Vec<(bool, u64)>) {
            let name = |(is_first, number)| SegmentName { writer: if is_first { [1; 16] } else { [2; 16] }, number };
            let sources: Vec<_> = pairs.into_iter().map(name).collect();
            let mut payload = Vec::new();
            encode(&sources, &mut payload);
            prop_assert_eq!(decode(&payload), Ok(sources));
        }

        #[test]
        fn any_bytes_are_sources_or_an_error_and_never_a_panic(bytes: Vec<u8>) {
            let _ = decode(&bytes);
        }
    }
}
