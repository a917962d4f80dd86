//! The public API of the crate, read from its source: what a user can name, and what it looks like.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use quote::ToTokens;
use syn::{Attribute, Fields, ImplItem, Item, ItemImpl, TraitItem, Type, UseTree, Visibility};

use super::words::{tidy, tidy_plain, words_of};

/// Where something is defined: the module, and the name.
type Place = (String, String);

/// What can be reached: the places, each under its shortest name.
pub(crate) struct Api {
    modules: BTreeMap<String, Vec<Item>>,
    /// Names by which each place is reached, with the features that it needs.
    names: BTreeMap<Place, BTreeSet<String>>,
}

impl Api {
    /// Reads the source below this folder.
    pub(crate) fn read(source: &Path) -> Self {
        let mut modules = BTreeMap::new();
        let root = syn::parse_file(&fs::read_to_string(source.join("lib.rs")).unwrap()).unwrap();
        load(source, "", root.items, &mut modules);
        let mut this = Self { modules, names: BTreeMap::new() };
        this.visit("", "llmlab");
        this
    }

    /// What can be asked of the type, trait or function of this name: names of its methods, fields and variants, and of
    /// the parameters of all its functions. `None` where there is none.
    pub(crate) fn members(&self, name: &str) -> Option<BTreeSet<String>> {
        let (place, _) = self.names.iter().find(|(_, names)| names.contains(name))?;
        let mut members = BTreeSet::new();
        let mut signature = |signature: &syn::Signature, name: &str| {
            members.insert(name.to_owned());
            let words = |pattern: &syn::FnArg| match pattern {
                syn::FnArg::Typed(typed) => Some(typed.pat.to_token_stream().to_string()),
                syn::FnArg::Receiver(_) => None,
            };
            let parameters = signature.inputs.iter().filter_map(words);
            members.extend(parameters.map(|words| words.trim_start_matches("mut ").to_owned()));
        };
        for item in self.impls_of(place).into_iter().flat_map(|item| &item.items) {
            if let ImplItem::Fn(function) = item
                && is_public(&function.vis)
            {
                signature(&function.sig, &function.sig.ident.to_string());
            }
        }
        match self.definition(place)? {
            Item::Fn(function) => signature(&function.sig, ""),
            Item::Struct(item) => {
                members.extend(item.fields.iter().filter_map(|field| Some(field.ident.as_ref()?.to_string())));
            }
            Item::Enum(item) => members.extend(item.variants.iter().map(|variant| variant.ident.to_string())),
            _ => {}
        }
        Some(members)
    }

    /// The parameters of a method.
    pub(crate) fn parameters(&self, name: &str, method: &str) -> Option<BTreeSet<String>> {
        let (place, _) = self.names.iter().find(|(_, names)| names.contains(name))?;
        let functions = self.impls_of(place).into_iter().flat_map(|item| &item.items).filter_map(|item| match item {
            ImplItem::Fn(function) if is_public(&function.vis) => Some(&function.sig),
            _ => None,
        });
        let found = functions.into_iter().find(|signature| signature.ident == method)?;
        let words = found.inputs.iter().map(|pattern| pattern.to_token_stream().to_string());
        Some(words.filter_map(|words| Some(words.split_once(':')?.0.trim().replace("mut ", ""))).collect())
    }

    /// A line for everything that a user can name, without the bodies and the documentation.
    pub(crate) fn listing(&self) -> String {
        let mut lines = BTreeSet::new();
        for (place, names) in &self.names {
            let shortest = names.iter().min_by_key(|name| (name.matches("::").count(), name.len())).unwrap();
            for other in names.iter().filter(|name| *name != shortest) {
                lines.insert(format!("{other} = {shortest}"));
            }
            self.describe(place, shortest, &mut lines);
        }
        lines.into_iter().map(|line| line + "\n").collect()
    }

