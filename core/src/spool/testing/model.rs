//! A disk in memory that can fail at any operation, die with its process, and lose what was not brought to the platter.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parking_lot::Mutex;

use crate::error::Result;
use crate::spool::disk::{Disk, DiskFile, Facts, Kind, Lock};

/// What goes wrong at the operation with a certain number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// It fails, once.
    Once(io::ErrorKind),
    /// A write is cut short after so many bytes, once; another operation fails.
    Short(usize),
    /// It and all after it fail, until the disk is told to recover.
    Always(io::ErrorKind),
}

/// How a file system orders changes of names that were not synced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Journal {
    /// As they were made: none survives one that does not.
    Ordered,
    /// Not at all.
    None,
}

#[derive(Clone, Debug)]
enum Change {
    Write {
        inode: usize,
        offset: usize,
        bytes: Vec<u8>,
    },
    Cut {
        inode: usize,
        len: usize,
    },
    Sync {
        inode: usize,
    },
    /// One atomic change of names; a rename is two of them.
    Names(Vec<(PathBuf, Option<usize>)>),
    SyncFolder(PathBuf),
}

#[derive(Clone, Default)]
struct Inode {
    bytes: Vec<u8>,
    modified_unix_ns: i64,
    locks: Vec<(u64, Lock)>,
    is_bad: bool,
}

#[derive(Default)]
struct State {
    inodes: Vec<Inode>,
    names: BTreeMap<PathBuf, usize>,
    folders: BTreeSet<PathBuf>,
    log: Vec<Change>,
    handles: u64,
    now_ns: i64,
    operations: u64,
    fault: Option<(u64, Fault)>,
}

#[derive(Clone, Default)]
pub(crate) struct ModelDisk(Arc<Mutex<State>>);

struct Handle {
    disk: ModelDisk,
    inode: usize,
    id: u64,
}

impl ModelDisk {
    /// From now on, the `number`-th operation fails, counted from 1.
    pub(crate) fn fail(&self, number: u64, fault: Fault) {
        let mut state = self.0.lock();
        state.fault = Some((state.operations + number, fault));
    }

    /// What has this name now cannot be read any more.
    pub(crate) fn spoil(&self, path: &Path) {
        let mut state = self.0.lock();
        let inode = state.names[path];
        state.inodes[inode].is_bad = true;
    }

    /// Nothing fails any more. Says whether the fault was reached.
    pub(crate) fn recover(&self) -> bool {
        let mut state = self.0.lock();
        let reached = state.fault.is_some_and(|(number, _)| state.operations >= number);
        state.fault = None;
        reached
    }

    /// All processes are dead: nobody has a lock.
    pub(crate) fn kill(&self) {
        self.0.lock().inodes.iter_mut().for_each(|inode| inode.locks.clear());
    }

    /// How much was done so far.
    pub(crate) fn log_len(&self) -> usize {
        self.0.lock().log.len()
    }

    /// The disk after the power went at some point of the log. `choose` decides what survives of what may: of so many
    /// possibilities, which. The last one is that all of it does.
    pub(crate) fn after_power_loss(&self, at: usize, journal: Journal, choose: &mut dyn FnMut(usize) -> usize) -> Self {
        let state = self.0.lock();
        let log = &state.log[..at];
        let synced_after = |index: usize, is_sync: &dyn Fn(&Change) -> bool| log[index..].iter().any(is_sync);
        let last_sync = log.iter().rposition(|change| matches!(change, Change::SyncFolder(_)));
        let names_end = match journal {
            Journal::Ordered => {
                let unsynced = log.len() - last_sync.unwrap_or(0);
                last_sync.unwrap_or(0) + choose(unsynced + 1)
            }
            Journal::None => log.len(),
        };
        let mut after = State {
            inodes: vec![Inode::default(); state.inodes.len()],
            folders: state.folders.clone(),
            ..State::default()
        };
        for (inode, old) in after.inodes.iter_mut().zip(&state.inodes) {
            inode.modified_unix_ns = old.modified_unix_ns;
        }
        for (index, change) in log.iter().enumerate() {
            match change {
                Change::Write { inode, offset, bytes } => {
                    let is_synced = synced_after(
                        index,
                        &|change| matches!(change, Change::Sync { inode: synced } if synced == inode),
                    );
                    let kept = if is_synced { bytes.len() } else { [0, bytes.len() / 2, bytes.len()][choose(3)] };
                    let file = &mut after.inodes[*inode].bytes;
                    if kept > 0 {
                        file.resize(file.len().max(offset + kept), 0);
                        file[*offset..offset + kept].copy_from_slice(&bytes[..kept]);
                    }
                }
                Change::Cut { inode, len } => after.inodes[*inode].bytes.truncate(*len),
                Change::Names(names) => {
                    let is_synced = synced_after(
                        index,
                        &|change| matches!(change, Change::SyncFolder(folder) if names.iter().any(|(path, _)| path.parent() == Some(folder))),
                    );
                    let survives = match journal {
                        Journal::Ordered => index < names_end,
                        Journal::None => is_synced || choose(2) == 1,
                    };
                    if survives {
                        apply(&mut after.names, names);
                    }
                }
                Change::Sync { .. } | Change::SyncFolder(_) => {}
            }
        }
        Self(Arc::new(Mutex::new(after)))
    }

