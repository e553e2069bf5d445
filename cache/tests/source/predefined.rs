//! Macros that compilers come with.

use std::process::Command;

use farmbuild_cache::source::Facts;

/// None of them may be defined unnoticed, nor may what they expand to.
#[test]
fn no_name_of_the_compilers_own_macros_may_be_dropped() {
    for (compiler, language) in [("gcc", "c"), ("gcc", "c++"), ("clang", "c"), ("clang", "c++")] {
        for standard in ["gnu11", "gnu17"] {
            let standard = format!(
                "-std={}",
                standard.replace("gnu", if language == "c" { "gnu" } else { "gnu++" })
            );
            let output = Command::new(compiler)
                .args(["-dM", "-E", "-x", language, &standard, "/dev/null"])
                .output();
            let Ok(output) = output else { continue };
            assert!(output.status.success(), "{compiler} {standard}");
            let text = String::from_utf8(output.stdout).unwrap();
            for line in text.lines() {
                let (_, rest) = line.split_once(' ').unwrap();
                let code = rest.split('"').step_by(2).collect::<String>();
                for word in code.split(|c: char| !c.is_ascii_alphanumeric() && c != '_') {
                    if word.starts_with(|c: char| c.is_ascii_alphabetic()) && word.len() > 1 {
                        // Short ones are parameters and suffixes of numbers.
                        let facts = Facts::of(format!("a;\n#define {word} 1\nb;\n").as_bytes());
                        let suffix =
                            word.chars().all(|c| "ULFDQWBb".contains(c)) || is_exponent(word);
                        assert!(
                            suffix || facts.macros.is_empty(),
                            "{compiler} {language}: {word} in {line}"
                        );
                    }
                }
            }
        }
    }
}

fn is_exponent(word: &str) -> bool {
    word.starts_with(['p', 'e', 'E']) && word[1..].starts_with(|c: char| c.is_ascii_digit())
}
