//! What is found in sources, against tables, arbitrary bytes and real compilers.

#![expect(clippy::unwrap_used, reason = "what a test can't do without is a panic")]

mod arbitrary;
mod compilers;
mod corpus;
mod differences;
mod findings;
mod predefined;
mod speed;
