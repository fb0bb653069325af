//! A zip archive of a few small text files, stored without compression: all that a deployment needs.
//! Source: PKWARE APPNOTE 6.3, sections 4.3.7, 4.3.12 and 4.3.16.

/// 1980-01-01, the earliest date there is: the same sources give the same archive.
const DATE: u16 = 0x21;

/// The archive's bytes.
pub(super) fn archive(files: &[(&str, &str)]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut directory = Vec::new();
    for (name, text) in files {
        let offset = length(&bytes);
        let common = common(name, text);
        bytes.extend(0x0403_4b50_u32.to_le_bytes());
        bytes.extend(&common);
        bytes.extend(name.as_bytes());
        bytes.extend(text.as_bytes());
        directory.extend(0x0201_4b50_u32.to_le_bytes());
        directory.extend(20_u16.to_le_bytes()); // made by: version 2.0
        directory.extend(&common);
        directory.extend([0; 10]); // no comment, first disk, no attributes
        directory.extend(offset.to_le_bytes());
        directory.extend(name.as_bytes());
    }
    let (start, size) = (length(&bytes), length(&directory));
    let count = u16::try_from(files.len()).unwrap_or(u16::MAX);
    bytes.extend(directory);
    bytes.extend(0x0605_4b50_u32.to_le_bytes());
    bytes.extend([0; 4]); // one disk
    bytes.extend(count.to_le_bytes());
    bytes.extend(count.to_le_bytes());
    bytes.extend(size.to_le_bytes());
    bytes.extend(start.to_le_bytes());
    bytes.extend([0; 2]); // no comment
    bytes
}

/// The 26 bytes that a file's local header and its directory entry have in common.
fn common(name: &str, text: &str) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(26);
    for half in [20_u16, 0, 0, 0, DATE] {
        bytes.extend(half.to_le_bytes()); // version needed, flags, method (stored), time, date
    }
    for word in [crc32(text.as_bytes()), length(text.as_bytes()), length(text.as_bytes())] {
        bytes.extend(word.to_le_bytes());
    }
    bytes.extend(u16::try_from(name.len()).unwrap_or(u16::MAX).to_le_bytes());
    bytes.extend([0; 2]); // no extra field
    bytes
}

fn length(bytes: &[u8]) -> u32 {
    u32::try_from(bytes.len()).unwrap_or(u32::MAX)
}

fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| if crc & 1 == 1 { (crc >> 1) ^ 0xedb8_8320 } else { crc >> 1 })
    })
}
