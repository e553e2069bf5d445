//! Attributes that neither force nor alter what comes of a declaration that nobody uses.

/// Without the underscores around them. Any other attribute makes its declaration a root.
const HARMLESS: [&str; 42] = [
    "access",
    "aligned",
    "alloc_align",
    "alloc_size",
    "always_inline",
    "artificial",
    "assume_aligned",
    "cold",
    "const",
    "deprecated",
    "designated_init",
    "error",
    "fallthrough",
    "fd_arg",
    "flatten",
    "format",
    "format_arg",
    "gnu_inline",
    "hot",
    "leaf",
    "malloc",
    "may_alias",
    "mode",
    "no_instrument_function",
    "no_profile_instrument_function",
    "noclone",
    "noinline",
    "nonnull",
    "nonstring",
    "noreturn",
    "nothrow",
    "packed",
    "pure",
    "returns_nonnull",
    "returns_twice",
    "sentinel",
    "transparent_union",
    "unavailable",
    "unused",
    "vector_size",
    "warn_unused_result",
    "warning",
];

/// An attribute's name without the underscores around it.
fn bare(name: &[u8]) -> &[u8] {
    let name = name.strip_prefix(b"__").unwrap_or(name);
    name.strip_suffix(b"__").unwrap_or(name)
}

/// Whether an attribute is known to do nothing by itself.
pub(super) fn is_harmless(name: &[u8]) -> bool {
    let name = bare(name);
    HARMLESS.iter().any(|it| it.as_bytes() == name)
}

/// Whether an attribute does nothing to a function that nobody uses.
pub(super) fn is_harmless_to_function(name: &[u8]) -> bool {
    bare(name) == b"visibility"
}

/// Whether an attribute says in which section something goes.
pub(super) fn is_section(name: &[u8]) -> bool {
    bare(name) == b"section"
}

/// Whether an attribute names another function or object in a literal.
pub(super) fn names_target(name: &[u8]) -> bool {
    matches!(bare(name), b"alias" | b"ifunc" | b"weakref" | b"cleanup" | b"copy")
}
