//! A burn-in of one host, for somebody who watches it; ends when that one goes away.

use std::ffi::OsString;
use std::time::Duration;

use farmbuild_core::job::Invocation;
use farmbuild_core::pipeline::sampling::burn_in::{BurnIn, Burned};
use farmbuild_core::protocol::frame::{self, FrameError};
use farmbuild_core::protocol::message::Reply;
use tokio::net::UnixStream;
use tokio::sync::watch;

use super::{Daemon, peer, reports};

/// The compilers that are tried if none is named.
const USUAL: [&str; 2] = ["gcc", "g++"];

/// What is asked for.
pub(super) struct Wish {
    pub(super) host: String,
    pub(super) compilers: Vec<OsString>,
    pub(super) seconds: u64,
    pub(super) jobs: Option<u64>,
}

/// Answers one who asked for a burn-in.
pub(super) async fn answer(
    daemon: &Daemon,
    mut stream: UnixStream,
    env: &[(OsString, OsString)],
    wish: Wish,
) -> Result<(), FrameError> {
    let Wish { host, compilers, seconds, jobs } = wish;
    let farm = match daemon.farms.choose(env) {
        Ok(farm) => farm,
        Err(error) => {
            return frame::write_async(&mut stream, &Reply::Failed(error.to_string())).await;
        }
    };
    let named = !compilers.is_empty();
    let names = if named { compilers } else { USUAL.map(OsString::from).to_vec() };
    let mut invocations = Vec::new();
    for name in &names {
        match reports::on_path(env, name) {
            Some(program) => invocations.push(Invocation {
                program,
                argv: vec![name.clone()],
                cwd: "/".into(),
                env: env.to_vec(),
                umask: 0o077,
            }),
            None if named => {
                let sentence = format!("there is no {} here", name.display());
                return frame::write_async(&mut stream, &Reply::Failed(sentence)).await;
            }
            None => {}
        }
    }
    if invocations.is_empty() {
        let sentence = "there is neither gcc nor g++ here; name a compiler by --compiler";
        return frame::write_async(&mut stream, &Reply::Failed(sentence.to_owned())).await;
    }
    let time = Duration::from_secs(seconds);
    let plan = BurnIn { host, compilers: invocations, time, jobs };
    let (sender, mut progress) = watch::channel(Burned::default());
    let (mut reader, mut writer) = stream.split();
    let burning = farm.pipeline().burn_in(plan, |burned| {
        let _ = sender.send_if_modified(|last| {
            let changed = (last.jobs, last.failures) != (burned.jobs, burned.failures);
            if changed {
                last.clone_from(burned);
            }
            changed
        });
    });
    tokio::pin!(burning);
    let closed = peer::closed(&mut reader);
    tokio::pin!(closed);
    let reply = loop {
        tokio::select! {
            ended = &mut burning => break match ended {
                Ok(burned) => Reply::BurnIn { burned, ended: true },
                Err(error) => Reply::Failed(error.to_string()),
            },
            Ok(()) = progress.changed() => {
                let burned = progress.borrow_and_update().clone();
                frame::write_async(&mut writer, &Reply::BurnIn { burned, ended: false }).await?;
            }
            () = &mut closed => return Ok(()),
        }
    };
    // One that passed is out of doubt.
    daemon.keep_doubts();
    frame::write_async(&mut writer, &reply).await
}
