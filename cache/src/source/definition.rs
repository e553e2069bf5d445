//! Which definitions can't be noticed by a compiler while nobody mentions their macro.
//!
//! Knows one `#define` without its comments, and not what stands around it. A definition that is malformed, or that
//! some compiler warns of for itself, isn't one of these.

use super::literal::length as literal_length;
use super::words::is_word;

/// Names that are no plain identifiers to some language, that some compiler predefines, or that its own macros expand
/// to.
const RESERVED: &[&str] = &[
    // Not for a macro.
    "defined",
    "import",
    "module",
    "export",
    // Operators of C++.
    "and",
    "and_eq",
    "bitand",
    "bitor",
    "compl",
    "not",
    "not_eq",
    "or",
    "or_eq",
    "xor",
    "xor_eq",
    // Predefined on some system.
    "linux",
    "unix",
    "i386",
    "vax",
    "sun",
    "mips",
    "arm",
    "sparc",
    "m68k",
    "m68000",
    "mc68000",
    "mc68010",
    "mc68020",
    "mc68030",
    "mc68040",
    "mc68060",
    "ns32000",
    "pdp11",
    "hppa",
    "hpux",
    "hp9000s800",
    "sgi",
    "pyr",
    "vms",
    "bfin",
    "cris",
    "avr",
    "AVR",
    "BFIN",
    "VMS",
    "VAX",
    "MACH",
    "SVR3",
    "MIPSEB",
    "MIPSEL",
    "R3000",
    "WIN32",
    "WIN64",
    "WINNT",
    "WINCE",
    "UNICODE",
    "MSDOS",
    "CYGWIN",
    "EMSCRIPTEN",
    "PPC",
    "POWERPC",
    "AMD64",
    "X86",
    "AIX",
    "NeXT",
    "bsdi",
    "nvptx",
    "rs6000",
    "spectrum",
    "tahoe",
    "u370",
    "u3b",
    "gould",
    "convex",
    "alliant",
    "sequent",
    "near",
    "far",
    "vector",
    "pixel",
    "IBOutlet",
    "IBAction",
    "IBOutletCollection",
    "iboutlet",
    "ibaction",
    "objc_gc",
    "weak",
    "strong",
    "nothrow",
    "cdecl",
    "stdcall",
    "fastcall",
    "thiscall",
    "pascal",
    "dllimport",
    "dllexport",
    // Keywords, which the compiler's own macros expand to.
    "asm",
    "auto",
    "bool",
    "char",
    "char8_t",
    "char16_t",
    "char32_t",
    "class",
    "const",
    "double",
    "enum",
    "extern",
    "false",
    "float",
    "inline",
    "int",
    "long",
    "namespace",
    "nullptr",
    "register",
    "restrict",
    "short",
    "signed",
    "static",
    "struct",
    "template",
    "true",
    "typename",
    "typeof",
    "union",
    "unsigned",
    "using",
    "void",
    "volatile",
    "wchar_t",
    "thread_local",
    "constexpr",
    "alignas",
    "alignof",
    "noreturn",
    "noexcept",
    "address_space",
    "throw",
    "attribute",
];

/// C++'s names for operators: gcc warns of them under `-Wc++-compat`.
fn is_operator(name: &[u8]) -> bool {
    RESERVED[4..15].iter().any(|operator| operator.as_bytes() == name)
}

/// What a definition is made of, and whether white space was before it.
struct Token<'a> {
    text: &'a [u8],
    spaced: bool,
}

impl Token<'_> {
    fn is_name(&self) -> bool {
        is_word(self.text[0]) && !self.text[0].is_ascii_digit()
    }
}

/// The hash that tells definitions apart; they have to be the same in layout too.
pub(super) fn hash(text: &[u8]) -> [u64; 2] {
    let hash = blake3::hash(text);
    let (words, _) = hash.as_bytes().as_chunks::<8>();
    [u64::from_le_bytes(words[0]), u64::from_le_bytes(words[1])]
}

