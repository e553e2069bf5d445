//! Whose fault a reply is: the source's, then it is the compiler's status; or the host's, then it is a sentence
//! with the cure.
//!
//! distccd reports its own failures as a compile that exited with one of distcc's own codes (distcc(1), "EXIT
//! CODES"). No compiler here ends so; and when it is distccd's, the output is empty or distccd's own.

use farmbuild_core::executor::telltale::{cut, host_fault_in, killed_from_outside};
use farmbuild_core::job::CompilerStatus;

use crate::packet::PacketError;

/// What a reply means.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// A compile ended like this.
    Compiled(CompilerStatus),
    /// There was no compile to speak of; why, and what helps.
    HostFault(String),
}

impl Verdict {
    /// The compiler exited with status 0.
    pub(crate) const SUCCESS: Self = Self::Compiled(CompilerStatus::Exited(0));
}

/// Judges a wait(2) status and what was printed.
pub(crate) fn judge(wait: u32, stdout: &[u8], stderr: &[u8]) -> Result<Verdict, PacketError> {
    let (code, signal) = (wait >> 8 & 0xff, wait & 0x7f);
    let dumped = wait & 0x80 != 0;
    if wait > 0xffff || signal == 0x7f || (signal != 0 && code != 0) || (signal == 0 && dumped) {
        return Err(PacketError::BadStatus(wait));
    }
    // Both fit: they have 8 and 7 bits.
    let (code, signal) = (code as i32, signal as i32);
    if signal != 0 {
        return Ok(match killed_from_outside(signal) {
            true => Verdict::HostFault(format!(
                "its compiler was killed by signal {signal}; is its memory full, or distccd's --job-lifetime too short?"
            )),
            false => Verdict::Compiled(CompilerStatus::Signaled(signal)),
        });
    }
    let silent = stdout.is_empty() && (stderr.is_empty() || stderr.starts_with(b"distccd["));
    if silent && (100..=120).contains(&code) {
        return Ok(Verdict::HostFault(explain(code, stderr)));
    }
    if code != 0
        && let Some(fault) = host_fault_in(stderr)
    {
        return Ok(Verdict::HostFault(fault));
    }
    Ok(Verdict::Compiled(CompilerStatus::Exited(code)))
}

/// distcc's exit codes, with a cure each where there is one.
fn explain(code: i32, stderr: &[u8]) -> String {
    let meaning = match code {
        101 => "distccd found the arguments bad",
        104 => "the compiler crashed there",
        105 => "it is out of memory; give it fewer slots",
        107 => "an I/O error there; is the disk with its temporary directory full?",
        108 => "distccd got a truncated job",
        109 => "distccd found the protocol broken; is something between us that changes it?",
        110 => {
            "the compiler is not there; install it where distccd's PATH or DISTCCD_PATH finds it, or give its \
             absolute path"
        }
        111 => {
            "distccd would call itself; take the masquerade directory out of the PATH that it was started with"
        }
        112 => "distccd could not give up root's privileges; check its --user",
        113 => "distccd doesn't allow this machine; add its address with --allow",
        114 => "something is in use by another process there",
        115 => "a file is missing there; is its temporary directory (TMPDIR) gone?",
        118 => "distccd timed out",
        _ => "distccd failed for a reason of its own; see its log",
    };
    // distccd's own line says the most. It is a stranger's text: cut short, control characters escaped.
    match String::from_utf8_lossy(stderr).lines().next() {
        Some(line) => format!("{meaning} (status {code}: {})", cut(line).escape_debug()),
        None => format!("{meaning} (status {code})"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_compilers_own_end_is_its_status() {
        for (wait, status) in [
            (0, CompilerStatus::Exited(0)),
            (1 << 8, CompilerStatus::Exited(1)),
            (255 << 8, CompilerStatus::Exited(255)),
            (121 << 8, CompilerStatus::Exited(121)),
            (11, CompilerStatus::Signaled(11)),
            (0x80 | 6, CompilerStatus::Signaled(6)),
        ] {
            assert_eq!(judge(wait, b"", b""), Ok(Verdict::Compiled(status)), "{wait:#x}");
        }
    }

    #[test]
    fn distccs_own_codes_without_output_are_the_hosts_fault() {
        for code in 100..=120 {
            let verdict = judge(code << 8, b"", b"").unwrap();
            assert!(matches!(verdict, Verdict::HostFault(_)), "{code}");
        }
    }

    #[test]
    fn a_code_with_a_compilers_output_is_the_compilers() {
        let verdict = judge(110 << 8, b"", b"a.c:1: error: no");
        assert_eq!(verdict, Ok(Verdict::Compiled(CompilerStatus::Exited(110))));
    }

    #[test]
    fn a_missing_compiler_is_explained_with_distccds_own_line() {
        let said =
            b"distccd[7] (dcc_execvp) ERROR: failed to exec nonexist: No such file or directory\n";
        let Ok(Verdict::HostFault(text)) = judge(110 << 8, b"", said) else { panic!() };
        assert!(text.starts_with("the compiler is not there;"), "{text}");
        assert!(text.contains("failed to exec nonexist"), "{text}");
    }

    #[test]
    fn tools_that_the_host_fails_are_the_hosts_fault() {
        // The first two as seen from distccd with a full temporary directory.
        for (said, meaning) in [
            (
                "/tmp/cc1aaZmG.s: Fatal error: /tmp/distccd_38e553c6.o: No such file or directory\n",
                "full or gone",
            ),
            (
                "{standard input}: Fatal error: /tmp/distccd_f9.o: No such file or directory\n",
                "full or gone",
            ),
            (
                "gcc: warning: x\ncc1: fatal error: error writing to /tmp/a.s: No space left on device\n",
                "full",
            ),
            (
                "gcc: fatal error: Killed signal terminated program cc1\ncompilation terminated.\n",
                "memory",
            ),
            ("cc1plus: out of memory allocating 65536 bytes after a total of 1 bytes\n", "memory"),
            (
                "gcc: fatal error: cannot execute ‘cc1obj’: execvp: No such file or directory\n",
                "missing",
            ),
        ] {
            let verdict = judge(1 << 8, b"", said.as_bytes()).unwrap();
            let Verdict::HostFault(text) = verdict else { panic!("{said}") };
            assert!(text.contains(meaning), "{text}");
        }
    }

    #[test]
    fn errors_of_the_source_are_not_the_hosts_fault() {
        for said in [
            "a.c:1:1: error: expected expression before ';' token\n",
            "/tmp/distccd_d9104d72.i:1:9: error: expected expression before ';' token\n",
            "a.c:1:10: fatal error: missing.h: No such file or directory\n",
            "a.c:3: error: #error No space left on device\n",
        ] {
            let verdict = judge(1 << 8, b"", said.as_bytes()).unwrap();
            assert_eq!(verdict, Verdict::Compiled(CompilerStatus::Exited(1)), "{said}");
        }
    }

    #[test]
    fn a_compiler_killed_from_outside_is_the_hosts_fault() {
        assert!(matches!(judge(9, b"", b"").unwrap(), Verdict::HostFault(_)));
    }

    #[test]
    fn a_status_that_no_process_has_is_refused() {
        for wait in [0x7f, 0x80, 0x0109, 0x1_0000, u32::MAX] {
            assert_eq!(judge(wait, b"", b""), Err(PacketError::BadStatus(wait)));
        }
    }
}
