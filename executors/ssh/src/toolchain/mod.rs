//! Toolchains on a board: which there are, and how one gets there.
//!
//! Over the connection that jobs use, a script of its own takes a toolchain file by file, in a place that the board's keeper
//! removes if we are gone; checks what has arrived against checksums, tries it, and gives it its name at once. The board needs
//! neither tar nor zstd. Knows no archive: what is sent was read, and found sound, by the caller. `docs/toolchains.md` has
//! the format.

mod answer;
mod session;
mod shipment;

pub use self::answer::HostToolchain;
pub use self::session::{PushError, Pushed};
pub use self::shipment::{Shipment, ShipmentError, ShippedFile};
