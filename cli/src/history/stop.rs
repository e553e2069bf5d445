//! When to end: a signal from outside, or somebody here who no longer needs what is being done.

use std::io;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use signal_hook::consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM};

use super::HistoryError;

/// A request to end, shared by all who should hear it.
#[derive(Clone, Debug)]
pub(crate) struct Stop {
    /// The number of a signal that came; 0 is none.
    signal: Arc<AtomicUsize>,
    asked: Arc<AtomicBool>,
}

impl Stop {
    /// Signals that would end this process become requests from now on.
    pub(crate) fn on_signals() -> io::Result<Self> {
        let signal = Arc::new(AtomicUsize::new(0));
        for number in [SIGINT, SIGTERM, SIGHUP, SIGQUIT] {
            let value = usize::try_from(number).unwrap_or_default();
            signal_hook::flag::register_usize(number, Arc::clone(&signal), value)?;
        }
        Ok(Self { signal, asked: Arc::default() })
    }

    /// One that signals reach as well, and that can be asked apart from the others.
    pub(crate) fn apart(&self) -> Self {
        Self { signal: Arc::clone(&self.signal), asked: Arc::default() }
    }

    pub(crate) fn ask(&self) {
        self.asked.store(true, Ordering::Relaxed);
    }

    pub(crate) fn is_asked(&self) -> bool {
        self.asked.load(Ordering::Relaxed) || self.signal.load(Ordering::Relaxed) != 0
    }

    /// An error if it is time to end.
    pub(crate) fn check(&self) -> Result<(), HistoryError> {
        if self.is_asked() { Err(HistoryError::Stopped) } else { Ok(()) }
    }

    /// Ends this process as the signal would have; `otherwise`, if there was none.
    pub(crate) fn pass_on(&self, otherwise: ExitCode) -> ExitCode {
        match i32::try_from(self.signal.load(Ordering::Relaxed)) {
            Ok(signal @ 1..) => {
                // Returns only for a signal that can't be raised; its status in a shell stands for it then.
                let _ = signal_hook::low_level::emulate_default_handler(signal);
                ExitCode::from(u8::try_from(128 + signal).unwrap_or(1))
            }
            _ => otherwise,
        }
    }
}
