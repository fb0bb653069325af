//! SHA-256, by the cryptography that TLS brings anyway: it has code for processors with SHA instructions and for those with
//! vectors alone (Intel's before Ice Lake), where it takes half as long as code that is the same everywhere.

use aws_lc_rs::digest::{Context, SHA256, digest};

/// The 32 bytes.
pub(crate) type Digest = [u8; 32];

/// Of these bytes, without an allocation.
pub(crate) fn sha256(bytes: &[u8]) -> Digest {
    first_32(digest(&SHA256, bytes).as_ref())
}

/// Of what comes piece by piece.
pub(crate) struct Sha256(Context);

impl Default for Sha256 {
    fn default() -> Self {
        Sha256(Context::new(&SHA256))
    }
}

impl Sha256 {
    /// Takes the next bytes.
    pub(crate) fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// Of all bytes.
    pub(crate) fn finish(self) -> Digest {
        first_32(self.0.finish().as_ref())
    }
}

/// As long as it is, by the algorithm; the type doesn't say so.
fn first_32(digest: &[u8]) -> Digest {
    digest.first_chunk().copied().unwrap_or_default()
}
