//! The distribution's `sshd` on a free loopback port, with keys, a configuration and a home directory of its own.
//!
//! It lets in the user that runs the test, with a key of its own, and works as root and as anybody else. Which shell a user
//! logs in to is written in the system's passwd, so another one is had by `ForceCommand`: a script that goes to the
//! server's home and hands the client's command to that shell, as sshd would.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::port::free_port;
use crate::process::{ProcessTree, descendants, is_alive};
use crate::space::TestSpace;

/// How long a server may take to listen.
const PATIENCE: Duration = Duration::from_secs(10);

/// What an [`Sshd`] will be.
#[derive(Clone, Debug)]
pub struct SshdBuilder {
    shell: String,
    home: String,
    banner: Option<String>,
    directories: Vec<PathBuf>,
    usual_directories: bool,
    sessions: Option<usize>,
}

impl SshdBuilder {
    /// Users log in to this shell (`sh` unless told).
    #[must_use]
    pub fn shell(mut self, shell: &str) -> Self {
        shell.clone_into(&mut self.shell);
        self
    }

    /// Their home directory: an absolute path, or a name in the server's own directory (`home` unless told).
    #[must_use]
    pub fn home(mut self, home: &str) -> Self {
        home.clone_into(&mut self.home);
        self
    }

    /// Logging in runs this piece of `sh` first.
    #[must_use]
    pub fn on_login(mut self, script: &str) -> Self {
        self.banner = Some(script.to_owned());
        self
    }

    /// Looks for programs in `directory` before the usual ones. May be given several times, first wins.
    #[must_use]
    pub fn programs(mut self, directory: impl Into<PathBuf>) -> Self {
        self.directories.push(directory.into());
        self
    }

    /// Looks for programs in `directory` and nowhere else.
    #[must_use]
    pub fn only_programs(mut self, directory: impl Into<PathBuf>) -> Self {
        self.usual_directories = false;
        self.programs(directory)
    }

    /// Allows so many sessions on a connection (10 unless told).
    #[must_use]
    pub fn sessions(mut self, sessions: usize) -> Self {
        self.sessions = Some(sessions);
        self
    }

    /// Starts the server and waits until it listens.
    #[must_use]
    pub fn start(self) -> Sshd {
        let space = TestSpace::new();
        let home = space.join(&self.home);
        if !home.exists() {
            fs::create_dir_all(&home).expect("a directory in our own");
        }
        let server = program("sshd");
        let mut sshd = Sshd { builder: self, space, server, port: free_port(), tree: None };
        sshd.write_login();
        sshd.make_key("client");
        sshd.accept_keys();
        sshd.change_host_key();
        sshd.know_host_key();
        sshd.write_client_config();
        sshd.start_again();
        sshd
    }
}

/// A running `sshd`; killed, with all that it runs, when dropped.
#[derive(Debug)]
pub struct Sshd {
    builder: SshdBuilder,
    space: TestSpace,
    server: PathBuf,
    port: u16,
    tree: Option<ProcessTree>,
}

impl Sshd {
    /// A server whose users log in to `sh`.
    #[must_use]
    pub fn start() -> Self {
        Self::builder().start()
    }

    /// A server to be described.
    #[must_use]
    pub fn builder() -> SshdBuilder {
        SshdBuilder {
            shell: "sh".to_owned(),
            home: "home".to_owned(),
            banner: None,
            directories: Vec::new(),
            usual_directories: true,
            sessions: None,
        }
    }

    /// What `ssh` is to be told to connect to, under [`Self::client_config`].
    #[must_use]
    pub fn destination(&self) -> String {
        format!("board{}", self.port)
    }

    /// A configuration for `ssh`'s `-F` that knows the server, its key, and the key that it accepts.
    #[must_use]
    pub fn client_config(&self) -> PathBuf {
        self.space.join("ssh_config")
    }

