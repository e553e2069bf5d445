//! What gcc and clang look at, beside the terminal's width, to choose colours and links. Shared with the wrapper that
//! `farmbuild` itself is.

/// The names of the variables.
pub(crate) const LOOKS: [&str; 8] = [
    "TERM",
    "COLORTERM",
    "VTE_VERSION",
    "GCC_COLORS",
    "GCC_URLS",
    "TERM_URLS",
    "NO_COLOR",
    "CLICOLOR_FORCE",
];
/// Stands between their values.
pub(crate) const SEPARATOR: &str = "\u{1f}";
