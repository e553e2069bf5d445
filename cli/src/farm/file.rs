//! Reads `farm.toml`. Every error names its line, and what would be right.

use std::collections::HashSet;
use std::path::PathBuf;

use serde::Deserialize;
use toml::Spanned;

use super::{CacheConfig, FarmConfig, Fidelity, HostConfig, LocalConfig, Share, Via, executors};

/// Jobs a host gets where the file doesn't say, as in distcc's host lists.
pub(crate) const DEFAULT_SLOTS: usize = 4;
/// What a host over ssh keeps of the inputs that it was sent, where the file doesn't say.
pub(crate) const DEFAULT_STORE_SIZE: u64 = 2 << 30;
/// More slots than any machine has; a larger number is a slip of the keyboard.
const MAX_SLOTS: usize = 100_000;

/// What is wrong with the text of a farm file.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FileError {
    #[error("line {line}, column {column}: {what}")]
    Syntax { line: usize, column: usize, what: String },
    #[error("line {line}: {what}")]
    Value { line: usize, what: String },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    verify: Option<Spanned<f64>>,
    #[serde(default)]
    local: Local,
    #[serde(default)]
    cache: Cache,
    #[serde(default)]
    host: Vec<Host>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Local {
    slots: Option<Spanned<usize>>,
    #[serde(default)]
    fidelity: Fidelity,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Cache {
    dir: Option<Spanned<String>>,
    max_size: Option<Spanned<String>>,
    #[serde(default)]
    compression: CacheCompression,
    #[serde(default)]
    base_dirs: Vec<Spanned<String>>,
    #[serde(default)]
    declarations: bool,
    verify: Option<Spanned<f64>>,
}

#[derive(Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
enum CacheCompression {
    #[default]
    Zstd,
    None,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Host {
    name: Spanned<String>,
    via: Spanned<Via>,
    address: Spanned<String>,
    slots: Option<Spanned<usize>>,
    queue: Option<Spanned<usize>>,
    compression: Option<Spanned<Compression>>,
    ssh_config: Option<Spanned<String>>,
    verify: Option<Spanned<f64>>,
    store_size: Option<Spanned<String>>,
}

#[derive(Clone, Copy, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
enum Compression {
    Lzo,
    Zstd,
    None,
}

impl FileError {
    /// On one line, because it becomes a part of sentences.
    fn syntax(text: &str, error: &toml::de::Error) -> Self {
        let before = text.get(..error.span().map_or(0, |span| span.start)).unwrap_or(text);
        let column = before.rsplit('\n').next().unwrap_or(before).chars().count() + 1;
        // Words for people, who don't know the types that their numbers are read into.
        let what =
            error.message().replace('\n', " ").replace("expected usize", "expected a whole number");
        Self::Syntax { line: line(before), column, what }
    }
}

/// The line that follows upon `before`.
fn line(before: &str) -> usize {
    before.matches('\n').count() + 1
}

/// Reads the text of a farm file.
pub(crate) fn parse(text: &str) -> Result<FarmConfig, FileError> {
    let file: File = toml::from_str(text).map_err(|error| FileError::syntax(text, &error))?;
    let at = |span: std::ops::Range<usize>, what: String| FileError::Value {
        line: line(text.get(..span.start).unwrap_or(text)),
        what,
    };
    let counted =
        |number: &Option<Spanned<usize>>, key: &str, least: usize, default: usize| match number {
            None => Ok(default),
            Some(it) if (least..=MAX_SLOTS).contains(it.get_ref()) => Ok(*it.get_ref()),
            Some(it) => Err(at(it.span(), format!("`{key}` must be from {least} to {MAX_SLOTS}"))),
        };
    let share = |number: &Option<Spanned<f64>>, default: Share| match number {
        None => Ok(default),
        Some(it) => Share::new(*it.get_ref()).ok_or_else(|| {
            at(it.span(), "`verify` is a share of jobs, from 0 (none) to 1 (all)".to_owned())
        }),
    };
    let verify = share(&file.verify, Share::default())?;
    let mut names = HashSet::new();
    let mut hosts = Vec::new();
    for host in &file.host {
        let name = host.name.get_ref();
        if name.is_empty() || name.chars().any(char::is_control) {
            return Err(at(
                host.name.span(),
                "a host needs a `name` that can be printed".to_owned(),
            ));
        }
        if !names.insert(name) {
            return Err(at(
                host.name.span(),
                format!("there are two hosts with the name `{name}`"),
            ));
        }
        let via = *host.via.get_ref();
        let address = host.address.get_ref();
        if let Err(error) = executors::check_address(via, address) {
            return Err(at(host.address.span(), format!("host `{name}`: `address`: {error}")));
        }
        let compressed = match (via, host.compression.as_ref().map(|it| (it.get_ref(), it.span())))
        {
            (_, Some((Compression::None, _))) => false,
            (Via::Distcc, None | Some((Compression::Lzo, _)))
            | (Via::Ssh, None | Some((Compression::Zstd, _))) => true,
            (Via::Distcc, Some((Compression::Zstd, span))) => {
                let what = format!("host `{name}`: distcc compresses by \"lzo\" or \"none\"");
                return Err(at(span, what));
            }
            (Via::Ssh, Some((Compression::Lzo, span))) => {
                let what = format!("host `{name}`: over ssh, compression is \"zstd\" or \"none\"");
                return Err(at(span, what));
            }
        };
        if let Some(path) = &host.ssh_config {
            let what = match via {
                Via::Distcc => "is for hosts with `via = \"ssh\"`",
                Via::Ssh if !path.get_ref().starts_with(['/', '~']) => {
                    "must begin with `/` or `~/`: builds run in many directories"
                }
                Via::Ssh => "",
            };
            if !what.is_empty() {
                return Err(at(path.span(), format!("host `{name}`: `ssh_config` {what}")));
            }
        }
        let store_size = match (via, &host.store_size) {
            (Via::Distcc, None) => 0,
            (Via::Ssh, None) => DEFAULT_STORE_SIZE,
            (Via::Distcc, Some(text)) => {
                let what = format!("host `{name}`: `store_size` is for hosts with `via = \"ssh\"`");
                return Err(at(text.span(), what));
            }
            (Via::Ssh, Some(text)) => match (text.get_ref().as_str(), size(text.get_ref())) {
                ("none", _) => 0,
                (_, Some(bytes)) => bytes,
                (_, None) => {
                    let what = format!("host `{name}`: `store_size`: {SIZES}, or \"none\"");
                    return Err(at(text.span(), what));
                }
            },
        };
        let slots = counted(&host.slots, "slots", 1, DEFAULT_SLOTS)?;
        hosts.push(HostConfig {
            name: name.clone(),
            via,
            address: address.clone(),
            slots,
            queue: counted(&host.queue, "queue", 0, slots)?,
            compressed,
            ssh_config: host.ssh_config.as_ref().map(|path| path.get_ref().clone()),
            verify: share(&host.verify, verify)?,
            store_size,
        });
    }
    let cores = LocalConfig::default().slots;
    let local = LocalConfig {
        slots: counted(&file.local.slots, "slots", 1, cores)?,
        fidelity: file.local.fidelity,
    };
    if let Some(dir) = &file.cache.dir
        && !dir.get_ref().starts_with(['/', '~'])
    {
        let what = "`dir` must begin with `/` or `~/`: builds run in many directories".to_owned();
        return Err(at(dir.span(), what));
    }
    let max_size = match &file.cache.max_size {
        None => None,
        Some(text) => match size(text.get_ref()) {
            Some(bytes) => Some(bytes),
            None => return Err(at(text.span(), format!("`max_size`: {SIZES}"))),
        },
    };
    for base in &file.cache.base_dirs {
        let plain = base.get_ref().strip_suffix("/*").unwrap_or(base.get_ref());
        let odd = |c: char| c == '=' || c == '*' || c.is_control();
        if !plain.starts_with('/') || plain.contains(odd) || plain.trim_end_matches('/').is_empty()
        {
            let what =
                "a directory of `base_dirs` must be absolute, without `=`, and may end in `/*`";
            return Err(at(base.span(), what.to_owned()));
        }
    }
    let verify_declarations = match &file.cache.verify {
        None => None,
        given => Some(share(given, Share::default())?),
    };
    let cache = CacheConfig {
        declarations: file.cache.declarations,
        verify: verify_declarations,
        base_dirs: file
            .cache
            .base_dirs
            .iter()
            .map(|base| PathBuf::from(base.get_ref().trim_end_matches('/')))
            .collect(),
        dir: file.cache.dir.map(Spanned::into_inner),
        max_size,
        uncompressed: matches!(file.cache.compression, CacheCompression::None),
    };
    Ok(FarmConfig { local, cache, hosts, warnings: Vec::new() })
}

/// How a size is written.
pub(crate) const SIZES: &str =
    "write a size as in \"10GiB\", \"500MB\" or \"1.5 TiB\", at least 1 MiB";

/// A size in bytes, as people write it.
pub(crate) fn size(text: &str) -> Option<u64> {
    let bytes = text.trim().parse::<bytesize::ByteSize>().ok()?.as_u64();
    (bytes >= 1 << 20).then_some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOARD: &str =
        "[[host]]\nname = \"neo4a\"\nvia = \"distcc\"\naddress = \"192.168.0.11:3632\"\n";

    fn error(text: &str) -> String {
        parse(text).unwrap_err().to_string()
    }

    #[test]
    fn a_host_has_as_long_a_queue_as_slots_unless_told() {
        let farm = parse(&format!("{BOARD}slots = 6\n")).unwrap();
        assert_eq!(
            (farm.hosts[0].slots, farm.hosts[0].queue, farm.hosts[0].compressed),
            (6, 6, true)
        );
        let farm =
            parse(&format!("{BOARD}slots = 6\nqueue = 0\ncompression = \"none\"\n")).unwrap();
        assert_eq!((farm.hosts[0].queue, farm.hosts[0].compressed), (0, false));
    }

    #[test]
    fn a_hosts_own_share_comes_before_that_of_all() {
        let farm = |first: &str, last: &str| {
            parse(&format!("{first}{BOARD}{last}")).unwrap().hosts[0].verify.get()
        };
        assert_eq!(farm("", ""), 0.01);
        assert_eq!(farm("verify = 0.25\n", ""), 0.25);
        assert_eq!(farm("verify = 0.25\n", "verify = 1\n"), 1.0);
        assert_eq!(farm("verify = 0\n", ""), 0.0);
        for share in ["1.5", "-0.1", "nan"] {
            let said = error(&format!("{BOARD}verify = {share}\n"));
            assert!(said.contains("from 0 (none) to 1 (all)"), "{said}");
        }
    }

    #[test]
    fn a_board_over_ssh_keeps_inputs_as_far_as_it_is_told() {
        let ssh = BOARD.replace("distcc", "ssh").replace("192.168.0.11:3632", "neo4a");
        let size = |more: &str| parse(&format!("{ssh}{more}")).unwrap().hosts[0].store_size;
        assert_eq!(size(""), 2 << 30);
        assert_eq!(size("store_size = \"512MiB\"\n"), 512 << 20);
        assert_eq!(size("store_size = \"none\"\n"), 0);
        assert!(error(&format!("{ssh}store_size = \"much\"\n")).starts_with("line 5: "));
        assert!(error(&format!("{BOARD}store_size = \"1GiB\"\n")).starts_with("line 5: "));
    }

    #[test]
    fn an_empty_file_is_this_machine_alone() {
        let farm = parse("").unwrap();
        assert_eq!((farm.local, farm.hosts.len()), (LocalConfig::default(), 0));
    }

    #[test]
    fn a_cache_has_a_place_and_a_size() {
        let text = "[cache]\ndir = \"~/c\"\nmax_size = \"20GiB\"\ncompression = \"none\"\n";
        let cache = parse(text).unwrap().cache;
        assert_eq!(cache.dir.as_deref(), Some("~/c"));
        assert_eq!((cache.max_size, cache.uncompressed), (Some(20 << 30), true));
        assert!(error("[cache]\nmax_size = \"many\"\n").starts_with("line 2: `max_size`"));
        assert!(error("[cache]\ndir = \"c\"\n").starts_with("line 2: `dir` must"));
    }

    #[test]
    fn errors_name_their_line() {
        assert!(error("[local]\nslots = 0\n").starts_with("line 2: `slots` must be"));
        assert!(error("[local]\nslot = 1\n").contains("line 2"));
        assert!(error(&format!("{BOARD}{BOARD}")).starts_with("line 6: there are two hosts"));
        assert!(error("[[host]\n").contains("line 1"));
        assert_eq!(
            error("[local]\nslots = \"two\"\n"),
            "line 2, column 9: invalid type: string \"two\", expected a whole number"
        );
        assert!(error(&BOARD.replace("192.168.0.11:3632", "a b")).starts_with("line 4: "));
    }

    #[test]
    fn a_host_over_ssh_has_an_address_as_ssh_takes_it() {
        let board = |address: &str, more: &str| {
            format!("[[host]]\nname = \"b\"\nvia = \"ssh\"\naddress = \"{address}\"\n{more}")
        };
        for address in ["neo4a", "pi@neo4a", "ssh://pi@neo4a:2222"] {
            let farm = parse(&board(address, "ssh_config = \"~/boards\"\n")).unwrap();
            assert_eq!((farm.hosts[0].via, farm.hosts[0].compressed), (Via::Ssh, true));
            assert_eq!(farm.hosts[0].ssh_config.as_deref(), Some("~/boards"));
        }
        assert!(error(&board("-oProxyCommand=x", "")).starts_with("line 4: "));
        assert!(error(&board("a", "compression = \"lzo\"\n")).starts_with("line 5: "));
        assert!(error(&board("a", "ssh_config = \"boards\"\n")).starts_with("line 5: "));
        assert!(error(&format!("{BOARD}ssh_config = \"/b\"\n")).starts_with("line 5: "));
        assert!(error(&format!("{BOARD}compression = \"zstd\"\n")).starts_with("line 5: "));
    }
}
