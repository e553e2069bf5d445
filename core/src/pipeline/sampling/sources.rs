//! Sources to keep a board busy with: as long as real ones, of all sorts of code, and the same each time.

use std::fmt::Write;

use crate::fidelity::Language;

/// Functions of a source: about as much to compile as a file of a kernel or of a server.
const FUNCTIONS: usize = 200;

/// Source number `number` in a language.
pub(super) fn source(number: u64, language: Language) -> String {
    let mut numbers = Numbers(number.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
    let mut text = match language {
        Language::Cxx => HEAD_CXX.to_owned(),
        _ => HEAD_C.to_owned(),
    };
    for at in 0..FUNCTIONS {
        // Writing to a String can't fail.
        let _ = match numbers.below(5) {
            0 => hash(&mut text, at, &mut numbers),
            1 => matrix(&mut text, at, &mut numbers),
            2 => list(&mut text, at, &mut numbers),
            3 => states(&mut text, at, &mut numbers),
            _ if language == Language::Cxx => class(&mut text, at, &mut numbers),
            _ => bits(&mut text, at, &mut numbers),
        };
    }
    text
}

const HEAD_C: &str = "\
struct node { struct node *next, *left; unsigned long key; double weight; char name[24]; };
";

const HEAD_CXX: &str = "\
struct node { node *next, *left; unsigned long key; double weight; char name[24]; };
template <typename T, int N> struct ring {
	T slots[N];
	unsigned at = 0;
	void push(T value) { slots[at++ % N] = value; }
	template <typename F> T fold(T start, F each) const {
		for (const T &slot : slots)
			start = each(start, slot);
		return start;
	}
};
extern \"C\" {
struct sink { virtual ~sink() {} virtual long take(long) = 0; };
}
";

/// Numbers that look like chance and aren't.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, bound: u64) -> u64 {
        // xorshift64 (Marsaglia 2003).
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % bound
    }

    fn odd(&mut self) -> u64 {
        self.below(1 << 31) | 1
    }
}

fn hash(text: &mut String, at: usize, numbers: &mut Numbers) -> std::fmt::Result {
    writeln!(text, "unsigned long hash{at}(const unsigned char *data, unsigned long length)\n{{")?;
    writeln!(text, "\tunsigned long a = {}, b = {};", numbers.odd(), numbers.odd())?;
    writeln!(text, "\tfor (unsigned long i = 0; i < length; i++) {{")?;
    for _ in 0..2 + numbers.below(4) {
        let (shift, factor) = (1 + numbers.below(30), numbers.odd());
        writeln!(text, "\t\ta = (a ^ (data[i] << {})) * {factor}UL;", shift % 8)?;
        writeln!(text, "\t\tb += (a >> {shift}) | (b << {});", 32 - shift)?;
    }
    writeln!(text, "\t}}\n\treturn a % {}UL ^ b;\n}}", numbers.odd())
}

fn matrix(text: &mut String, at: usize, numbers: &mut Numbers) -> std::fmt::Result {
    let (rows, columns) = (3 + numbers.below(6), 3 + numbers.below(6));
    let (step, scale) = (1 + numbers.below(3), numbers.below(1000));
    write!(
        text,
        "void mix{at}(double (*to)[{columns}], const double (*from)[{columns}], const float *by)
{{
	for (int i = 0; i < {rows}; i++)
		for (int j = 0; j < {columns}; j += {step}) {{
			double sum = {scale}.125;
			for (int k = 0; k < {rows}; k++)
				sum += from[k][j] * by[i * {rows} + k] - (double)(i ^ k) / {};
			to[i][j] = sum > {scale} ? sum : -sum * 0.5;
		}}
}}
",
        1 + numbers.below(50)
    )
}

fn list(text: &mut String, at: usize, numbers: &mut Numbers) -> std::fmt::Result {
    let (limit, place, other) = (numbers.odd(), numbers.below(24), numbers.below(24));
    write!(
        text,
        "struct node *find{at}(struct node *node, unsigned long key, double *seen)
{{
	unsigned long steps = 0;
	while (node && node->key != key) {{
		*seen += node->weight * (double)steps;
		if (node->name[{place}] < node->name[{other}] && node->left)
			node = node->left->key < key ? node->left->next : node->left;
		else
			node = node->next;
		if (++steps > {limit}UL)
			return (struct node *)0;
	}}
	return node;
}}
"
    )
}

fn states(text: &mut String, at: usize, numbers: &mut Numbers) -> std::fmt::Result {
    let count = 5 + numbers.below(12);
    writeln!(text, "int step{at}(int state, int input, long *out)\n{{\n\tswitch (state) {{")?;
    for state in 0..count {
        let (next, on, factor) = (numbers.below(count), numbers.below(128), numbers.below(97));
        writeln!(text, "\tcase {}:", state * (1 + numbers.below(2)) + state * state)?;
        writeln!(text, "\t\t*out += input * {factor} - (*out >> {});", 1 + next)?;
        writeln!(text, "\t\treturn input > {on} ? {next} : state ^ {};", numbers.below(count))?;
    }
    writeln!(text, "\tdefault:\n\t\treturn -1;\n\t}}\n}}")
}

fn bits(text: &mut String, at: usize, numbers: &mut Numbers) -> std::fmt::Result {
    let (a, b, c) = (1 + numbers.below(20), 1 + numbers.below(20), numbers.odd());
    write!(
        text,
        "unsigned bits{at}(unsigned x, const short *table, int length)
{{
	unsigned count = 0;
	for (x ^= {c}u; x; x &= x - 1)
		count += (unsigned)table[(x >> {a}) % (unsigned)length] << (x % {b});
	for (int i = length; i-- > 0;)
		count = count * 31u + (unsigned)(table[i] / ({b} + (i & 7)));
	return count;
}}
"
    )
}

fn class(text: &mut String, at: usize, numbers: &mut Numbers) -> std::fmt::Result {
    let (size, factor) = (2 + numbers.below(14), numbers.odd());
    let kind = ["int", "long", "short", "unsigned"][numbers.below(4) as usize];
    write!(
        text,
        "struct sink{at} : sink {{
	ring<{kind}, {size}> kept;
	long sum = {factor};
	long take(long value) override
	{{
		kept.push(({kind})(value * {factor}L));
		return sum += kept.fold({kind}(0), [=]({kind} a, {kind} b) {{ return ({kind})(a * 3 + b); }});
	}}
}};
sink *make{at}() {{ static sink{at} one; return &one; }}
"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_is_the_same_each_time_and_no_two_are_alike() {
        for language in [Language::C, Language::Cxx] {
            assert_eq!(source(3, language), source(3, language));
            assert_ne!(source(3, language), source(4, language));
            assert!(source(3, language).lines().count() > 1000);
        }
    }

    #[test]
    fn compilers_have_nothing_to_say_about_them() {
        let space = tempfile::tempdir().unwrap();
        for (compiler, language) in [("gcc", Language::C), ("g++", Language::Cxx)] {
            for number in 0..4 {
                let name = format!("a.{}", language.source_extension());
                std::fs::write(space.path().join(&name), source(number, language)).unwrap();
                let mut command = std::process::Command::new(compiler);
                let ran = command.args(["-fsyntax-only", &name]).current_dir(space.path());
                let ran = ran.output().unwrap();
                assert!(ran.status.success() && ran.stderr.is_empty(), "{ran:?}");
            }
        }
    }
}
