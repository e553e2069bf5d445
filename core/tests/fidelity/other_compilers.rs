//! Compilers that not every machine has: older and newer ones, and those for other processors.
//!
//!     FARMBUILD_TEST_COMPILERS="aarch64-linux-gnu-gcc /opt/gcc-11/bin/gcc" \
//!         cargo test -p farmbuild-core --test fidelity -- --ignored other_compilers

use crate::compiler::Split;

#[test]
#[ignore = "needs the names of compilers in FARMBUILD_TEST_COMPILERS"]
fn a_gcc_of_any_kind_is_exact() {
    let compilers = std::env::var("FARMBUILD_TEST_COMPILERS").expect("FARMBUILD_TEST_COMPILERS");
    let mut inexact = Vec::new();
    for compiler in compilers.split_whitespace() {
        for flags in ["-O2", "-g -O2", "-g -O0 -gdwarf-4 -fPIC -ffunction-sections"] {
            if let Some(caveat) = Split::new(compiler, flags).recipe.caveat {
                inexact.push(format!("{compiler} {flags}: {caveat}"));
            }
        }
    }
    assert!(inexact.is_empty(), "{}", inexact.join("\n"));
}
