//! The attribute `track_cost` of the crate `llmlab`, which re-exports it with the feature `macros`.

use proc_macro::TokenStream;
use proc_macro2::{TokenStream as Tokens, TokenTree};
use quote::quote;
use syn::parse::{Parse, ParseStream};
use syn::punctuated::Punctuated;
use syn::{Error, Expr, Ident, ItemFn, ReturnType, Token, parse_macro_input, parse_quote};

const LABELS: [&str; 4] = ["feature", "user", "session", "tags"];

/// Makes a function, or an async function, a scope: `#[track_cost(feature = "search", user = user_id)]`. See
/// `llmlab::track_cost`.
#[proc_macro_attribute]
pub fn track_cost(arguments: TokenStream, function: TokenStream) -> TokenStream {
    let arguments = parse_macro_input!(arguments as Arguments);
    let function = parse_macro_input!(function as ItemFn);
    expand(&arguments, function).unwrap_or_else(Error::into_compile_error).into()
}

#[derive(Default)]
struct Arguments {
    lab: Option<Expr>,
    labels: Vec<(Ident, Expr)>,
}

impl Parse for Arguments {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let mut this = Self::default();
        for Argument { name, value } in Punctuated::<Argument, Token![,]>::parse_terminated(input)? {
            if this.labels.iter().any(|(known, _)| *known == name) || name == "lab" && this.lab.is_some() {
                return Err(Error::new(name.span(), format!("{name} is given twice")));
            } else if name == "lab" {
                this.lab = Some(value);
            } else if LABELS.iter().any(|label| name == label) {
                this.labels.push((name, value));
            } else {
                let known = LABELS.join(", ");
                return Err(Error::new(name.span(), format!("unknown argument {name}; known are {known}, lab")));
            }
        }
        Ok(this)
    }
}

struct Argument {
    name: Ident,
    value: Expr,
}

impl Parse for Argument {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let name = input.parse()?;
        input.parse::<Token![=]>()?;
        Ok(Self { name, value: input.parse()? })
    }
}

fn expand(arguments: &Arguments, mut function: ItemFn) -> syn::Result<Tokens> {
    let ItemFn { sig, block, .. } = &function;
    if let Some(constant) = &sig.constness {
        return Err(Error::new(constant.span, "a const fn runs at compile time, where nothing costs anything"));
    }
    let of_lab = arguments.lab.as_ref().map(|lab| quote!(::core::option::Option::Some((#lab).track())));
    let track = of_lab.unwrap_or_else(|| quote!(::llmlab::__macros::track()));
    let labels = arguments.labels.iter().map(|(name, value)| quote!(.#name(#value)));
    // Not in a closure: the expressions are the function's, and may borrow or move what it was given.
    let track = quote! {
        match #track {
            ::core::option::Option::Some(track) => ::core::option::Option::Some(track #(#labels)*),
            ::core::option::Option::None => ::core::option::Option::None,
        }
    };
    let body = if sig.asyncness.is_some() {
        let output = match &sig.output {
            ReturnType::Default => quote!(()),
            ReturnType::Type(_, output) if has_impl(quote!(#output)) => quote!(_),
            ReturnType::Type(_, output) => quote!(#output),
        };
        quote! {
            let __llmlab_track: ::core::option::Option<::llmlab::track::Track> = #track;
            ::llmlab::__macros::scoped::<#output, _>(__llmlab_track.as_ref(), async move #block).await
        }
    } else {
        let statements = &block.stmts;
        quote! {
            let __llmlab_track: ::core::option::Option<::llmlab::track::Track> = #track;
            let __llmlab_entered = __llmlab_track.as_ref().map(::llmlab::track::Track::enter);
            #(#statements)*
        }
    };
    *function.block = parse_quote!({ #body });
    Ok(quote!(#function))
}

/// A type that can stand after an arrow and nowhere else.
fn has_impl(tokens: Tokens) -> bool {
    tokens.into_iter().any(|token| match token {
        TokenTree::Ident(ident) => ident == "impl",
        TokenTree::Group(group) => has_impl(group.stream()),
        _ => false,
    })
}