    fn operation(&self) -> io::Result<Option<usize>> {
        let mut state = self.0.lock();
        state.operations += 1;
        state.now_ns += 1_000;
        match state.fault {
            Some((number, Fault::Once(kind))) if state.operations == number => Err(kind.into()),
            Some((number, Fault::Always(kind))) if state.operations >= number => Err(kind.into()),
            Some((number, Fault::Short(bytes))) if state.operations == number => Ok(Some(bytes)),
            _ => Ok(None),
        }
    }

    /// An operation that is done or not.
    fn whole(&self) -> io::Result<()> {
        self.operation()?.map_or(Ok(()), |_| Err(io::ErrorKind::StorageFull.into()))
    }

    fn handle(&self, inode: usize) -> Arc<dyn DiskFile> {
        let mut state = self.0.lock();
        state.handles += 1;
        Arc::new(Handle { disk: self.clone(), inode, id: state.handles })
    }

    fn rename_names(&self, names: Vec<(PathBuf, Option<usize>)>) {
        let mut state = self.0.lock();
        apply(&mut state.names, &names);
        state.log.push(Change::Names(names));
    }

    fn inode(&self, path: &Path) -> io::Result<usize> {
        self.0.lock().names.get(path).copied().ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn write(&self, inode: usize, offset: u64, bytes: &[u8]) {
        let mut state = self.0.lock();
        let offset = usize::try_from(offset).unwrap();
        let now_ns = state.now_ns;
        let file = &mut state.inodes[inode];
        file.bytes.resize(file.bytes.len().max(offset + bytes.len()), 0);
        file.bytes[offset..offset + bytes.len()].copy_from_slice(bytes);
        file.modified_unix_ns = now_ns;
        state.log.push(Change::Write { inode, offset, bytes: bytes.to_vec() });
    }
}

fn apply(names: &mut BTreeMap<PathBuf, usize>, changes: &[(PathBuf, Option<usize>)]) {
    for (path, inode) in changes {
        match inode {
            Some(inode) => names.insert(path.clone(), *inode),
            None => names.remove(path),
        };
    }
}

impl Disk for ModelDisk {
    fn make_home(&self, path: &Path) -> Result<()> {
        self.make_folder(path)
    }

    fn make_folder(&self, path: &Path) -> Result<()> {
        self.whole().map_err(|cause| crate::spool::disk::not_writable(path, cause))?;
        self.0.lock().folders.insert(path.to_owned());
        Ok(())
    }

    fn create(&self, path: &Path) -> io::Result<Arc<dyn DiskFile>> {
        self.whole()?;
        if self.inode(path).is_ok() {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        let inode = {
            let mut state = self.0.lock();
            if !state.folders.contains(path.parent().unwrap()) {
                return Err(io::ErrorKind::NotFound.into());
            }
            let modified_unix_ns = state.now_ns;
            state.inodes.push(Inode { modified_unix_ns, ..Inode::default() });
            state.inodes.len() - 1
        };
        self.rename_names(vec![(path.to_owned(), Some(inode))]);
        Ok(self.handle(inode))
    }

    fn open(&self, path: &Path) -> io::Result<Arc<dyn DiskFile>> {
        self.whole()?;
        Ok(self.handle(self.inode(path)?))
    }

    fn append(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        let file = match self.create(path) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => self.open(path)?,
            other => other?,
        };
        if file.write_at(bytes, file.facts()?.bytes)? < bytes.len() {
            return Err(io::ErrorKind::StorageFull.into());
        }
        file.sync()
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.whole()?;
        let inode = self.inode(from)?;
        // As POSIX has it: two names of one file stay.
        if self.inode(to).is_ok_and(|other| other == inode) {
            return Ok(());
        }
        self.rename_names(vec![(from.to_owned(), None), (to.to_owned(), Some(inode))]);
        Ok(())
    }

