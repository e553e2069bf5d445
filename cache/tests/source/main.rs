//! What is found in sources, against tables, arbitrary bytes and real compilers.

mod arbitrary;
mod compilers;
mod corpus;
mod differences;
mod findings;
mod predefined;
mod speed;