    fn describe(&self, place: &Place, name: &str, lines: &mut BTreeSet<String>) {
        let open = |attributes: &[Attribute]| if has(attributes, "non_exhaustive") { ", non_exhaustive" } else { "" };
        match self.definition(place) {
            Some(Item::Struct(item)) => {
                lines.insert(format!("{name}{}: struct{}", tidy(&item.generics), open(&item.attrs)));
                for (index, field) in item.fields.iter().enumerate().filter(|(_, field)| is_public(&field.vis)) {
                    let field_name = field.ident.as_ref().map_or_else(|| index.to_string(), ToString::to_string);
                    lines.insert(format!("{name}.{field_name}: {}", tidy(&field.ty)));
                }
                derives(&item.attrs, name, lines);
            }
            Some(Item::Enum(item)) => {
                lines.insert(format!("{name}{}: enum{}", tidy(&item.generics), open(&item.attrs)));
                for variant in &item.variants {
                    let fields = if matches!(variant.fields, Fields::Unit) {
                        String::new()
                    } else {
                        tidy_plain(&variant.fields)
                    };
                    lines.insert(format!("{name}::{}{fields}", variant.ident));
                }
                derives(&item.attrs, name, lines);
            }
            Some(Item::Trait(item)) => {
                lines.insert(format!("{name}{}: trait {}", tidy(&item.generics), tidy(&item.supertraits)));
                for member in &item.items {
                    if let TraitItem::Fn(function) = member {
                        let default = if function.default.is_some() { " { … }" } else { "" };
                        lines.insert(format!("{name}: {}{default}", tidy(&function.sig)));
                    }
                }
            }
            Some(Item::Fn(item)) => {
                lines.insert(format!("{name}: {}", tidy(&item.sig)));
            }
            Some(Item::Const(item)) => {
                lines.insert(format!("{name}: const {}", tidy(&item.ty)));
            }
            Some(Item::Type(item)) => {
                lines.insert(format!("{name}{}: type {}", tidy(&item.generics), tidy(&item.ty)));
            }
            Some(Item::Macro(item)) => {
                let macro_name = tidy(&item.mac.path);
                lines.insert(format!("{name}: by {macro_name}!, {}", words_of(item.mac.tokens.clone()).join(" ")));
            }
            Some(_) | None => {
                lines.insert(format!("{name}: from {}", place.0));
            }
        }
        for item in self.impls_of(place) {
            if let Some((of, _)) = &item.trait_ {
                lines.insert(format!("{name}: impl{} {}", tidy(&item.generics), tidy(of)));
                continue;
            }
            for member in &item.items {
                match member {
                    ImplItem::Fn(function) if is_public(&function.vis) && !is_hidden(&function.attrs) => {
                        lines.insert(format!("{name}: {}", tidy(&function.sig)));
                    }
                    ImplItem::Const(constant) if is_public(&constant.vis) => {
                        lines.insert(format!("{name}::{}: const {}", constant.ident, tidy(&constant.ty)));
                    }
                    _ => {}
                }
            }
        }
    }

    fn visit(&mut self, module: &str, public: &str) {
        let mut found = Vec::new();
        let mut deeper = Vec::new();
        for item in &self.modules[module] {
            if is_hidden(attributes(item)) {
                continue;
            }
            match item {
                Item::Mod(inner) if is_public(&inner.vis) => {
                    deeper.push((join(module, &inner.ident.to_string()), inner.ident.to_string()));
                }
                Item::Use(item) if is_public(&item.vis) => {
                    for (path, name) in flattened(&item.tree) {
                        match self.resolve(module, &path) {
                            Some(place) => found.push((place, name)),
                            None => found.push((("another crate".to_owned(), path.join("::")), name)),
                        }
                    }
                }
                _ => {
                    if let Some(name) = public_name(item) {
                        found.push(((module.to_owned(), name.clone()), name));
                    }
                }
            }
        }
        for (place, name) in found {
            self.names.entry(place).or_default().insert(format!("{public}::{name}"));
        }
        for (inner, name) in deeper {
            self.visit(&inner, &format!("{public}::{name}"));
        }
    }

    /// Where a path that is written in a module leads.
    fn resolve(&self, module: &str, path: &[String]) -> Option<Place> {
        let (name, way) = path.split_last()?;
        let mut at = module.to_owned();
        for (index, step) in way.iter().enumerate() {
            at = match step.as_str() {
                "crate" => String::new(),
                "self" => at,
                "super" => at.rsplit_once("::").map_or_else(String::new, |(parent, _)| parent.to_owned()),
                step => match join(&at, step) {
                    inner if self.modules.contains_key(&inner) => inner,
                    // The name of an imported module.
                    _ if index == 0 => {
                        let imported = self.imported(&at, step)?;
                        join(&imported.0, &imported.1)
                    }
                    _ => return None,
                },
            };
        }
        if self.definition(&(at.clone(), name.clone())).is_some() {
            return Some((at, name.clone()));
        }
        self.imported(&at, name)
    }

    fn imported(&self, module: &str, name: &str) -> Option<Place> {
        let uses = self.modules.get(module)?.iter().filter_map(|item| match item {
            Item::Use(item) => Some(flattened(&item.tree)),
            _ => None,
        });
        let (path, _) = uses.flatten().find(|(path, known)| known == name && path.len() > 1)?;
        let (last, way) = path.split_last()?;
        let is_module = |place: &Place| self.modules.contains_key(&join(&place.0, &place.1));
        self.resolve(module, &path).or_else(|| {
            let place = (way.join("::").trim_start_matches("crate").trim_start_matches("::").to_owned(), last.clone());
            is_module(&place).then_some(place)
        })
    }

    fn definition(&self, (module, name): &Place) -> Option<&Item> {
        let items = self.modules.get(module)?;
        let named = |item: &&Item| match item {
            Item::Macro(item) => name_of_macro(item).is_some_and(|made| made == *name),
            item => defined_name(item).is_some_and(|defined| defined == *name),
        };
        items.iter().find(named)
    }