    /// `ssh` with that configuration and destination; a command may follow.
    #[must_use]
    pub fn ssh(&self) -> Command {
        let mut command = Command::new("ssh");
        command.arg("-F").arg(self.client_config()).args(["-o", "BatchMode=yes"]);
        command.arg(self.destination());
        command
    }

    /// The home directory of those who log in.
    #[must_use]
    pub fn home(&self) -> PathBuf {
        self.space.join(&self.builder.home)
    }

    /// The server's log so far.
    #[must_use]
    pub fn log(&self) -> String {
        String::from_utf8_lossy(&fs::read(self.space.join("log")).unwrap_or_default()).into_owned()
    }

    /// The compilers that run below it right now, as process ids; also slow ones that sleep.
    #[must_use]
    pub fn compilers(&self) -> Vec<u32> {
        let Some(tree) = &self.tree else { return Vec::new() };
        let compiles = |id: u32| {
            let name = fs::read_to_string(format!("/proc/{id}/comm")).unwrap_or_default();
            ["gcc", "g++", "cc1", "cc1plus", "clang", "as", "rustc", "sleep"]
                .contains(&name.trim_end())
        };
        descendants(tree.id()).into_iter().filter(|&id| compiles(id) && is_alive(id)).collect()
    }

    /// Kills the server and all that it runs, at once, as a power cut would.
    pub fn stop(&mut self) {
        self.tree = None;
    }

    /// Starts a stopped server again, on the same port.
    pub fn start_again(&mut self) {
        assert!(self.tree.is_none(), "the server runs already");
        self.space.write("log", "");
        let config = self.space.write("sshd_config", self.config());
        let mut command = Command::new(&self.server);
        command.args(["-D", "-f"]).arg(config).arg("-E").arg(self.space.join("log"));
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let mut tree = ProcessTree::spawn(&mut command);
        let start = Instant::now();
        while !self.log().contains("Server listening on") {
            assert!(tree.is_running(), "sshd ended at once: {}", self.log());
            assert!(start.elapsed() < PATIENCE, "sshd doesn't listen: {}", self.log());
            thread::sleep(Duration::from_millis(5));
        }
        self.tree = Some(tree);
    }

    /// Suspends the server and all that it runs: connections are still taken, by the kernel, and nothing moves.
    pub fn suspend(&self) {
        self.tree.as_ref().expect("a running server").suspend();
    }

    /// Lets a suspended server run on.
    pub fn resume(&self) {
        self.tree.as_ref().expect("a running server").resume();
    }

    /// Gives the server another host key, which it has from its next start on.
    pub fn change_host_key(&self) {
        self.make_key("host");
    }

    /// Clients know the host key of now.
    pub fn know_host_key(&self) {
        let key = String::from_utf8(self.space.read("host.pub")).expect("a key in base64");
        self.space.write("known_hosts", format!("[127.0.0.1]:{} {key}", self.port));
    }

    /// Clients know no host key.
    pub fn forget_host_key(&self) {
        self.space.write("known_hosts", "");
    }

    /// Nobody is let in from now on.
    pub fn refuse_keys(&self) {
        self.space.write("authorized_keys", "");
    }

    /// The client's key is let in.
    pub fn accept_keys(&self) {
        self.space.write("authorized_keys", self.space.read("client.pub"));
    }

    /// Only an agent has the client's key from now on; it ends when it is dropped.
    ///
    /// # Panics
    /// If there is no `ssh-agent`.
    #[must_use]
    pub fn give_key_to_agent(&self) -> Agent {
        let socket = self.space.join("agent");
        let mut command = Command::new(program("ssh-agent"));
        command.args(["-D", "-a"]).arg(&socket).stdout(Stdio::null());
        command.stdin(Stdio::null()).stderr(Stdio::null());
        let agent = Agent { _tree: ProcessTree::spawn(&mut command), socket };
        let start = Instant::now();
        while !agent.socket.exists() {
            assert!(start.elapsed() < PATIENCE, "ssh-agent doesn't listen");
            thread::sleep(Duration::from_millis(5));
        }
        let mut add = Command::new(program("ssh-add"));
        add.arg("-q").arg(self.space.join("client")).env("SSH_AUTH_SOCK", &agent.socket);
        assert!(add.status().is_ok_and(|status| status.success()), "ssh-add");
        fs::remove_file(self.space.join("client")).expect("the client's key is there");
        agent
    }

