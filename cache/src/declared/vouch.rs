//! A compiler's test, with the flags of a job: a small text with and without declarations that nobody uses must give the
//! same object; with debug info, a text with them in other places.

use farmbuild_core::analysis::RemotePlan;
use farmbuild_core::job::Invocation;
use farmbuild_core::pipeline::Home;

use super::probe::Probe;
use crate::job::Job;
use crate::plan::Sensitivity;

const USED: &str = "typedef unsigned long word_t;
struct pair { word_t one, two; };
enum kind { FIRST, SECOND = 4 };
struct holder { int number; struct opaque *opaque; };
static inline word_t sum(const struct pair *it) { return it->one + it->two; }
";
const REST: &str = "static int counter;
int object = 3;
const char *text = \"a text\";
int main_of(struct pair *it, enum kind kind)
{
 static int calls;
 struct pair other = *it;
 calls++;
 for (int at = 0; at < counter; at++) other.one += sum(&other);
 return kind == SECOND ? calls + counter++ : (int)sum(&other);
}
int number_of(struct holder *to, struct holder *from) { *to = *from; return to->number; }
int second_of(struct seen *to, struct seen *from) { to->first = from->first; to->second++; return from->second; }
";
/// What is only pointed to.
const OPAQUE: [&str; 3] = [
    "struct opaque { int inside; };\n",
    "struct opaque { long before; struct opaque *next; int inside; };\n",
    "struct opaque { char inside[9]; } __attribute__((packed));\n",
];
/// What is only looked into, with something in a hole or not.
const SEEN: [&str; 3] = [
    "struct seen { char first; int second; };\n",
    "struct seen { char first; char hole; int second; };\n",
    "struct seen { char first; short hole; int second; };\n",
];
/// Before, between and behind the used ones.
const UNUSED: [&str; 3] = [
    "struct unused_node { struct unused_node *next; int value; };
typedef struct { int quot, rem; } unused_pair;
extern int unused_function(struct unused_node *it, unused_pair pair);
extern int unused_object;
extern int unused_early(void) __attribute__((section(\".unused\"), visibility(\"hidden\")));
",
    "enum unused_kind { UNUSED_A, UNUSED_B };
union unused_union { float real; int number; };
static inline int unused_inline(struct unused_node *it) { int sum = 0; while (it) { sum += it->value; it = it->next; } return sum + unused_object; }
static inline int unused_keeper(int it) { static int calls; static const char table[] __attribute__((used)) = { 1, 2 }; extern int unused_elsewhere(int); __asm__(\"\"); return ++calls + table[it & 1] + unused_elsewhere(it); }
static inline __attribute__((section(\".unused\"))) int unused_placed(int it) { return it - 1; }
static inline int unused_caller(void) { struct unused_node node = { 0, UNUSED_B }; return unused_inline(&node); }
",
    "extern const char *unused_names[];
static inline const char *unused_text(int at) { return at ? unused_names[at] : \"an unused text\"; }
struct unused_last { char name[40]; };
",
];

/// Texts that must give the same object: with unused declarations and without.
fn with_and_without() -> [String; 3] {
    let [before, between, behind] = UNUSED;
    [
        format!("# 1 \"probe.c\"\n{}{}{USED}{REST}", OPAQUE[0], SEEN[0]),
        format!("# 1 \"probe.c\"\n{}{}{before}{USED}{between}{REST}{behind}", OPAQUE[1], SEEN[1]),
        format!("# 1 \"probe.c\"\n{USED}{before}{}{}{REST}{between}{behind}", OPAQUE[2], SEEN[2]),
    ]
}

/// Likewise for debug info: with the unused declarations in other places.
fn here_and_there() -> [String; 3] {
    let text = |files: [&str; 3], lines: [u32; 3]| {
        let unused = |at: usize| {
            let (file, line) = (files[at], lines[at]);
            format!("# {line} \"{file}\" 1\n{}# 40 \"probe.c\" 2\n", UNUSED[at])
        };
        format!(
            "# 1 \"probe.c\"\n{}# 10 \"probe.c\"\n{}{USED}{}# 20 \"probe.c\"\n{REST}{}",
            unused(0),
            SEEN[0],
            unused(1),
            unused(2)
        )
    };
    [
        text(["a.h", "a.h", "a.h"], [1, 1, 1]),
        text(["a.h", "b/other.h", "c.h"], [1, 700, 33]),
        text(["z/last.h", "b/other.h", "a.h"], [123_456, 2, 9]),
    ]
}

/// Whether unused declarations stay out of the object; if not, why the tier can't be used.
pub(super) async fn check(home: &dyn Home, job: &Job) -> Result<(), String> {
    let texts = match job.plan.sensitivity {
        Sensitivity::Meaning => with_and_without(),
        _ => here_and_there(),
    };
    match &job.question.analysis.remote {
        Ok(plan) => compare(home, &job.question.invocation, plan, &texts).await,
        Err(_) => Err("how to compile a text with these flags can't be told".to_owned()),
    }
}

async fn compare(
    home: &dyn Home,
    invocation: &Invocation,
    plan: &RemotePlan,
    texts: &[String],
) -> Result<(), String> {
    let probe = Probe::new(plan)?;
    let mut first: Option<Vec<u8>> = None;
    for text in texts {
        let bytes = probe.object_of(home, invocation, text.as_bytes()).await?;
        match &first {
            None => first = Some(bytes),
            Some(first) if *first != bytes => {
                return Err(
                    "declarations that nobody uses show in this compiler's objects".to_owned()
                );
            }
            Some(_) => {}
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::ffi::OsString;
    use std::{fs, io};

    use async_trait::async_trait;
    use bytes::Bytes;
    use farmbuild_core::analysis::Language;
    use farmbuild_core::job::CompilerStatus;
    use farmbuild_core::pipeline::Ran;

    use super::*;

    /// A compiler that makes an object of what it finds.
    struct Made(fn(&[u8]) -> Option<Vec<u8>>);

    #[async_trait]
    impl Home for Made {
        async fn run(&self, _: &Invocation, args: &[OsString]) -> io::Result<Ran> {
            let object = (self.0)(&fs::read(&args[0])?);
            if let Some(object) = &object {
                fs::write(&args[1], object)?;
            }
            let status = CompilerStatus::Exited(i32::from(object.is_none()));
            Ok(Ran { status, stdout: Bytes::new(), stderr: Bytes::new() })
        }
    }

    fn checked(made: fn(&[u8]) -> Option<Vec<u8>>) -> Result<(), String> {
        let invocation = Invocation {
            program: "cc".into(),
            argv: vec!["cc".into()],
            cwd: "/".into(),
            env: Vec::new(),
            umask: 0o022,
        };
        let plan = RemotePlan {
            preprocess_args: Vec::new(),
            compile_args: vec!["in".into(), "out".into()],
            input: 0,
            output: 1,
            language: Language::C,
            forced_includes: Vec::new(),
            forbids_directives_only: false,
        };
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(compare(&Made(made), &invocation, &plan, &with_and_without()))
    }

    #[test]
    fn a_compiler_that_leaves_out_what_is_unused_passes() {
        assert_eq!(checked(|_| Some(b"object".to_vec())), Ok(()));
    }

    #[test]
    fn one_whose_objects_show_it_or_that_fails_does_not() {
        let shows = checked(|text| Some(text.to_vec()));
        assert!(shows.is_err_and(|why| why.contains("show in this compiler's objects")));
        assert!(checked(|_| None).is_err_and(|why| why.contains("doesn't compile")));
    }
}
