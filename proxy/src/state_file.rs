//! The route table on disk, so that a restart needs no controller. The file is a recorded snapshot in the contract's own
//! messages, behind a first line and a digest. It is the proxy's alone (mode 0600), and belongs on memory: headers that
//! routes set may have values from Secrets. Keys of callers are in it as digests only.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Seek, SeekFrom, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use lambdaroute_proxy_config::v1alpha1::to_proxy::Message;
use lambdaroute_proxy_config::v1alpha1::{Change, SnapshotBegin, SnapshotEnd, ToProxy, Version};
use prost::Message as _;

use crate::kept::Kept;
use crate::sha256::{Sha256, sha256};

const FIRST_LINE: &[u8] = b"lambdaroute-proxy route table 1\n";
const DIGEST: usize = 32;
const NAME: &str = "route-table.pb";
/// Resources a message, as a controller would send them.
const PIECE: usize = 100;

/// Why there is no table in the file.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StateError {
    #[error("reading {0}: {1}")]
    Read(PathBuf, io::Error),
    #[error("{0} is not a route table of this version: it is ignored and will be replaced")]
    Foreign(PathBuf),
    #[error("{0} is damaged: it is ignored and will be replaced")]
    Damaged(PathBuf),
}

/// Why a table isn't kept.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unkept {
    /// There is no kept table now.
    #[error("{0}; a restart will need a controller")]
    Gone(io::Error),
    /// The kept table is an old one.
    #[error("{0}; the old table can't be removed either, so changes aren't acknowledged: make --state-dir writable")]
    Stays(io::Error),
}

/// A table to keep.
#[derive(Clone)]
pub(crate) struct Stored {
    pub(crate) version: Option<Version>,
    /// Key sets first: no route is to be served before it can recognise its callers.
    pub(crate) resources: Vec<Kept>,
}

/// The file in the state directory.
#[derive(Clone)]
pub(crate) struct StateFile {
    path: PathBuf,
}

impl StateFile {
    pub(crate) fn in_directory(directory: &Path) -> Self {
        StateFile { path: directory.join(NAME) }
    }

    /// The snapshot that was kept, and when the controller that it came from was last heard. Absent: there is no file.
    ///
    /// # Errors
    /// The file can't be read, or isn't one of ours as we wrote it.
    pub(crate) fn load(&self) -> Result<Option<(Vec<Message>, SystemTime)>, StateError> {
        let read = |error| StateError::Read(self.path.clone(), error);
        let bytes = match fs::read(&self.path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(read(error)),
        };
        let touched = fs::metadata(&self.path).and_then(|metadata| metadata.modified()).map_err(read)?;
        let rest = bytes.strip_prefix(FIRST_LINE).ok_or_else(|| StateError::Foreign(self.path.clone()))?;
        let messages = decode(rest).ok_or_else(|| StateError::Damaged(self.path.clone()))?;
        Ok(Some((messages, touched)))
    }

    /// Replaces the file in one step: a reader sees the old table or the new one.
    ///
    /// # Errors
    /// The directory can't be made, isn't writable or is full.
    pub(crate) fn save(&self, table: &Stored) -> io::Result<()> {
        if let Some(directory) = self.path.parent() {
            fs::create_dir_all(directory)?;
        }
        let next = self.path.with_extension("pb.next");
        // One that a crash left could have another mode.
        let _ = fs::remove_file(&next);
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&next)?;
        write(table, &mut file)?;
        file.sync_all()?;
        fs::rename(&next, &self.path)
    }

    /// Replaces the file, or where that fails, removes it: what was taken away must not come back with a restart.
    ///
    /// # Errors
    /// It couldn't be replaced, and maybe not be removed either.
    pub(crate) fn save_or_discard(&self, table: &Stored) -> Result<(), Unkept> {
        let Err(error) = self.save(table) else { return Ok(()) };
        let is_gone = fs::remove_file(&self.path).is_ok() || matches!(fs::exists(&self.path), Ok(false));
        Err(if is_gone { Unkept::Gone(error) } else { Unkept::Stays(error) })
    }

    /// Records that a controller was heard at this time.
    ///
    /// # Errors
    /// There is no file, or it isn't ours to change.
    pub(crate) fn touch(&self, time: SystemTime) -> io::Result<()> {
        File::options().write(true).open(&self.path)?.set_modified(time)
    }
}

/// Writes the snapshot message by message: a large table must not be in memory once more. The digest comes last, to its place
/// before them.
fn write(table: &Stored, to: &mut (impl Write + Seek)) -> io::Result<()> {
    to.write_all(FIRST_LINE)?;
    to.write_all(&[0; DIGEST])?;
    let (mut text, mut digest) = (Vec::new(), Sha256::default());
    let mut push = |message| {
        text.clear();
        // Writing to a vector doesn't fail.
        let _ = ToProxy { message: Some(message) }.encode_length_delimited(&mut text);
        digest.update(&text);
        to.write_all(&text)
    };
    let version = table.version;
    push(Message::SnapshotBegin(SnapshotBegin { version }))?;
    for piece in table.resources.chunks(PIECE) {
        let set = piece.iter().map(Kept::resource).collect();
        push(Message::Change(Change { version, set, removed: vec![] }))?;
    }
    push(Message::SnapshotEnd(SnapshotEnd { version, kept: vec![] }))?;
    to.seek(SeekFrom::Start(FIRST_LINE.len() as u64))?;
    to.write_all(&digest.finish())
}

/// The messages, if the digest is right and they are a whole snapshot.
fn decode(rest: &[u8]) -> Option<Vec<Message>> {
    let (digest, mut payload) = rest.split_at_checked(DIGEST)?;
    if sha256(payload)[..] != *digest {
        return None;
    }
    let mut messages = Vec::new();
    while !payload.is_empty() {
        messages.push(ToProxy::decode_length_delimited(&mut payload).ok()?.message?);
    }
    let whole = matches!(messages.first(), Some(Message::SnapshotBegin(_)))
        && matches!(messages.last(), Some(Message::SnapshotEnd(_)));
    whole.then_some(messages)
}

#[cfg(test)]
mod tests;
