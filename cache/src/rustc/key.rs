//! What is known of a compile before its sources are: the parts of its key, each with a name, so that `farmbuild why` can
//! say which one differs.

use std::path::Path;

use farmbuild_core::analysis::RustcCompile;
use farmbuild_core::job::Invocation;
use farmbuild_core::protocol::message::WhyChange;
use serde::{Deserialize, Serialize};

use super::crates::{Crates, Input};
use super::dep_info::shown;
use super::environment;
use super::linker::Linker;
use super::toolchain::Toolchain;
use crate::base::Base;
use crate::digest::Digest;
use crate::files::Files;
use crate::plan;
use crate::reason::Reason;
use crate::store::{Key, RecordKind, Store, StoreError};
use crate::tier::change;

/// Compiles of one crate that are remembered for explanations.
const MOST: usize = 8;

/// One part of a key: the kind of a [`WhyChange`], what it is, and its value's hash.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Part {
    kind: String,
    what: Vec<u8>,
    value: Key,
}

/// All parts of a key.
pub(super) struct Parts(Vec<Part>);

/// What was found out about a compile.
pub(super) struct Facts<'a> {
    pub(super) toolchain: &'a Toolchain,
    pub(super) linker: Option<&'a Linker>,
    pub(super) crates: &'a Crates,
    pub(super) libraries: &'a [Input],
    pub(super) base: &'a Base,
}

impl Parts {
    pub(super) fn of(
        files: &Files,
        invocation: &Invocation,
        compile: &RustcCompile,
        facts: &Facts<'_>,
    ) -> Result<Self, Reason> {
        let Facts { toolchain, linker, crates, libraries, base } = facts;
        let mut parts = Self(Vec::new());
        parts.add("compiler", b"the compiler is another one", toolchain.compiler.id.as_bytes());
        if let Some(linker) = linker {
            parts.add("compiler", b"the linker is another one", linker.compiler.id.as_bytes());
        }
        parts.add("directory", b"the directory", &base.marked(path(&invocation.cwd)));
        for arg in &compile.asked {
            let arg = base.marked(arg.as_encoded_bytes());
            parts.add("argument", &arg, &arg);
        }
        if let Some(file) = compile.target_file() {
            let input = Input::at(files, invocation.cwd.join(file))?;
            parts.add("file", path(file), &input.hash.0);
        }
        if compile.native {
            parts.add("argument", b"the processor is another one", &plan::processor());
        }
        for one in crates.named.iter().chain(&crates.used) {
            parts.add("file", one.name(), &one.hash.0);
        }
        for one in *libraries {
            parts.add("file", one.name(), &one.hash.0);
        }
        let counting = environment::counting(invocation, compile.links, crates.have_macros);
        for (name, value) in counting {
            let value = value.map_or(&b""[..], |value| value.as_encoded_bytes());
            parts.add("variable", name.as_encoded_bytes(), value);
        }
        Ok(parts)
    }

    fn add(&mut self, kind: &str, what: &[u8], value: &[u8]) {
        self.0.push(Part { kind: kind.to_owned(), what: what.to_vec(), value: Key::of(value) });
    }

    /// The key of what is known of the compile.
    pub(super) fn key(&self) -> Key {
        let mut digest = Digest::new("farmbuild rustc job 1");
        for part in &self.0 {
            digest.bytes(&part.kind, &part.what);
            digest.bytes("value", part.value.as_bytes());
        }
        digest.key()
    }

    /// How this compile of a crate differs from the nearest one that is known.
    pub(super) fn changes(&self, store: &Store, crate_key: &Key) -> Vec<WhyChange> {
        let Some(bytes) = store.get_record(RecordKind::Variants, crate_key) else {
            return Vec::new();
        };
        let then = read(&bytes).into_iter().rev();
        then.map(|then| self.changes_since(&then)).min_by_key(Vec::len).unwrap_or_default()
    }

    fn changes_since(&self, then: &[Part]) -> Vec<WhyChange> {
        let mut changes = Vec::new();
        for (list, other, sign) in [(then, self.0.as_slice(), '-'), (self.0.as_slice(), then, '+')]
        {
            for part in list.iter().filter(|part| !other.contains(part)) {
                let what = shown(&part.what);
                let one = match part.kind.as_str() {
                    "compiler" => change("compiler", what),
                    "directory" => change("directory", "the directory is another one"),
                    "argument" => change("argument", format!("{sign} {what}")),
                    kind => change(kind, what),
                };
                if !changes.contains(&one) {
                    changes.push(one);
                }
            }
        }
        changes
    }

    /// Remembers the parts.
    pub(super) fn keep(&self, store: &Store, crate_key: &Key) -> Result<(), StoreError> {
        store.update_record(RecordKind::Variants, crate_key, |old| {
            let mut known = old.map(read).unwrap_or_default();
            if known.contains(&self.0) {
                return None;
            }
            known.push(self.0.clone());
            if known.len() > MOST {
                known.remove(0);
            }
            postcard::to_allocvec(&known).ok()
        })
    }
}

/// The record of a crate, for explanations.
pub(super) fn of_crate(invocation: &Invocation, compile: &RustcCompile, base: &Base) -> Key {
    let mut digest = Digest::new("farmbuild rustc variants 1");
    digest.bytes("crate", compile.crate_name.as_bytes());
    digest.bytes("source", &base.marked(path(&invocation.cwd.join(&compile.source))));
    digest.list("outputs", compile.outputs.iter().map(|it| &it.name));
    digest.key()
}

fn path(path: &Path) -> &[u8] {
    path.as_os_str().as_encoded_bytes()
}

fn read(bytes: &[u8]) -> Vec<Vec<Part>> {
    postcard::from_bytes(bytes).unwrap_or_default()
}
