//! The declaration tier's library against real compilers.

mod corpus;
mod measure;
mod mutation;
mod seeds;
