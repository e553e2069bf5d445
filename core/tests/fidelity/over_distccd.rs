//! The same through a stock distccd. distcc's own client sends a `.i` file as it is, so it can carry our text.

use std::ffi::OsString;
use std::fs;
use std::net::{TcpListener, TcpStream};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process_group};

use crate::compiler::Split;

/// A distccd on loopback; it and its children end with it.
struct Distccd {
    child: Child,
    port: u16,
    log: tempfile::NamedTempFile,
}

impl Distccd {
    fn start() -> Self {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let log = tempfile::NamedTempFile::new().unwrap();
        let child = Command::new("distccd")
            .args(["--no-detach", "--daemon", "--allow", "127.0.0.1", "--listen", "127.0.0.1"])
            .args(["--enable-tcp-insecure", "--log-stderr", "--port", &port.to_string()])
            .process_group(0)
            .stderr(Stdio::from(log.reopen().unwrap()))
            .spawn()
            .unwrap();
        let daemon = Self { child, port, log };
        let deadline = Instant::now() + Duration::from_secs(10);
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(Instant::now() < deadline, "distccd doesn't answer");
            std::thread::sleep(Duration::from_millis(20));
        }
        daemon
    }

    /// Whether it compiled something: distcc's client also compiles at home, without a word.
    fn has_compiled(&self) -> bool {
        // It writes its log after its answer.
        (0..200).any(|_| {
            std::thread::sleep(Duration::from_millis(10));
            fs::read_to_string(self.log.path()).unwrap().contains("COMPILE_OK")
        })
    }
}

impl Drop for Distccd {
    fn drop(&mut self) {
        kill_process_group(Pid::from_child(&self.child), Signal::TERM).ok();
        drop(self.child.wait());
    }
}

/// Compiles a source with `compiler` and `flags` through a distccd, and at home.
fn holds_over_distccd(compiler: &str, flags: &str) {
    let directory = tempfile::tempdir().unwrap();
    let source = "#include <stdio.h>\n#define SHOW(x) printf(\"%d\\n\", x)\nint f(int a) { return SHOW(a) + SHOW(__LINE__); }\n";
    fs::write(directory.path().join("a.c"), source).unwrap();
    let split = Split::new(compiler, flags);
    let (plain, _) = split.here(directory.path(), &[], "a.c");
    fs::write(directory.path().join("a.i"), split.text(directory.path(), &[], "a.c")).unwrap();

    let daemon = Distccd::start();
    let settings = tempfile::tempdir().unwrap();
    let extra = split.recipe.compile_extra(directory.path());
    let args = [&split.recipe.compile_lead()[..], &split.flags, &extra].concat();
    let output = Command::new("distcc")
        .arg(compiler)
        .args(&args)
        .args(["-c", "a.i", "-o", "a.o"].map(OsString::from))
        .current_dir(directory.path())
        .env("DISTCC_HOSTS", format!("127.0.0.1:{}", daemon.port))
        .env("DISTCC_DIR", settings.path())
        .env("DISTCC_FALLBACK", "0")
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(daemon.has_compiled(), "distccd takes no {args:?}");

    let back = fs::read(directory.path().join("a.o")).unwrap();
    assert!(split.rewritten(back) == plain.unwrap(), "{compiler} {flags}");
}

#[test]
fn a_stock_distccd_gives_gccs_plain_object_with_debug_info() {
    holds_over_distccd("gcc", "-g -O2");
}

#[test]
fn a_stock_distccd_gives_clangs_plain_object() {
    holds_over_distccd("clang", "-O2");
}

#[test]
fn a_stock_distccd_gives_clangs_plain_object_with_debug_info() {
    holds_over_distccd("clang", "-g -O2");
}
