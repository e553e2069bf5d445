//! How a job that is preprocessed here and compiled elsewhere gives the object of a plain local compile.
//!
//! Knows compilers and objects, but no host and no transport. A reader follows a job through [`Technique`] (how the
//! text is made), [`hazards`] (texts that mean something else elsewhere), [`Recipe`] and [`prove`] (which technique
//! holds for a compiler and its flags) and [`ProducerCut`] (what the object goes through when it is back); [`Sides`] is about what is written beside it.
//! `docs/fidelity.md` tells why.

mod bitcode;
mod comments;
mod compare;
mod counter;
mod cut;
mod hash;
mod hazard;
mod image;
mod indentation;
mod layout;
mod probe;
mod prologue;
mod recipe;
mod references;
mod sides;
mod source;
mod technique;

pub use cut::{ProducerCut, RewriteError};
pub use hazard::{Hazard, LONGEST_TEXT, hazards};
pub use indentation::{may_mislead, warns_of_indentation};
pub use recipe::{Caveat, FidelityError, Question, Ran, Recipe, RunCompiler, prove};
pub use sides::{Side, Sides, beside, exchange, keeps_name};
pub use source::{source_hazard, sources};
pub use technique::{Family, Language, Technique, recipe_flags};
