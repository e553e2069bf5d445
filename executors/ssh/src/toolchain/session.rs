//! One shell on a board that tells of toolchains and takes them.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use farmbuild_core::executor::ExecError;
use tokio::fs::File;
use tokio::io::AsyncReadExt;
use tokio::process::ChildStdout;

use super::answer::{HostToolchain, Line, MOST, parse};
use super::shipment::{Shipment, ShippedFile};
use crate::executor::{Compression, SshExecutor};
use crate::keeper::{Greeted, Keeper, greet, refusal};
use crate::lines::{Failure, Incoming};
use crate::scripts;
use crate::trouble::Subject;
use crate::worker::send;

const ASKING: &str = "asking for its toolchains";
const SENDING: &str = "sending a toolchain";
const INSTALLING: &str = "checking a toolchain there";

/// How long a board may take to hash a toolchain, or to remove an old one: cards are slow.
const SLOW: Duration = Duration::from_secs(600);
const PIECE: usize = 64 * 1024;

/// What became of a push.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pushed {
    /// It was sent, and jobs use it.
    New {
        /// Bytes that were sent.
        sent: u64,
    },
    /// It was there and in use already.
    There,
    /// It was there, and is in use again.
    Switched,
}

/// Why a board hasn't got a toolchain. What it had before is as it was.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PushError {
    /// The host or the way to it failed.
    #[error(transparent)]
    Host(#[from] ExecError),
    /// It runs on other machines.
    #[error(
        "it is a machine of kind {machine}, and this toolchain runs on {wanted}: pack the compiler on a machine of kind {machine} (one that \
         compiles for {target})"
    )]
    Machine {
        /// What the board is.
        machine: String,
        /// What the toolchain is for.
        wanted: String,
        /// What it compiles for.
        target: String,
    },
    /// There is no room.
    #[error("it has room for {room} MiB, and {wanted} MiB are needed: make room in ~/.cache there")]
    Room {
        /// What there is.
        room: u64,
        /// What there should be.
        wanted: u64,
    },
    /// What arrived isn't what was sent.
    #[error(
        "what arrived there isn't what was sent ({0}); is its disk sound, and has it `sha256sum` of coreutils?"
    )]
    Sums(String),
    /// It doesn't run there.
    #[error(
        "it doesn't run there: \"{0}\"; may programs be run in ~/.cache there, and is its kernel new enough?"
    )]
    Run(String),
    /// Its own files can't be read on this machine.
    #[error("it can't be read here: {0}")]
    Here(#[from] io::Error),
}

impl SshExecutor {
    /// The toolchains that were pushed to the host.
    ///
    /// # Errors
    /// [`ExecError`] if the host or the way to it failed.
    pub async fn toolchains(&self) -> Result<Vec<HostToolchain>, ExecError> {
        let mut session = Session::start(self).await?;
        session.send(b"list\n").await.map_err(|failure| self.subject.failed(failure, ASKING))?;
        let mut found = Vec::new();
        loop {
            match session.line(self.config().timeouts.receive, ASKING).await? {
                Line::Toolchain(one) if found.len() < MOST => found.push(one),
                Line::End => return Ok(found),
                other => return Err(session.odd(other)),
            }
        }
    }

    /// Puts a toolchain on the host, unless it is there, and has jobs use it. `sent` is told of bytes as they go.
    ///
    /// Cancel-safe: dropping the future leaves the host with what it had, and what was begun there is removed.
    ///
    /// # Errors
    /// [`PushError`]; the host then has what it had.
    pub async fn push(
        &self,
        shipment: &Shipment,
        sent: &(dyn Fn(u64) + Sync),
    ) -> Result<Pushed, PushError> {
        let mut session = Session::start(self).await?;
        let Shipment { name, version, compiler, target, files, .. } = shipment;
        let head = format!("push {name} {version} {} {compiler} {target}\n", files.len());
        session
            .send(head.as_bytes())
            .await
            .map_err(|failure| self.subject.failed(failure, SENDING))?;
        match session.line(SLOW, SENDING).await? {
            Line::There => return Ok(Pushed::There),
            Line::Switched => return Ok(Pushed::Switched),
            Line::Send { machine, room } => suits(shipment, &machine, room)?,
            other => return Err(session.odd(other).into()),
        }
        let packs = session.keeper.unpacks && self.config().compression == Compression::Auto;
        let packed = if packs { Some(shipment.packed().await?) } else { None };
        let mut total = 0;
        for (number, file) in files.iter().enumerate() {
            let packed = packed.and_then(|it| it.files[number].as_ref());
            total += session.send_file(file, packed.map(|it| (it.0.as_path(), it.1)), sent).await?;
        }
        let sums = shipment.sums();
        let tail = format!("{}\n{sums}install\n", sums.len());
        if let Err(failure) = session.send(tail.as_bytes()).await {
            return Err(session.unsent(failure).await);
        }
        match session.line(SLOW, INSTALLING).await? {
            Line::Done => Ok(Pushed::New { sent: total }),
            other => Err(session.gave_up(other)),
        }
    }
}

