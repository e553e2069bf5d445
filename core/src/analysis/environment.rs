//! Environment variables that change what gcc and clang read or write.
//!
//! Variables for preprocessing alone (`CPATH`, `C_INCLUDE_PATH`, ...) aren't listed: preprocessing runs here, with the
//! build's own environment.

use std::ffi::OsString;

use super::refusal::{Refusal, Refused};

/// As in gcc's manual, "Environment Variables Affecting GCC", and clang's driver.
const NAMES: &[&str] = &[
    "CCC_ADD_ARGS",
    "CCC_OVERRIDE_OPTIONS",
    "COMPILER_PATH",
    "DEPENDENCIES_OUTPUT",
    "GCC_COMPARE_DEBUG",
    "GCC_EXEC_PREFIX",
    "SUNPRO_DEPENDENCIES",
];

/// Why a compile under this environment stays here, if it does.
#[must_use]
pub fn refused(env: &[(OsString, OsString)]) -> Option<Refused> {
    let (name, _) = env.iter().find(|(name, value)| {
        !value.is_empty() && NAMES.iter().any(|known| name.as_os_str() == *known)
    })?;
    Some(Refused { reason: Refusal::Environment, argument: Some(name.clone()) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_variable_that_writes_dependencies_keeps_the_compile_here() {
        let env = [("PATH", "/bin"), ("DEPENDENCIES_OUTPUT", "all.d")]
            .map(|(name, value)| (OsString::from(name), OsString::from(value)));
        assert_eq!(refused(&env).map(|refused| refused.reason), Some(Refusal::Environment));
    }

    #[test]
    fn header_paths_travel_and_empty_variables_mean_nothing() {
        let env = [("CPATH", "inc"), ("COMPILER_PATH", "")]
            .map(|(name, value)| (OsString::from(name), OsString::from(value)));
        assert_eq!(refused(&env), None);
    }
}
