//! Tokens as people write them.

use quote::ToTokens;
use syn::Fields;

/// The words of tokens, without attributes and documentation.
pub(crate) fn words_of(tokens: proc_macro2::TokenStream) -> Vec<String> {
    let mut words = Vec::new();
    let mut tokens = tokens.into_iter().peekable();
    while let Some(token) = tokens.next() {
        match token {
            proc_macro2::TokenTree::Punct(punct) if punct.as_char() == '#' => _ = tokens.next(),
            proc_macro2::TokenTree::Ident(ident) => words.push(ident.to_string()),
            proc_macro2::TokenTree::Group(group) => words.extend(words_of(group.stream())),
            _ => {}
        }
    }
    words
}

/// Fields of a variant, without their documentation.
pub(crate) fn tidy_plain(fields: &Fields) -> String {
    let field = |field: &syn::Field| {
        let name = field.ident.as_ref().map(|name| format!("{name}: ")).unwrap_or_default();
        name + &tidy(&field.ty)
    };
    format!("({})", fields.iter().map(field).collect::<Vec<_>>().join(", "))
}

/// In one line.
pub(crate) fn tidy(tokens: &impl ToTokens) -> String {
    let mut text = tokens.to_token_stream().to_string();
    for (from, to) in [
        (" :: ", "::"),
        (":: ", "::"),
        (" ::", "::"),
        (" (", "("),
        ("( ", "("),
        (" )", ")"),
        (" ,", ","),
        (",)", ")"),
        (" : ", ": "),
        (" ;", ";"),
        ("& ", "&"),
        ("' ", "'"),
        (" < ", "<"),
        ("< ", "<"),
        (" <", "<"),
        (" >", ">"),
        ("[ ", "["),
        (" ]", "]"),
        (" - >", " ->"),
        ("->", " -> "),
        ("  ", " "),
        ("? ", "?"),
        ("=(", "= ("),
        ("mut self", "self"),
    ] {
        text = text.replace(from, to);
    }
    text.trim().to_owned()
}