/// Whether a board can have a toolchain, as far as it can be told before it is sent.
fn suits(shipment: &Shipment, machine: &str, room: Option<u64>) -> Result<(), PushError> {
    // A kernel of 64 bits may have programs of 32 around it, and then it is found out by trying.
    let family = |machine: &str| match machine {
        "i386" | "i486" | "i586" | "i686" | "x86_64" => "x86".to_owned(),
        arm if arm.starts_with("arm") || arm == "aarch64" => "arm".to_owned(),
        other => other.to_owned(),
    };
    if !machine.is_empty() && family(machine) != family(&shipment.machine) {
        let (machine, wanted) = (machine.to_owned(), shipment.machine.clone());
        return Err(PushError::Machine { machine, wanted, target: shipment.target.clone() });
    }
    // Blocks of files, and what else is written meanwhile.
    let wanted = shipment.size() / 1024 + shipment.files.len() as u64 * 4 + 1024;
    match room {
        Some(room) if room < wanted => {
            Err(PushError::Room { room: room / 1024, wanted: wanted / 1024 + 1 })
        }
        _ => Ok(()),
    }
}

struct Session<'a> {
    subject: &'a Subject,
    send_patience: Duration,
    greeted: Greeted,
    incoming: Incoming<ChildStdout>,
    /// Ends the session there when nobody needs it any more.
    keeper: Arc<Keeper>,
    number: u64,
}

impl<'a> Session<'a> {
    async fn start(executor: &'a SshExecutor) -> Result<Self, ExecError> {
        let (client, subject) = (&executor.client, &executor.subject);
        let keeper = executor.keeper().await?;
        let number = keeper.next_worker();
        let running =
            client.start_session(&keeper.socket()).map_err(|error| subject.unreachable(error))?;
        let script = scripts::toolchain(keeper.owner(), number);
        let greeting = greet(running, &script, keeper.owner().session, client).await;
        let (greeted, incoming, line) =
            greeting.map_err(|(failure, said)| subject.unconnected(&said, failure))?;
        if line != "ready" {
            return Err(refusal(&line, subject));
        }
        let send_patience = executor.config().timeouts.send;
        Ok(Self { subject, send_patience, greeted, incoming, keeper, number })
    }

    async fn send(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        send(&mut self.greeted.stdin, bytes, self.send_patience).await
    }

    async fn line(&mut self, patience: Duration, during: &'static str) -> Result<Line, ExecError> {
        let line = self.incoming.line(patience).await;
        line.map(|line| parse(&line)).map_err(|failure| self.subject.failed(failure, during))
    }

    /// Sends one file, in the form that was chosen; how many bytes that was.
    async fn send_file(
        &mut self,
        file: &ShippedFile,
        packed: Option<(&Path, u64)>,
        sent: &(dyn Fn(u64) + Sync),
    ) -> Result<u64, PushError> {
        let (from, size) = packed.unwrap_or((&file.file, file.size));
        let kind = if file.executable { 'x' } else { 'f' };
        let head = format!("{kind} {} {size} {}\n", u8::from(packed.is_some()), file.path);
        if let Err(failure) = self.send(head.as_bytes()).await {
            return Err(self.unsent(failure).await);
        }
        let mut content = File::open(from).await?.take(size);
        let mut piece = vec![0; PIECE];
        let mut left = size;
        while left > 0 {
            let count = content.read(&mut piece).await?;
            if count == 0 {
                return Err(io::Error::other(format!("{} became shorter", from.display())).into());
            }
            if let Err(failure) = self.send(&piece[..count]).await {
                return Err(self.unsent(failure).await);
            }
            left -= count as u64;
            sent(count as u64);
        }
        Ok(size)
    }

    /// Something couldn't be sent: a script that gave up has said why before it went.
    async fn unsent(&mut self, failure: Failure) -> PushError {
        /// What was said is here already.
        const SAID: Duration = Duration::from_secs(1);
        match self.incoming.line(SAID).await.map(|line| parse(&line)) {
            Ok(line @ Line::Failed { .. }) => self.gave_up(line),
            _ => self.subject.failed(failure, SENDING).into(),
        }
    }

    fn gave_up(&self, line: Line) -> PushError {
        match line {
            Line::Failed { word, text } if word == "sums" => PushError::Sums(text),
            Line::Failed { word, text } if word == "run" => PushError::Run(text),
            other => self.odd(other).into(),
        }
    }

    fn odd(&self, line: Line) -> ExecError {
        match line {
            Line::Failed { word, text } => self.subject.gave_up(&word, &text),
            Line::Odd(text) => {
                self.subject.protocol(format!("it sent \"{text}\" about its toolchains"))
            }
            _ => self.subject.protocol("it said of its toolchains what it wasn't asked"),
        }
    }
}

impl Drop for Session<'_> {
    fn drop(&mut self) {
        self.keeper.kill(self.number);
    }
}