    fn make_key(&self, name: &str) {
        for file in [name.to_owned(), format!("{name}.pub")] {
            let _ = fs::remove_file(self.space.join(file));
        }
        let words = ["-q", "-t", "ed25519", "-N", "", "-C", "test", "-f", name];
        self.space.run_ok(program("ssh-keygen"), words);
    }

    fn config(&self) -> String {
        let place = self.space.path().display();
        let mut config = format!(
            "Port {}\nListenAddress 127.0.0.1\nHostKey {place}/host\nAuthorizedKeysFile {place}/authorized_keys\n\
             ForceCommand {place}/login\nPidFile none\nStrictModes no\nUsePAM no\nPasswordAuthentication no\n\
             KbdInteractiveAuthentication no\nSetEnv SHLVL=5\nPermitRootLogin yes\nPrintMotd no\nLogLevel VERBOSE\n",
            self.port
        );
        if let Some(sessions) = self.builder.sessions {
            let _ = writeln!(config, "MaxSessions {sessions}");
        }
        config
    }

    fn write_login(&self) {
        let usual = ["/usr/local/bin", "/usr/bin", "/bin"].map(PathBuf::from);
        let usual = usual.into_iter().filter(|_| self.builder.usual_directories);
        let path = std::env::join_paths(self.builder.directories.iter().cloned().chain(usual))
            .expect("directories without a colon");
        let login = format!(
            "#!/bin/sh\nHOME='{}'\nexport HOME\ncd \"$HOME\" || exit\n{}\nPATH='{}'\nexport PATH\n\
             exec {} -c \"$SSH_ORIGINAL_COMMAND\"\n",
            self.home().display(),
            self.builder.banner.as_deref().unwrap_or_default(),
            path.to_string_lossy(),
            program(&self.builder.shell).display()
        );
        self.space.write_program("login", login);
    }

    fn write_client_config(&self) {
        let place = self.space.path().display();
        let config = format!(
            "Host {}\n HostName 127.0.0.1\n Port {}\n IdentityFile {place}/client\n IdentitiesOnly yes\n \
             UserKnownHostsFile {place}/known_hosts\n GlobalKnownHostsFile /dev/null\n",
            self.destination(),
            self.port
        );
        self.space.write("ssh_config", config);
    }
}

/// A running `ssh-agent`; killed when dropped.
#[derive(Debug)]
pub struct Agent {
    /// Ends the agent.
    _tree: ProcessTree,
    socket: PathBuf,
}

impl Agent {
    /// What `SSH_AUTH_SOCK` is for those who use it.
    #[must_use]
    pub fn socket(&self) -> &Path {
        &self.socket
    }
}

/// A program by its absolute path, which sshd asks for, or a panic that says how to get it.
fn program(name: &str) -> PathBuf {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let usual = ["/usr/sbin", "/usr/bin", "/bin"].map(PathBuf::from);
    let found =
        std::env::split_paths(&path).chain(usual).map(|it| it.join(name)).find(|it| it.is_file());
    let package = match name {
        "sshd" => "openssh-server",
        "ssh" | "ssh-keygen" | "ssh-agent" | "ssh-add" => "openssh-client",
        "csh" => "tcsh",
        other => other,
    };
    if name == "sshd" {
        separate_privileges();
    }
    found.unwrap_or_else(|| panic!("this test needs `{name}`: apt-get install {package}"))
}

/// sshd as root wants an empty directory, which its package's service makes at boot.
fn separate_privileges() {
    let place = Path::new("/run/sshd");
    if rustix::process::geteuid().is_root() && !place.exists() {
        fs::create_dir(place).expect("root's own directory for sshd");
    }
}
