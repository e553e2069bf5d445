//! Options about dependency files, and what they come to when they are left to the compiler.
//!
//! A dependency file names the object, and is named after it. A preprocessor run apart from the compile knows no
//! object, so both names must be spelt out for it.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use super::compiler::Family;
use super::options::Dependency;
use super::plan::is_special;
use super::refusal::Refusal;

/// A dependency file that a compile writes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DependencyFile {
    /// Its name, as spelt or as the compiler would make it up.
    pub path: PathBuf,
    /// It doesn't tell of system headers (`-MMD`).
    pub users_only: bool,
    /// `-MP`, and the names of `-MT` and `-MQ` behind these options.
    pub form: Vec<OsString>,
    /// Its target is the object, because none is given.
    pub names_object: bool,
}

/// The dependency options of one command line.
#[derive(Clone, Debug, Default)]
pub(super) struct DependencyOptions {
    /// `-MD` or `-MMD` is there.
    by_driver: bool,
    /// Without system headers: `-MMD` came last.
    users_only: bool,
    /// `-MT`, `-MQ` and `-MP`, each with its name.
    form: Vec<OsString>,
    /// The last `-MF`.
    file: Option<OsString>,
    /// `-MT` or `-MQ` is there.
    has_target: bool,
    /// The file of `-Wp,-MD,FILE`, where the driver doesn't see it.
    by_preprocessor: Option<OsString>,
    /// `-Wp,-MT,NAME` or `-Wp,-MQ,NAME` is there.
    has_target_by_preprocessor: bool,
}

impl DependencyOptions {
    /// Takes in an option of the driver's.
    pub(super) fn add(&mut self, option: Dependency, arg: &OsStr, value: Option<&OsStr>) {
        match option {
            Dependency::Write | Dependency::WriteUsers => {
                self.by_driver = true;
                self.users_only = option == Dependency::WriteUsers;
            }
            Dependency::File => self.file = value.map(OsStr::to_owned),
            Dependency::Target => {
                self.has_target = true;
                self.form.extend([arg.to_owned(), value.unwrap_or_default().to_owned()]);
            }
            Dependency::Phony => self.form.push(arg.to_owned()),
        }
    }

    /// The dependency file's path and form, if one is written beside `object`.
    pub(super) fn file(&self, family: Family, object: &Path) -> Option<DependencyFile> {
        let given = self.has_target || self.has_target_by_preprocessor;
        Some(DependencyFile {
            path: self.path(object)?,
            users_only: self.users_only,
            form: self.form.clone(),
            names_object: self.driver_sees(family) && !given,
        })
    }

    /// clang reads `-Wp,-MD,FILE` as its driver's `-MD -MF FILE` and names the object. gcc hands it on, and its
    /// preprocessor, which knows no object, makes the name from the source's, here as in a compile.
    fn driver_sees(&self, family: Family) -> bool {
        self.by_preprocessor.is_none() || family == Family::Clang
    }

    /// Whether both the driver and the preprocessor are told of a file.
    pub(super) fn is_mixed(&self) -> bool {
        self.by_preprocessor.is_some() && (self.by_driver || self.file.is_some())
    }

    /// Takes in `-Wp,-MD,FILE`.
    pub(super) fn add_file_by_preprocessor(
        &mut self,
        file: &OsStr,
        users_only: bool,
    ) -> Result<(), Refusal> {
        self.users_only = users_only;
        match self.by_preprocessor.replace(file.to_owned()) {
            Some(_) => Err(Refusal::DependencyOptions),
            None => Ok(()),
        }
    }

    /// Takes in `-Wp,-MT,NAME`.
    pub(super) fn add_target_by_preprocessor(&mut self) {
        self.has_target_by_preprocessor = true;
    }

    /// Whether a dependency file is asked for.
    pub(super) fn is_asked_for(&self) -> bool {
        self.by_driver || self.by_preprocessor.is_some()
    }

    /// The dependency file of a compile of one source.
    pub(super) fn path(&self, object: &Path) -> Option<PathBuf> {
        if let Some(file) = &self.by_preprocessor {
            return Some(file.into());
        }
        self.by_driver.then(|| match &self.file {
            Some(file) => file.into(),
            None => object.with_extension("d"),
        })
    }

    /// What a preprocessor run apart needs beside what the user gave.
    ///
    /// # Errors
    /// [`Refusal::DependencyOptions`] where gcc and clang disagree or can't be followed.
    pub(super) fn explicit(&self, family: Family, object: &Path) -> Result<Vec<OsString>, Refusal> {
        let mut args = Vec::new();
        let Some(path) = self.path(object) else {
            // gcc calls `-MF` or `-MT` without `-MD` an error, clang ignores them; both will themselves.
            return Ok(args);
        };
        if self.is_mixed() || path.as_os_str().is_empty() || is_special(&path) {
            return Err(Refusal::DependencyOptions);
        }
        if self.by_preprocessor.is_none() && self.file.is_none() {
            args.extend(["-MF".into(), path.into_os_string()]);
        }
        if self.driver_sees(family) && !self.has_target && !self.has_target_by_preprocessor {
            args.extend(["-MQ".into(), object.into()]);
        }
        Ok(args)
    }
}