/// The macro that the directive `text` defines; `None` if the definition itself may be noticed.
pub(super) fn name(text: &[u8]) -> Option<Box<str>> {
    let tokens = tokens(text)?;
    let [hash, define, name, rest @ ..] = tokens.as_slice() else { return None };
    if hash.text != b"#" || define.text != b"define" || !name.is_name() || !is_free(name.text) {
        return None;
    }
    let body = match rest.first() {
        Some(open) if open.text == b"(" && !open.spaced => behind_parameters(&rest[1..])?,
        Some(first) if !first.spaced => return None,
        _ => Signature { parameters: None, variadic: false, body: rest },
    };
    body.is_well_formed().then(|| String::from_utf8_lossy(name.text).into())
}

fn is_free(name: &[u8]) -> bool {
    name[0] != b'_' && !RESERVED.iter().any(|reserved| reserved.as_bytes() == name)
}

struct Signature<'a> {
    /// `None` for a macro without `()`.
    parameters: Option<Vec<&'a [u8]>>,
    variadic: bool,
    body: &'a [Token<'a>],
}

/// Reads the parameters behind `(`.
fn behind_parameters<'a>(tokens: &'a [Token<'a>]) -> Option<Signature<'a>> {
    let close = tokens.iter().position(|token| token.text == b")")?;
    let (list, body) = (&tokens[..close], &tokens[close + 1..]);
    let mut parameters: Vec<&[u8]> = Vec::new();
    let mut variadic = false;
    if !list.is_empty() {
        for parameter in list.split(|token| token.text == b",") {
            match parameter {
                _ if variadic => return None,
                [dots] if dots.text == b"..." => variadic = true,
                [name] if name.is_name() && is_parameter(name.text) => {
                    if parameters.contains(&name.text) {
                        return None;
                    }
                    parameters.push(name.text);
                }
                _ => return None,
            }
        }
    }
    Some(Signature { parameters: Some(parameters), variadic, body })
}

fn is_parameter(name: &[u8]) -> bool {
    !name.starts_with(b"__VA_") && name != b"defined" && !is_operator(name)
}

impl Signature<'_> {
    fn is_well_formed(&self) -> bool {
        let pastes = |token: Option<&Token<'_>>| token.is_some_and(|token| token.text == b"##");
        if pastes(self.body.first()) || pastes(self.body.last()) {
            return false;
        }
        let is_parameter = |token: &Token<'_>| {
            let named = self.parameters.as_ref().is_some_and(|all| all.contains(&token.text));
            named || self.variadic && token.text == b"__VA_ARGS__"
        };
        self.body.iter().enumerate().all(|(at, token)| match token.text {
            b"#" => self.body.get(at + 1).is_some_and(is_parameter),
            b"##" => !pastes(self.body.get(at + 1)),
            b"__VA_ARGS__" => self.variadic,
            b"defined" | b"__VA_OPT__" => false,
            name => !name.starts_with(b"__has_") && !is_operator(name),
        })
    }
}

/// All tokens of a directive; `None` if it has others than those of every standard.
fn tokens(text: &[u8]) -> Option<Vec<Token<'_>>> {
    let mut tokens: Vec<Token<'_>> = Vec::new();
    let mut at = 0;
    let mut spaced = true;
    while let Some(&byte) = text.get(at) {
        let rest = &text[at..];
        let length = match byte {
            b' ' | b'\t' | b'\n' => {
                spaced = true;
                at += 1;
                continue;
            }
            b'\\' if rest.get(1) == Some(&b'\n') => {
                spaced = true;
                at += 2;
                continue;
            }
            b'"' | b'\'' => literal_length(text, at).ok()?,
            b'#' if rest.starts_with(b"##") => 2,
            b'.' if rest.starts_with(b"...") => 3,
            // A comment that was kept.
            b'/' if matches!(rest.get(1), Some(b'/' | b'*')) => return None,
            b'$' | b'@' | b'`' | b'\\' | 0..=0x1f | 0x7f.. => return None,
            _ if is_word(byte) => rest.iter().take_while(|&&byte| is_word(byte)).count(),
            _ => 1,
        };
        let token = &rest[..length];
        let plain = !token.contains(&b'\n') && !token.contains(&b'$') && token.is_ascii();
        // A name that touches a string may be its suffix.
        let suffix = !spaced
            && is_word(byte)
            && tokens.last().is_some_and(|last| matches!(last.text.last(), Some(b'"' | b'\'')));
        if !plain || suffix {
            return None;
        }
        tokens.push(Token { text: token, spaced });
        spaced = false;
        at += length;
    }
    Some(tokens)
}
