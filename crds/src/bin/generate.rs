//! Writes what is generated from the types into the repository: the CRD's YAML and the field reference.

use std::path::Path;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let crds = Path::new(env!("CARGO_MANIFEST_DIR"));
    for (name, text) in lambdaroute_crds::generated()? {
        std::fs::write(crds.join(name), text)?;
    }
    Ok(())
}
