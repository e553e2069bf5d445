//! `farmbuild toolchain pack`: an archive of a local compiler.

use std::ffi::OsStr;
use std::fs;
use std::io::{BufWriter, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use bytesize::ByteSize;
use serde_json::json;

use super::{EXTENSION, archives, print_json};
use crate::toolchain::archive;
use crate::toolchain::compiler::LocalCompiler;
use crate::toolchain::pack::{Packed, pack};

pub(super) async fn run(
    compiler: &OsStr,
    output: Option<PathBuf>,
    json: bool,
) -> Result<bool, String> {
    let compiler = LocalCompiler::find(compiler).await?;
    let program = compiler.program().display().to_string();
    let packed = pack(compiler).await.map_err(|error| format!("can't pack {program}: {error}"))?;
    let (manifest, id) = (&packed.manifest, packed.manifest.id());
    let path = match output {
        Some(path) => path,
        None => {
            let directory =
                archives().ok_or("there is no HOME to keep archives in; name a file with -o")?;
            let cannot = |error| format!("can't make {}: {error}", directory.display());
            fs::create_dir_all(&directory).map_err(cannot)?;
            directory.join(format!("{}-{id}{EXTENSION}", manifest.name))
        }
    };
    write(&packed, &path)?;
    let size = fs::metadata(&path).map_or(0, |meta| meta.len());
    if json {
        let report = json!({
            "archive": path, "name": manifest.name, "version": id, "size": size, "unpacked": manifest.size(),
            "target": manifest.target, "machine": manifest.machine, "compilers": manifest.compilers,
        });
        print_json(&report)?;
        return Ok(true);
    }
    let shown = |bytes| ByteSize::b(bytes).display().iec().to_string();
    println!("{} is packed as {} ({id}): {}", program, manifest.name, manifest.made.says);
    println!("on boards: {}", manifest.compilers.join(", "));
    println!("{}, {} ({} there)", path.display(), shown(size), shown(manifest.size().unwrap_or(0)));
    println!("Next: farmbuild toolchain push {}", path.display());
    Ok(true)
}

/// Writes the archive, which is there whole or not at all.
fn write(packed: &Packed, path: &Path) -> Result<(), String> {
    let cannot = |error: std::io::Error| format!("can't write {}: {error}", path.display());
    let directory = path.parent().filter(|it| !it.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut file =
        tempfile::Builder::new().prefix(".farmbuild-").tempfile_in(directory).map_err(cannot)?;
    let mut buffered = BufWriter::new(file.as_file_mut());
    archive::write(&packed.manifest, packed.root(), &mut buffered).map_err(cannot)?;
    buffered.flush().map_err(cannot)?;
    drop(buffered);
    let mode = fs::Permissions::from_mode(0o644);
    file.as_file().set_permissions(mode).map_err(cannot)?;
    file.persist(path).map_err(|error| cannot(error.error))?;
    Ok(())
}
