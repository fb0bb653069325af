//! Where HTTP/1.1 messages end in a stream of bytes. Pure. It reads what both sides of the benchmark say, no more: heads
//! with a Content-Length or without a body.

use crate::LoadError;

/// A head that is longer was never sent by anything measured here.
const LONGEST_HEAD: usize = 64 * 1024;

/// How far the current message has come.
#[derive(Debug, Default)]
pub(crate) struct Messages {
    /// The head so far, or that of the message whose body is coming.
    head: Vec<u8>,
    /// Bytes of the body that are still to come; `None`: the head isn't complete.
    left: Option<usize>,
}

impl Messages {
    /// Takes what has arrived. `piece` gets each piece of a body, `done` the head of each message that is complete.
    pub(crate) fn take(
        &mut self,
        mut bytes: &[u8],
        mut piece: impl FnMut(&[u8]),
        mut done: impl FnMut(&[u8]) -> Result<(), LoadError>,
    ) -> Result<(), LoadError> {
        while !bytes.is_empty() {
            let left = match self.left {
                Some(left) => left,
                None => {
                    // The end of the head may lie across two pieces.
                    let seen = self.head.len().saturating_sub(3);
                    let before = self.head.len();
                    self.head.extend_from_slice(bytes);
                    let Some(end) = end_of_head(&self.head[seen..]).map(|end| seen + end) else {
                        if self.head.len() > LONGEST_HEAD {
                            return Err(LoadError::Malformed("a head without an end"));
                        }
                        return Ok(());
                    };
                    self.head.truncate(end);
                    bytes = &bytes[end - before..];
                    content_length(&self.head)?
                }
            };
            let taken = left.min(bytes.len());
            if taken > 0 {
                piece(&bytes[..taken]);
            }
            bytes = &bytes[taken..];
            self.left = Some(left - taken);
            if left == taken {
                done(&self.head)?;
                self.head.clear();
                self.left = None;
            }
        }
        Ok(())
    }
}

fn end_of_head(bytes: &[u8]) -> Option<usize> {
    bytes.windows(4).position(|window| window == b"\r\n\r\n").map(|at| at + 4)
}

fn content_length(head: &[u8]) -> Result<usize, LoadError> {
    let mut length = 0;
    for line in head.split(|&byte| byte == b'\n') {
        let Some(colon) = line.iter().position(|&byte| byte == b':') else { continue };
        let (name, value) = (&line[..colon], &line[colon + 1..]);
        if name.eq_ignore_ascii_case(b"content-length") {
            let text = std::str::from_utf8(value.trim_ascii()).unwrap_or_default();
            length = text.parse().map_err(|_| LoadError::Malformed("Content-Length"))?;
        } else if name.eq_ignore_ascii_case(b"transfer-encoding") {
            return Err(LoadError::Malformed("Transfer-Encoding, where a length was promised"));
        }
    }
    Ok(length)
}

#[cfg(test)]
mod tests;
