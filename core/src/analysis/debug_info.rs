//! How much debug information a compile makes, as its `-g` options add up.

/// The debug information of an object.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct DebugInfo {
    /// As in `-g1`: 0 none, 1 line tables, 2 all, 3 macros too.
    pub level: u8,
    /// Most of it goes to a `.dwo` file (`-gsplit-dwarf`).
    pub split: bool,
    /// Its sections are compressed (`-gz`).
    pub compressed: bool,
}

impl DebugInfo {
    /// Whether there is none.
    #[must_use]
    pub fn is_none(self) -> bool {
        self.level == 0
    }

    /// Whether macro definitions are part of it (`-g3`), which preprocessed text may lack.
    #[must_use]
    pub fn has_macros(self) -> bool {
        self.level >= 3
    }

    /// Takes in what stands behind `-g`.
    pub(super) fn add(&mut self, rest: &[u8]) {
        match rest {
            b"0" | b"gdb0" | b"stabs0" => *self = Self { level: 0, ..*self },
            b"1" | b"gdb1" | b"mlt" | b"line-tables-only" | b"line-directives-only" => {
                self.level = 1;
            }
            b"2" | b"gdb2" => self.level = 2,
            b"3" | b"gdb3" => self.level = 3,
            // These turn it on, and leave a level alone that is set already.
            b"" | b"gdb" | b"full" | b"limited" | b"used" | b"btf" | b"ctf" | b"codeview"
            | b"stabs" | b"stabs+" | b"lldb" | b"sce" | b"dbx" => self.level = self.level.max(2),
            b"split-dwarf" | b"split-dwarf=split" | b"split-dwarf=single" => self.split = true,
            b"no-split-dwarf" => self.split = false,
            b"z=none" => self.compressed = false,
            _ if rest == b"z" || rest.starts_with(b"z=") => self.compressed = true,
            b"dwarf" | [b'd', b'w', b'a', b'r', b'f', b'-', b'0'..=b'9', ..] => {
                self.level = self.level.max(2);
            }
            // `-gcolumn-info`, `-gstrict-dwarf` and the like change it and don't turn it on.
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_add_up_as_the_manual_says() {
        let rows: &[(&[&str], u8)] = &[
            (&[""], 2),
            (&["3", ""], 3),
            (&["", "0"], 0),
            (&["0", "gdb"], 2),
            (&["gdb3"], 3),
            (&["dwarf-4"], 2),
            (&["dwarf-5", "1"], 1),
            (&["line-tables-only"], 1),
            (&["column-info"], 0),
            (&["dwarf-aranges"], 0),
            (&["dwarf64"], 0),
            (&["no-record-gcc-switches"], 0),
            (&["z"], 0),
        ];
        for (options, level) in rows {
            let mut debug_info = DebugInfo::default();
            for option in *options {
                debug_info.add(option.as_bytes());
            }
            assert_eq!(debug_info.level, *level, "{options:?}");
        }
    }

    #[test]
    fn compression_can_be_turned_on_and_off() {
        let mut debug_info = DebugInfo::default();
        debug_info.add(b"z=zlib");
        assert!(debug_info.compressed);
        debug_info.add(b"z=none");
        assert!(!debug_info.compressed);
    }
}
