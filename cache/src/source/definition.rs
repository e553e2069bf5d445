//! Which definitions can't be noticed by a compiler while nobody mentions their macro.
//!
//! Knows one `#define` without its comments, and not what stands around it. A definition that is malformed, or that
//! some compiler warns of for itself, isn't one of these.

use super::literal::length as literal_length;
use super::words::is_word;

/// Names that are no plain identifiers to some language.
fn is_special(name: &[u8]) -> bool {
    matches!(name, b"defined" | b"import" | b"module" | b"export") || is_operator(name)
}

/// C++'s names for operators: gcc warns of them under `-Wc++-compat`.
fn is_operator(name: &[u8]) -> bool {
    matches!(
        name,
        b"and"
            | b"and_eq"
            | b"bitand"
            | b"bitor"
            | b"compl"
            | b"not"
            | b"not_eq"
            | b"or"
            | b"or_eq"
            | b"xor"
            | b"xor_eq"
    )
}

/// Names without `_` that are predefined on some system, or that such macros expand to.
#[rustfmt::skip]
fn is_predefined(name: &[u8]) -> bool {
    matches!(
        name,
        b"linux" | b"unix" | b"i386" | b"vax" | b"sun" | b"mips" | b"arm" | b"sparc" | b"m68k" | b"m68000" |
        b"mc68000" | b"mc68010" | b"mc68020" | b"mc68030" | b"mc68040" | b"mc68060" | b"ns32000" | b"pdp11" |
        b"hppa" | b"hpux" | b"hp9000s800" | b"sgi" | b"pyr" | b"vms" | b"bfin" | b"cris" | b"avr" | b"AVR" |
        b"BFIN" | b"VMS" | b"VAX" | b"MACH" | b"SVR3" | b"MIPSEB" | b"MIPSEL" | b"R3000" | b"WIN32" |
        b"WIN64" | b"WINNT" | b"WINCE" | b"UNICODE" | b"MSDOS" | b"CYGWIN" | b"EMSCRIPTEN" | b"PPC" |
        b"POWERPC" | b"AMD64" | b"X86" | b"AIX" | b"NeXT" | b"bsdi" | b"nvptx" | b"rs6000" | b"spectrum" |
        b"tahoe" | b"u370" | b"u3b" | b"gould" | b"convex" | b"alliant" | b"sequent" | b"near" | b"far" |
        b"vector" | b"pixel" | b"IBOutlet" | b"IBAction" | b"IBOutletCollection" | b"iboutlet" | b"ibaction" |
        b"objc_gc" | b"weak" | b"strong" | b"nothrow" | b"cdecl" | b"stdcall" | b"fastcall" | b"thiscall" |
        b"pascal" | b"dllimport" | b"dllexport"
    )
}

/// Keywords and attributes, which the compiler's own macros expand to.
#[rustfmt::skip]
fn is_keyword(name: &[u8]) -> bool {
    matches!(
        name,
        b"asm" | b"auto" | b"bool" | b"char" | b"char8_t" | b"char16_t" | b"char32_t" | b"class" | b"const" |
        b"double" | b"enum" | b"extern" | b"false" | b"float" | b"inline" | b"int" | b"long" | b"namespace" |
        b"nullptr" | b"register" | b"restrict" | b"short" | b"signed" | b"static" | b"struct" | b"template" |
        b"true" | b"typename" | b"typeof" | b"union" | b"unsigned" | b"using" | b"void" | b"volatile" |
        b"wchar_t" | b"thread_local" | b"constexpr" | b"alignas" | b"alignof" | b"noreturn" |
        b"noexcept" | b"deprecated" | b"nodiscard" | b"fallthrough" | b"maybe_unused" | b"likely" | b"unlikely" |
        b"carries_dependency" | b"no_unique_address" | b"assume" | b"reproducible" | b"unsequenced" |
       
        b"address_space" | b"throw" | b"attribute"
    )
}

/// The parameters of the macro that the directive `text` defines: no token in its body is one of these names. None if they
/// aren't written plainly.
pub(super) fn parameters(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    let behind_name = |text| {
        let text = text_behind(text, b"#").and_then(|text| text_behind(text, b"define"))?;
        let name = text.iter().take_while(|&&byte| is_word(byte)).count();
        let list = text[name..].strip_prefix(b"(")?;
        list.iter().position(|&byte| byte == b')').map(|end| &list[..end])
    };
    let list: &[u8] = behind_name(text).unwrap_or_default();
    let plain = list.iter().all(|&byte| is_word(byte) || b" \t,.".contains(&byte));
    let all = list.split(|&byte| byte == b',').filter(move |_| plain);
    let bare = |it: &'_ [u8]| -> usize { it.iter().take_while(|&&byte| is_word(byte)).count() };
    all.map(<[u8]>::trim_ascii_start).map(move |it| &it[..bare(it)]).filter(|it| !it.is_empty())
}

fn text_behind<'a>(text: &'a [u8], word: &[u8]) -> Option<&'a [u8]> {
    text.trim_ascii_start().strip_prefix(word).map(<[u8]>::trim_ascii_start)
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
    let name = std::str::from_utf8(name.text).ok()?;
    body.is_well_formed().then(|| name.into())
}

fn is_free(name: &[u8]) -> bool {
    name[0] != b'_' && !is_special(name) && !is_predefined(name) && !is_keyword(name)
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
            _ if !token.is_name() && token.text[0] != b'#' => true,
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
    let mut tokens: Vec<Token<'_>> = Vec::with_capacity(16);
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
        let touches = |last: &Token<'_>| matches!(last.text.last(), Some(b'"' | b'\''));
        let plain = match byte {
            b'"' | b'\'' => token.is_ascii() && !token.contains(&b'\n'),
            // A name that touches a string may be its suffix.
            _ if is_word(byte) => {
                !token.contains(&b'$') && (spaced || !tokens.last().is_some_and(touches))
            }
            _ => true,
        };
        if !plain {
            return None;
        }
        tokens.push(Token { text: token, spaced });
        spaced = false;
        at += length;
    }
    Some(tokens)
}
