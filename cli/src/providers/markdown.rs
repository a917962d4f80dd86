//! The table of docs/providers.md.

use std::io::{Result, Write};

use crate::amount::count;
use crate::providers::Covered;

pub(super) fn write(covered: &[Covered], out: &mut impl Write) -> Result<()> {
    writeln!(out, "| provider | name | hosts | operations | wire | priced models |")?;
    writeln!(out, "|---|---|---|---|---|--:|")?;
    for one in covered {
        let hosts: Vec<_> = one.hosts.iter().map(|host| shown(host)).collect();
        writeln!(
            out,
            "| {} | `{}` | {} | {} | {} | {} |",
            linked(one.provider.title, one.provider.docs),
            one.provider.id,
            hosts.join(", "),
            one.operations.join(", "),
            one.wire(),
            count(one.priced_models as u64),
        )?;
    }
    Ok(())
}

/// A title that leads to what the provider says of usage.
fn linked(title: &str, docs: &str) -> String {
    if docs.is_empty() { title.to_owned() } else { format!("[{title}]({docs})") }
}

/// A host as people write it: with a dot in front, every host below that name.
fn shown(host: &str) -> String {
    if host.starts_with('.') { format!("`*{host}`") } else { format!("`{host}`") }
}
