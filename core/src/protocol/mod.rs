//! What wrapper, command line and daemon say to each other over the daemon's Unix socket.
//!
//! A conversation is a sequence of [`frame`]s that hold [`message`]s. The first frame of each side is a [`hello`],
//! whose form never changes, so that programs of different versions can tell each other apart. Nothing here opens
//! a socket.

pub mod frame;
pub mod hello;
pub mod message;