    fn link(&self, original: &Path, link: &Path) -> io::Result<()> {
        self.whole()?;
        let inode = self.inode(original)?;
        if self.inode(link).is_ok() {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        self.rename_names(vec![(link.to_owned(), Some(inode))]);
        Ok(())
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        self.whole()?;
        self.inode(path)?;
        self.rename_names(vec![(path.to_owned(), None)]);
        Ok(())
    }

    fn sync_folder(&self, path: &Path) -> io::Result<()> {
        self.whole()?;
        self.0.lock().log.push(Change::SyncFolder(path.to_owned()));
        Ok(())
    }

    fn list(&self, folder: &Path) -> io::Result<Vec<String>> {
        self.whole()?;
        let state = self.0.lock();
        if !state.folders.contains(folder) {
            return Err(io::ErrorKind::NotFound.into());
        }
        let paths = state.names.keys().chain(&state.folders).filter(|path| path.parent() == Some(folder));
        Ok(paths.map(|path| path.file_name().unwrap().to_string_lossy().into_owned()).collect())
    }

    fn facts(&self, path: &Path) -> io::Result<Facts> {
        self.whole()?;
        let state = self.0.lock();
        if state.folders.contains(path) {
            return Ok(Facts { kind: Kind::Folder, bytes: 0, modified_unix_ns: 0 });
        }
        let inode = &state.inodes[*state.names.get(path).ok_or(io::ErrorKind::NotFound)?];
        Ok(Facts { kind: Kind::File, bytes: inode.bytes.len() as u64, modified_unix_ns: inode.modified_unix_ns })
    }
}

impl DiskFile for Handle {
    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize> {
        let written = self.disk.operation()?.map_or(bytes.len(), |short| short.min(bytes.len()));
        self.disk.write(self.inode, offset, &bytes[..written]);
        Ok(written)
    }

    fn read(&self, at_most: u64) -> io::Result<Vec<u8>> {
        self.disk.whole()?;
        let state = self.disk.0.lock();
        if state.inodes[self.inode].is_bad {
            return Err(io::ErrorKind::Other.into());
        }
        let bytes = &state.inodes[self.inode].bytes;
        Ok(bytes[..bytes.len().min(usize::try_from(at_most).unwrap_or(usize::MAX))].to_vec())
    }

    fn cut(&self, bytes: u64) -> io::Result<()> {
        self.disk.whole()?;
        let mut state = self.disk.0.lock();
        let len = usize::try_from(bytes).unwrap();
        state.inodes[self.inode].bytes.truncate(len);
        state.log.push(Change::Cut { inode: self.inode, len });
        Ok(())
    }

    fn sync(&self) -> io::Result<()> {
        self.disk.whole()?;
        self.disk.0.lock().log.push(Change::Sync { inode: self.inode });
        Ok(())
    }

    fn try_lock(&self, lock: Lock) -> io::Result<bool> {
        self.disk.whole()?;
        let locks = &mut self.disk.0.lock().inodes[self.inode].locks;
        let is_free = locks.iter().all(|(id, other)| *id == self.id || (lock, *other) == (Lock::Shared, Lock::Shared));
        if is_free {
            locks.retain(|(id, _)| *id != self.id);
            locks.push((self.id, lock));
        }
        Ok(is_free)
    }

    fn unlock(&self) {
        self.disk.0.lock().inodes[self.inode].locks.retain(|(id, _)| *id != self.id);
    }

    fn facts(&self) -> io::Result<Facts> {
        self.disk.whole()?;
        let state = self.disk.0.lock();
        let inode = &state.inodes[self.inode];
        Ok(Facts { kind: Kind::File, bytes: inode.bytes.len() as u64, modified_unix_ns: inode.modified_unix_ns })
    }

    fn set_modified(&self, unix_ns: i64) -> io::Result<()> {
        self.disk.whole()?;
        self.disk.0.lock().inodes[self.inode].modified_unix_ns = unix_ns;
        Ok(())
    }

    fn is_at(&self, path: &Path) -> bool {
        self.disk.inode(path).is_ok_and(|inode| inode == self.inode)
    }
}

/// Closing gives the lock up.
impl Drop for Handle {
    fn drop(&mut self) {
        self.unlock();
    }
}
