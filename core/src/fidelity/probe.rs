//! The sources that a compiler is tried on: small, without system headers, valid in every standard, and full of what
//! makes columns, comments, macros and debug strings hard to carry over.

use std::ffi::OsString;

use super::technique::Language;

/// The header that both sources include, so that there is a second file to name.
pub(super) const HEADER_NAME: &str = "probe.h";
pub(super) const HEADER: &str = r#"#ifndef PROBE_H
#define PROBE_H
#define PROBE_JOIN_(a, b) a##b
#define PROBE_JOIN(a, b) PROBE_JOIN_(a, b)
#define PROBE_SQUARE(x) ((x) * (x))
#define PROBE_LOOP(i, n) for ((i) = 0; (i) < (n); ++(i))
#define PROBE_QUIET(x) _Pragma("GCC diagnostic push") x _Pragma("GCC diagnostic pop")
struct probe_of_a_long_enough_name {
	int first_of_the_fields,	second_of_the_fields;
	struct { long inner_of_the_fields; } nested_of_the_fields;
};
#if 0
skipped

lines,

more

than

eight
#endif
enum probe_choice { PROBE_CHOICE_ONE = 1, PROBE_CHOICE_TWO };
static __inline__ int probe_inline(int argument_of_inline) { return PROBE_SQUARE(argument_of_inline) + 1; }
#endif
"#;

const BODY: &str = r#"#include "probe.h"
#define PROBE_LOCAL(name) \
	static int PROBE_JOIN(name, __LINE__) = __COUNTER__
PROBE_LOCAL(probe_variable_);   PROBE_LOCAL(probe_second_);	/* two on a line */
extern int probe_undefined_function(const char *text_argument, int);
typedef unsigned long int probe_alias;
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wunused"
#pragma GCC push_options
#pragma GCC optimize "no-unroll-loops"
#pragma GCC pop_options
#pragma GCC diagnostic pop
#pragma pack(push, 1)
#pragma pack(pop)
#pragma STDC FP_CONTRACT OFF
#pragma weak probe_weak
int probe_table[] = { PROBE_SQUARE(3),   PROBE_CHOICE_TWO, __COUNTER__, __LINE__ };
int probe_switch(struct probe_of_a_long_enough_name *pointer_argument, int choice)
{
	int index_of_the_loop; probe_alias sum_of_all = 0;
	switch (choice) {
	case PROBE_CHOICE_ONE:
		sum_of_all += probe_inline(pointer_argument->first_of_the_fields);
		/* fall through */
	case PROBE_CHOICE_TWO: PROBE_LOOP(index_of_the_loop, 4) { sum_of_all += probe_table[index_of_the_loop]; }
		break;
	default: return probe_undefined_function(__FILE__, PROBE_SQUARE(choice
			+ __LINE__));
	}
#pragma acc wait
#pragma omp parallel for
	for (index_of_the_loop = 0; index_of_the_loop < 4; index_of_the_loop++) probe_table[index_of_the_loop] *= 2;
	PROBE_QUIET(pointer_argument->second_of_the_fields = (int) sum_of_all;)
	{ static int probe_block_static; probe_block_static += choice;
	  return probe_block_static; }
}
# 400 "probe_generated.y"
int probe_from_another_file(void) { return probe_undefined_function(__FILE__, __LINE__); }
int *probe_uses(void) { return PROBE_JOIN(probe_, table); }
"#;

const CXX: &str = r#"
namespace probe_space {
template <typename Kind> struct probe_template { Kind member_of_template; Kind get() const { return member_of_template; } };
class probe_class { public: virtual ~probe_class(); virtual int method_of_class(int a) { return a + PROBE_SQUARE(a); } int field; };
probe_class::~probe_class() {}
inline int probe_comdat(int a) { static int kept; return kept += a; }
namespace { int probe_hidden = 3; }
}
int probe_cxx(int a) { probe_space::probe_template<int> t = { a }; probe_space::probe_class c; return t.get() + c.method_of_class(a) + probe_space::probe_comdat(probe_space::probe_hidden); }
"#;

const MODERN_CXX: &str = r#"const char *probe_raw() { return R"x(
#define PROBE_SQUARE /* text */ " // more
#include "nowhere.h"
)x"; }
auto probe_lambda = [](int a) { return PROBE_SQUARE(a); };
"#;

/// The source for `language` under these flags.
pub(super) fn source(language: Language, flags: &[OsString]) -> String {
    // Raw strings of old standards aren't lexed as such, not even in skipped text.
    let old = flags.iter().any(|flag| {
        ["-ansi", "-std=c++98", "-std=gnu++98", "-std=c++03", "-std=gnu++03"]
            .iter()
            .any(|old| flag == old)
    });
    match language {
        Language::C => BODY.to_owned(),
        Language::Cxx if old => [BODY, CXX].concat(),
        Language::Cxx => [BODY, CXX, MODERN_CXX].concat(),
    }
}
