//! Names by which a compiler calls functions that no source mentions (`memcpy` for an assignment, `stpcpy` for a
//! `strcpy`): what is declared of them may show though nobody uses it.

use std::collections::HashSet;

/// The functions that a compiler knows.
#[derive(Debug, Default)]
pub struct Builtins(HashSet<Box<[u8]>>);

const PREFIX: &[u8] = b"__builtin_";
/// More are found in no compiler.
const MOST: usize = 200_000;

/// Beginnings of what compilers call for options, and of what their libraries provide.
const RESERVED: [&[u8]; 20] = [
    b"__builtin_",
    b"__sync_",
    b"__atomic_",
    b"__stack_",
    b"__cyg_profile",
    b"__fentry",
    b"mcount",
    b"_mcount",
    b"__asan",
    b"__tsan",
    b"__ubsan",
    b"__msan",
    b"__hwasan",
    b"__sanitizer",
    b"__gcov",
    b"__llvm",
    b"__tls_get_addr",
    b"_Unwind",
    b"__gnu_",
    b"__emutls",
];

/// Whether a function is in the compiler, and declared nowhere.
pub(super) fn is_in_compiler(name: &[u8]) -> bool {
    const PREFIXES: [&[u8]; 3] = [PREFIX, b"__atomic_", b"__sync_"];
    PREFIXES.iter().any(|prefix| name.starts_with(prefix))
}

/// Types that clang has to have seen to take `fprintf`, `setjmp` and their like for what they are.
const LOOKED_FOR: [&[u8]; 4] = [b"FILE", b"jmp_buf", b"sigjmp_buf", b"ucontext_t"];

impl Builtins {
    /// Adds those that a program knows: every `NAME` behind a `__builtin_` in its bytes.
    pub fn add_from(&mut self, program: &[u8]) {
        for at in memchr::memmem::find_iter(program, PREFIX) {
            let name = &program[at + PREFIX.len()..];
            let name = &name[..name.len().min(100)];
            let length = name.iter().take_while(|it| it.is_ascii_alphanumeric() || **it == b'_');
            let name = &name[..length.count()];
            if !name.is_empty() && self.0.len() < MOST {
                self.0.insert(name.into());
            }
        }
    }

    /// Whether none is known: the program was none that could be asked.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether a compiler may call or look for something of this name by itself.
    #[must_use]
    pub fn has(&self, name: &[u8]) -> bool {
        self.0.contains(name)
            || LOOKED_FOR.contains(&name)
            || RESERVED.iter().any(|prefix| name.starts_with(prefix))
    }
}