    fn impls_of(&self, place: &Place) -> Vec<&ItemImpl> {
        let mut all = Vec::new();
        for (module, items) in &self.modules {
            for item in items {
                let Item::Impl(item) = item else { continue };
                let Type::Path(path) = &*item.self_ty else { continue };
                let path: Vec<_> = path.path.segments.iter().map(|segment| segment.ident.to_string()).collect();
                if self.resolve(module, &path).as_ref() == Some(place) {
                    all.push(item);
                }
            }
        }
        all
    }
}

fn load(folder: &Path, module: &str, items: Vec<Item>, modules: &mut BTreeMap<String, Vec<Item>>) {
    for item in &items {
        let Item::Mod(inner) = item else { continue };
        if has(&inner.attrs, "cfg") && tidy(&inner.attrs[0].meta).contains("test") {
            continue;
        }
        let name = inner.ident.to_string();
        let inner_items = if let Some((_, items)) = &inner.content {
            items.clone()
        } else {
            let file = folder.join(format!("{name}.rs"));
            syn::parse_file(&fs::read_to_string(file).unwrap()).unwrap().items
        };
        load(&folder.join(&name), &join(module, &name), inner_items, modules);
    }
    modules.insert(module.to_owned(), items);
}

fn join(module: &str, name: &str) -> String {
    if module.is_empty() { name.to_owned() } else { format!("{module}::{name}") }
}

fn flattened(tree: &UseTree) -> Vec<(Vec<String>, String)> {
    match tree {
        UseTree::Path(path) => {
            let mut inner = flattened(&path.tree);
            for (way, _) in &mut inner {
                way.insert(0, path.ident.to_string());
            }
            inner
        }
        UseTree::Name(name) => vec![(vec![name.ident.to_string()], name.ident.to_string())],
        UseTree::Rename(name) => vec![(vec![name.ident.to_string()], name.rename.to_string())],
        UseTree::Group(group) => group.items.iter().flat_map(flattened).collect(),
        UseTree::Glob(_) => Vec::new(),
    }
}

const fn is_public(visibility: &Visibility) -> bool {
    matches!(visibility, Visibility::Public(_))
}

fn has(attributes: &[Attribute], name: &str) -> bool {
    attributes.iter().any(|attribute| attribute.path().is_ident(name))
}

fn is_hidden(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| tidy(&attribute.meta) == "doc(hidden)")
}

fn attributes(item: &Item) -> &[Attribute] {
    match item {
        Item::Mod(item) => &item.attrs,
        Item::Use(item) => &item.attrs,
        Item::Struct(item) => &item.attrs,
        Item::Enum(item) => &item.attrs,
        Item::Fn(item) => &item.attrs,
        Item::Trait(item) => &item.attrs,
        _ => &[],
    }
}

fn defined_name(item: &Item) -> Option<String> {
    Some(match item {
        Item::Struct(item) => item.ident.to_string(),
        Item::Enum(item) => item.ident.to_string(),
        Item::Trait(item) => item.ident.to_string(),
        Item::Fn(item) => item.sig.ident.to_string(),
        Item::Const(item) => item.ident.to_string(),
        Item::Type(item) => item.ident.to_string(),
        _ => return None,
    })
}

fn public_name(item: &Item) -> Option<String> {
    let visibility = match item {
        Item::Struct(item) => &item.vis,
        Item::Enum(item) => &item.vis,
        Item::Trait(item) => &item.vis,
        Item::Fn(item) => &item.vis,
        Item::Const(item) => &item.vis,
        Item::Type(item) => &item.vis,
        Item::Macro(item) => return name_of_macro(item),
        _ => return None,
    };
    if is_public(visibility) { defined_name(item) } else { None }
}

/// What a macro of ours makes is named by its first word; the definitions of macros are nobody's business.
fn name_of_macro(item: &syn::ItemMacro) -> Option<String> {
    let is_ours = item.mac.path.is_ident("words") || item.mac.path.is_ident("dimensions");
    let words = || words_of(item.mac.tokens.clone());
    if is_ours {
        return if item.mac.path.is_ident("dimensions") {
            Some("Dimension".to_owned())
        } else {
            words().first().cloned()
        };
    }
    // `pin_project! { pub struct Name<F> { … } }`
    let words = words();
    let at = words.iter().position(|word| word == "struct")?;
    if at > 0 && words[at - 1] == "pub" { words.get(at + 1).cloned() } else { None }
}

fn derives(attributes: &[Attribute], name: &str, lines: &mut BTreeSet<String>) {
    for attribute in attributes.iter().filter(|attribute| attribute.path().is_ident("derive")) {
        let traits = tidy(&attribute.meta);
        let traits = traits.trim_start_matches("derive(").trim_end_matches(')');
        lines.extend(traits.split(", ").filter(|made| !made.is_empty()).map(|made| format!("{name}: impl {made}")));
    }
}
