//! What a program was compiled for, by its own header.

use std::io::Read;
use std::path::Path;

use shopflow_core::{Error, Result};

use crate::package::Architecture;

/// Start of an ELF header up to the machine it is for.
const HEADER: usize = 20;
const MAGIC: &[u8] = b"\x7fELF";
const LITTLE_ENDIAN: u8 = 1;

/// The architecture of the Linux program at `path`.
///
/// # Errors
/// `InvalidInput` when the file is no Linux program for `x86_64` or `arm64`.
pub fn architecture_of(path: &Path) -> Result<Architecture> {
    let mut header = [0_u8; HEADER];
    let read = std::fs::File::open(path).and_then(|mut file| file.read_exact(&mut header));
    let found = match read {
        Ok(()) => machine(&header),
        Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => None,
        Err(error) => {
            return Err(Error::invalid("read program failed")
                .with("path", path.display())
                .because(error));
        }
    };
    found.ok_or_else(|| {
        Error::invalid("this is no Linux program for x86_64 or arm64").with("path", path.display())
    })
}

fn machine(header: &[u8; HEADER]) -> Option<Architecture> {
    if !header.starts_with(MAGIC) || header[5] != LITTLE_ENDIAN {
        return None;
    }
    match u16::from_le_bytes([header[18], header[19]]) {
        0x3e => Some(Architecture::X86_64),
        0xb7 => Some(Architecture::Arm64),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(machine: u16) -> [u8; HEADER] {
        let mut header = [0; HEADER];
        header[..7].copy_from_slice(b"\x7fELF\x02\x01\x01");
        header[18..].copy_from_slice(&machine.to_le_bytes());
        header
    }

    #[test]
    fn a_program_tells_what_it_was_compiled_for() {
        assert_eq!(machine(&header(0x3e)), Some(Architecture::X86_64));
        assert_eq!(machine(&header(0xb7)), Some(Architecture::Arm64));
        assert_eq!(machine(&header(0xf3)), None, "RISC-V");
        assert_eq!(machine(b"#!/bin/sh\necho hello"), None);
    }

    #[test]
    fn a_file_that_is_no_program_is_refused_by_name() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("bootstrap");
        for text in ["", "#!/bin/sh\necho this is a script\n"] {
            std::fs::write(&path, text).unwrap();
            let said = architecture_of(&path).unwrap_err().to_string();
            assert!(said.contains("no Linux program") && said.contains("bootstrap"), "{said}");
        }
    }
}
