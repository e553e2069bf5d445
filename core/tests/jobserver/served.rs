//! Builds as clients of our pool behave as under a plain `make -jN`.

use farmbuild_core::jobserver::{Auth, MakeArgs, Makeflags, Style, TokenServer};

use crate::space::{Space, jobs, run, server, text};

const TEN_JOBS: &str = "JOBS := 0 1 2 3 4 5 6 7 8 9\nall: $(JOBS)\n$(JOBS): ; $(call job,0.1)\n";

#[test]
fn make_runs_as_many_jobs_as_the_pool_allows_and_no_more() {
    for n in [1, 2, 4] {
        let space = Space::new(TEN_JOBS);
        let server = server(n);
        let output = run(space.make(&server, &[]));
        assert_eq!((space.peak(), text(&output).as_str()), (n, ""));
        let report = server.finish().unwrap();
        assert_eq!((report.issued, report.missing, report.put_back), (n - 1, 0, 0));
    }
}

#[test]
fn sub_makes_share_the_pool() {
    let space = Space::new(
        "SUBS := 1 2 3\nall: $(SUBS)\n\
         $(SUBS): ; @$(MAKE) --no-print-directory sub S=$@\n\
         sub: $(addprefix job-,a b c d)\njob-%: ; $(call job,0.15)\n",
    );
    let server = server(4);
    run(space.make(&server, &[]));
    assert_eq!(space.running().len(), 24);
    assert_eq!(space.peak(), 4);
    assert_eq!(server.finish().unwrap().missing, 0);
}

#[test]
fn makeflags_in_a_makefile_look_as_under_plain_make() {
    let makefile =
        "all: ; @echo '[$(filter-out --jobserver%,$(MAKEFLAGS))]' '[$(MFLAGS:--jobserver%=)]'\n";
    for args in [&["-j4"][..], &["-j4", "-k"], &["-j4", "-ks", "X=1"], &["-j4", "-Otarget"]] {
        let space = Space::new(makefile);
        let mut plain = space.command("make");
        plain.args(args);
        let plain = text(&run(plain));
        let found = MakeArgs::parse(args);
        let mut ours = space.command("make");
        ours.args(&found.args);
        server(4).configure(&mut ours, &Makeflags::default());
        assert_eq!(text(&run(ours)), plain, "{args:?}");
    }
}

#[test]
fn a_users_own_makeflags_reach_make() {
    let space = Space::new("all: ; @echo '$(X) $(firstword $(MAKEFLAGS)) $(Y)'\n");
    let mut make = space.command("make");
    let user = Makeflags::parse("k -j9 --no-print-directory -- X=one Y=two\\ words".as_ref());
    let server = server(2);
    server.configure(&mut make, &user);
    assert_eq!(text(&run(make)), "one k two words\n");
}

#[test]
fn a_sub_make_with_its_own_j_opens_its_own_pool_with_makes_warning() {
    let space = Space::new("all: ; @$(MAKE) -j3 sub\nsub: 1 2 3 4\n1 2 3 4: ; $(call job,0.2)\n");
    let server = server(2);
    let output = text(&run(space.make(&server, &[])));
    assert!(output.contains("warning: -j3 forced in submake"), "{output}");
    assert_eq!(space.peak(), 3);
    assert_eq!(server.finish().unwrap().missing, 0);
}

#[test]
fn notparallel_and_output_sync_are_as_ever() {
    let space = Space::new(&format!(".NOTPARALLEL:\n{TEN_JOBS}"));
    run(space.make(&server(4), &[]));
    assert_eq!(space.peak(), 1);

    let space = Space::new("all: a b\na b: ; @echo $@1; sleep 0.2; echo $@2\n");
    let output = text(&run(space.make(&server(2), &["-Otarget"])));
    assert!(["a1\na2\nb1\nb2\n", "b1\nb2\na1\na2\n"].contains(&output.as_str()), "{output}");
}

/// cargo and rustc take tokens by the `jobserver` crate's client. With more jobs than this machine has cores, so that
/// cargo's own default isn't taken for our pool.
#[test]
fn cargo_runs_as_many_build_scripts_as_the_pool_allows() {
    let n = std::thread::available_parallelism().unwrap().get() + 1;
    let space = Space::new("");
    space.write("Cargo.toml", "[workspace]\nmembers = [\"p*\"]\nresolver = \"2\"\n");
    for number in 0..n + 2 {
        let manifest = format!("[package]\nname = \"p{number}\"\nedition = \"2021\"\n");
        space.write(&format!("p{number}/Cargo.toml"), &manifest);
        space.write(&format!("p{number}/src/lib.rs"), "");
        let log = space.path().join("log");
        let script = format!(
            r#"fn main() {{
                use std::io::Write;
                let mut log = std::fs::OpenOptions::new().append(true).create(true).open({log:?}).unwrap();
                log.write_all(b"+\n").unwrap();
                std::thread::sleep(std::time::Duration::from_secs(3));
                log.write_all(b"-\n").unwrap();
            }}"#
        );
        space.write(&format!("p{number}/build.rs"), &script);
    }
    for style in [Style::Pipe, Style::Fifo] {
        let server = TokenServer::new(style, jobs(n)).unwrap();
        let mut cargo = space.command("cargo");
        cargo.args(["check", "--offline"]);
        cargo.env("CARGO_TARGET_DIR", space.path().join(format!("target-{style:?}")));
        cargo.env("CARGO_MAKEFLAGS", "-j --jobserver-auth=900,901");
        server.configure(&mut cargo, &Makeflags::default());
        run(cargo);
        assert_eq!((space.peak(), space.now_running()), (n, 0), "{style:?}");
        assert_eq!(server.finish().unwrap().missing, 0, "{style:?}");
        std::fs::remove_file(space.path().join("log")).unwrap();
    }
}

#[test]
fn gcc_links_with_our_tokens() {
    let space = Space::new(
        "all: a.o b.o\n\t+gcc -flto=jobserver -fno-fat-lto-objects --param lto-partitions=2 -Wall -Werror -v a.o b.o -o all 2>log\n\
         %.o: %.c ; @gcc -flto -O1 -c $< -o $@\n",
    );
    space.write("a.c", "int b(void); int main(void) { return b(); }");
    space.write("b.c", "__attribute__((noinline)) int b(void) { return 0; }");
    let server = server(2);
    run(space.make(&server, &[]));
    let log = std::fs::read_to_string(space.path().join("log")).unwrap();
    assert!(!log.contains("jobserver is not available"), "{log}");
    assert!(log.contains("ltrans"), "{log}");
    assert_eq!(server.finish().unwrap().missing, 0);
}

#[test]
fn a_fifo_is_private_and_gone_after_the_build() {
    use std::os::unix::fs::PermissionsExt;
    let server = TokenServer::new(Style::Fifo, jobs(3)).unwrap();
    let Auth::Fifo(path) = server.auth() else { panic!("no fifo") };
    let mode =
        |path: &std::path::Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(&path), mode(path.parent().unwrap())), (0o600, 0o700));
    drop(server);
    assert!(!path.parent().unwrap().exists());
}

#[test]
fn the_pipe_is_inherited_by_the_configured_child_only() {
    let server = server(2);
    let Auth::Pipe { read, .. } = server.auth() else { panic!("no pipe") };
    let space = Space::new("");
    let script = format!("test -p /proc/self/fd/{read}");
    let mut stranger = space.command("sh");
    assert!(!stranger.args(["-c", &script]).status().unwrap().success());
    let mut client = space.command("sh");
    server.configure(client.args(["-c", &script]), &Makeflags::default());
    assert!(client.status().unwrap().success());
}
