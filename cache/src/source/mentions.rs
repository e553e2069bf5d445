//! Whether a macro is mentioned in a set of files.
//!
//! Knows names, not values: a macro counts as mentioned if code, a directive or another macro that is itself mentioned
//! names it. What only a macro names that nobody mentions is never looked at by the preprocessor.

use std::collections::{HashMap, HashSet};

use super::paste::could_paste_of;
use super::{Facts, IdHash};

/// The names that some files mention.
pub struct Mentions<'a> {
    files: &'a [&'a Facts],
    /// For every name in the body of a macro that may be dropped, such macros.
    users: HashMap<IdHash, Vec<&'a str>>,
}

impl<'a> Mentions<'a> {
    /// Takes up `files`: all that a compile reads, and one for its command line; see [`super::same_for`].
    #[must_use]
    pub fn of(files: &'a [&'a Facts]) -> Self {
        let mut users: HashMap<IdHash, Vec<&'a str>> = HashMap::new();
        for defined in files.iter().flat_map(|facts| &facts.macros) {
            for &id in &defined.body {
                users.entry(id).or_default().push(&defined.name);
            }
        }
        Self { files, users }
    }

    /// Whether the macro `name` may take part in a compile: it is mentioned, by code or by a macro that takes part, or
    /// might be pasted.
    #[must_use]
    pub fn reach(&self, name: &str) -> bool {
        let mut seen = HashSet::from([name]);
        let mut waiting = vec![name];
        while let Some(name) = waiting.pop() {
            let id = IdHash::of(name.as_bytes());
            if self.files.iter().any(|facts| facts.mentions.binary_search(&id).is_ok())
                || could_paste_of(name.as_bytes(), self.files, |id| self.users.contains_key(&id))
            {
                return true;
            }
            let users = self.users.get(&id).into_iter().flatten();
            waiting.extend(users.filter(|user| seen.insert(user)));
        }
        false
    }

    /// How often the files define `name`, where they do so in [`Facts::macros`]. Any other definition is a mention.
    #[must_use]
    pub fn definitions(&self, name: &str) -> usize {
        let all = self.files.iter().flat_map(|facts| &facts.macros);
        all.filter(|defined| &*defined.name == name).count()
    }
}
