//! Fetches from the mirrors that this machine's `apt` uses, with an index and a cache beside the machine's own.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::archive::unpack_package;
use super::run;

const CURE: &str = "fetching from the distribution needs apt-get, Debian 12 or one of its kind, and its mirror \
                    within reach; `apt-get update` says more";

/// Where Debian's packages are if the machine's lists name no mirror.
const USUAL_MIRROR: &str = "http://deb.debian.org/debian";

/// An index of the distribution's packages and sources in a directory of its own.
pub(super) struct Distribution {
    directory: PathBuf,
}

impl Distribution {
    /// Fetches the index anew.
    pub(super) fn new(directory: &Path) -> Self {
        for name in ["lists/partial", "cache/archives/partial", "fetched"] {
            fs::create_dir_all(directory.join(name)).expect("a directory below target");
        }
        let distribution = Self { directory: directory.to_owned() };
        let release = release();
        let mirror = mirror(&release);
        let list = format!("deb {mirror} {release} main\ndeb-src {mirror} {release} main\n");
        fs::write(directory.join("sources.list"), list).expect("a file of our own");
        run(distribution.apt_get().arg("update"), CURE);
        distribution
    }

    /// The upstream archive of a source package.
    pub(super) fn upstream_source(&self, package: &str) -> PathBuf {
        self.fetch(&["source", "--download-only", package]);
        self.fetched(&format!("{package}_"), ".orig.tar.")
    }

    /// The unpacked files of a binary package, not installed.
    pub(super) fn package_content(&self, package: &str) -> PathBuf {
        self.fetch(&["download", package]);
        let content = self.directory.join("content").join(package);
        fs::create_dir_all(&content).expect("a directory of our own");
        unpack_package(&self.fetched(&format!("{package}_"), ".deb"), &content);
        content
    }

    fn fetch(&self, args: &[&str]) {
        let mut apt_get = self.apt_get();
        apt_get.args(args).current_dir(self.directory.join("fetched"));
        run(&mut apt_get, CURE);
    }

    fn fetched(&self, start: &str, part: &str) -> PathBuf {
        let directory = self.directory.join("fetched");
        let entries = fs::read_dir(&directory).expect("a directory of our own");
        let mut names: Vec<PathBuf> = entries
            .map(|entry| entry.expect("an entry").path())
            .filter(|path| {
                let name = path.file_name().unwrap_or_default().to_string_lossy();
                name.starts_with(start) && name.contains(part) && !name.ends_with(".asc")
            })
            .collect();
        names.sort();
        // The newest one, where an earlier fetch left others.
        names.pop().unwrap_or_else(|| panic!("no {start}*{part}* came. {CURE}"))
    }

    fn apt_get(&self) -> Command {
        let mut command = Command::new("apt-get");
        let at = |name: &str| self.directory.join(name).display().to_string();
        let options = [
            format!("Dir::Etc::SourceList={}", at("sources.list")),
            "Dir::Etc::SourceParts=/dev/null".to_owned(),
            format!("Dir::State::Lists={}", at("lists")),
            format!("Dir::Cache={}", at("cache")),
            // What is installed here may be of a version that this index doesn't have.
            "Dir::State::status=/dev/null".to_owned(),
            // As whoever runs the tests: apt's own user may not write below target.
            "APT::Sandbox::User=".to_owned(),
            "Acquire::Languages=none".to_owned(),
            "Debug::NoLocking=1".to_owned(),
            "APT::Get::Only-Source=true".to_owned(),
        ];
        for option in options {
            command.arg("-o").arg(option);
        }
        command.arg("-qq");
        command
    }
}

/// The distribution's code name, such as `bookworm`.
fn release() -> String {
    let text = fs::read_to_string("/etc/os-release").unwrap_or_default();
    text.lines()
        .find_map(|line| line.strip_prefix("VERSION_CODENAME="))
        .unwrap_or_else(|| panic!("/etc/os-release has no VERSION_CODENAME. {CURE}"))
        .trim_matches('"')
        .to_owned()
}

/// The mirror that the machine's own lists have for `release`.
fn mirror(release: &str) -> String {
    let mut apt_get = Command::new("apt-get");
    let format = "$(SITE) $(RELEASE) $(COMPONENT)";
    apt_get.args(["indextargets", "--no-release-info", "--format", format, "Created-By: Packages"]);
    let output = apt_get.output().unwrap_or_else(|e| panic!("apt-get: {e}. {CURE}"));
    let text = String::from_utf8_lossy(&output.stdout);
    let wanted = format!(" {release} main");
    let found = text.lines().find_map(|line| line.strip_suffix(&wanted));
    found.unwrap_or(USUAL_MIRROR).to_owned()
}
