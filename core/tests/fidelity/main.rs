//! What a job compiled elsewhere gives, held against real compilers.

mod compiler;
mod objects;
mod real_project;
mod warnings;
