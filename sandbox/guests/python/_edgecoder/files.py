"""The file system that programs see: the request's files under /work, an empty /tmp, and nothing else.

Everything is held in memory. `install` replaces the functions of `os`, `io` and `builtins` that reach a
file system, and every reference to them that a standard module took at its import. Writes stay in memory and
are handed back to the host by `written`.
"""

import builtins, errno, io, os, posix, stat, sys

ROOT = "/work"
# A fixed moment, so that no program can read a real one: 14 November 2023, 22:13:20 UTC.
MODIFIED = 1_700_000_000
# Descriptors below are the standard streams; ours begin here, above any that the C library may hold.
FIRST_FD = 1000

files, folders, changed = {}, {}, set()
cwd = ROOT
_open_files, _next_fd = {}, FIRST_FD
stdin = io.BytesIO()


def load(given, standard_input):
    """Makes the tree from `(relative path, bytes)` pairs. Called once a run."""
    global stdin
    stdin = io.BytesIO(standard_input)
    folders.update({"/": {"work": None, "tmp": None}, ROOT: {}, "/tmp": {}})
    for path, content in given:
        path = f"{ROOT}/{path}"
        files[path] = content
        _add_to_parents(path)


def _add_to_parents(path):
    while True:
        parent, _, name = path.rpartition("/")
        parent = parent or "/"
        known = parent in folders
        folders.setdefault(parent, {})[name] = None
        if known:
            return
        path = parent


def reset():
    """Forgets a run."""
    for known in (files, folders, changed):
        known.clear()


def written():
    """What was written under /work, as `(relative path, bytes)`, sorted by path."""
    for opened in list(_open_files.values()):
        opened.flush()
    prefix = ROOT + "/"
    return [(p[len(prefix):], bytes(files[p])) for p in sorted(changed) if p in files and p.startswith(prefix)]


def error(code, path, second=None):
    if second is None:
        return OSError(code, os.strerror(code), path)
    return OSError(code, os.strerror(code), path, None, second)


def resolve(path):
    """The absolute, normal form of what a program gave as a path."""
    path = os.fspath(path)
    if isinstance(path, bytes):
        path = os.fsdecode(path)
    if "\0" in path:
        raise ValueError("embedded null byte")
    if not path:
        raise error(errno.ENOENT, path)
    parts = []
    for part in (path if path[0] == "/" else f"{cwd}/{path}").split("/"):
        if part == "..":
            del parts[-1:]
        elif part not in ("", "."):
            parts.append(part)
    return "/" + "/".join(parts)


class RawFile(io.RawIOBase):
    """One open file: a position in a byte array that the tree holds."""

    def __init__(self, path, name, mode, readable, writable, appending):
        self._path, self.name, self.mode = path, name, mode
        self._readable, self._writable, self._appending = readable, writable, appending
        self._at, self._fd = 0, None

    def _content(self):
        content = files.get(self._path)
        if content is None:
            content = files[self._path] = bytearray()
            _add_to_parents(self._path)
        return content

    def _own(self):
        content = self._content()
        if type(content) is not bytearray:
            content = files[self._path] = bytearray(content)
        changed.add(self._path)
        return content

    def readable(self):
        return self._readable

    def writable(self):
        return self._writable

    def seekable(self):
        return True

    def isatty(self):
        return False

    def fileno(self):
        global _next_fd
        if self._fd is None:
            self._fd, _next_fd = _next_fd, _next_fd + 1
            _open_files[self._fd] = self
        return self._fd

    def close(self):
        _open_files.pop(self._fd, None)
        super().close()

    def readinto(self, buffer):
        if not self._readable:
            raise io.UnsupportedOperation("not readable")
        chunk = self._content()[self._at:self._at + len(buffer)]
        buffer[:len(chunk)] = chunk
        self._at += len(chunk)
        return len(chunk)

    def write(self, chunk):
        if not self._writable:
            raise io.UnsupportedOperation("not writable")
        content = self._own()
        chunk = bytes(chunk)
        if self._appending:
            self._at = len(content)
        if self._at > len(content):
            content.extend(bytes(self._at - len(content)))
        content[self._at:self._at + len(chunk)] = chunk
        self._at += len(chunk)
        return len(chunk)

    def seek(self, offset, whence=0):
        base = (0, self._at, len(self._content()))[whence]
        if base + offset < 0:
            raise error(errno.EINVAL, self.name)
        self._at = base + offset
        return self._at

    def tell(self):
        return self._at

    def truncate(self, size=None):
        content, size = self._own(), self._at if size is None else size
        if size < len(content):
            del content[size:]
        else:
            content.extend(bytes(size - len(content)))
        return size


def _raw(path, name, mode, flags):
    """Opens by the flags of open(2)."""
    access = flags & (os.O_RDONLY | os.O_WRONLY | os.O_RDWR)
    readable, writable = access != os.O_WRONLY, access != os.O_RDONLY
    if path in folders:
        raise error(errno.EISDIR, name)
    if path in files:
        if flags & os.O_CREAT and flags & os.O_EXCL:
            raise error(errno.EEXIST, name)
    elif not flags & os.O_CREAT or path.rpartition("/")[0] not in folders or not _may_write(path):
        parent = path.rpartition("/")[0]
        raise error(errno.ENOTDIR if parent in files else errno.ENOENT, name)
    opened = RawFile(path, name, mode, readable, writable, bool(flags & os.O_APPEND))
    if path not in files or (flags & os.O_TRUNC and writable):
        files[path] = bytearray()
        changed.add(path)
        _add_to_parents(path)
    return opened


def _may_write(path):
    return path.startswith((ROOT + "/", "/tmp/"))


_FLAGS = {"r": 0, "w": os.O_CREAT | os.O_TRUNC, "x": os.O_CREAT | os.O_EXCL, "a": os.O_CREAT | os.O_APPEND}


def open(file, mode="r", buffering=-1, encoding=None, errors=None, newline=None, closefd=True, opener=None):
    """As the built-in `open`, on the files of this run."""
    kinds = set(mode)
    kind = (kinds & set("rwxa")) or {""}
    if len(mode) != len(kinds) or kinds - set("rwxabt+") or len(kind) != 1 or kind == {""} or {"b", "t"} <= kinds:
        raise ValueError(f"invalid mode: {mode!r}")
    kind, binary, plus = kind.pop(), "b" in kinds, "+" in kinds
    if binary and (encoding is not None or errors is not None or newline is not None):
        raise ValueError("binary mode doesn't take an encoding, errors or newline argument")
    reading, writing = plus or kind == "r", plus or kind != "r"
    flags = _FLAGS[kind] | (os.O_RDWR if plus else os.O_RDONLY if kind == "r" else os.O_WRONLY)
    if opener is not None:
        file = opener(file, flags)
    if isinstance(file, int):
        if file in (0, 1, 2):
            stream = (sys.__stdin__, sys.__stdout__, sys.__stderr__)[file]
            return stream.buffer if binary else stream
        raw = _open_files.get(file)
        if raw is None:
            raise OSError(errno.EBADF, os.strerror(errno.EBADF))
        raw.mode = mode
    else:
        raw = _raw(resolve(file), file, mode, flags)
    if buffering == 0:
        if not binary:
            raise ValueError("can't have unbuffered text I/O")
        return raw
    size = buffering if buffering > 1 else io.DEFAULT_BUFFER_SIZE
    buffered = (io.BufferedRandom if reading and writing else io.BufferedWriter if writing else io.BufferedReader)(raw, size)
    if kind == "a":
        buffered.seek(0, 2)
    if binary:
        return buffered
    text = io.TextIOWrapper(buffered, encoding or "utf-8", errors, newline, line_buffering=buffering == 1)
    text.mode = mode
    return text


def _status(path, shown):
    if path in folders:
        kind, size = stat.S_IFDIR | 0o755, 0
    elif path in files:
        kind, size = stat.S_IFREG | 0o644, len(files[path])
    else:
        below = any(path.startswith(f + "/") for f in files) if path.rpartition("/")[0] in files else False
        raise error(errno.ENOTDIR if below or path.rpartition("/")[0] in files else errno.ENOENT, shown)
    return os.stat_result((kind, 0, 0, 1, 0, 0, size, MODIFIED, MODIFIED, MODIFIED))


def os_stat(path, *, dir_fd=None, follow_symlinks=True):
    if isinstance(path, int):
        return os_fstat(path)
    return _status(resolve(path), path)


def os_lstat(path, *, dir_fd=None):
    return _status(resolve(path), path)


def os_fstat(fd):
    if fd in (0, 1, 2):
        return os.stat_result((stat.S_IFIFO | 0o600, 0, 0, 1, 0, 0, 0, MODIFIED, MODIFIED, MODIFIED))
    return _status(_opened(fd)._path, fd)


def _opened(fd):
    opened = _open_files.get(fd)
    if opened is None:
        raise OSError(errno.EBADF, os.strerror(errno.EBADF))
    return opened


def os_open(path, flags, mode=0o777, *, dir_fd=None):
    return _raw(resolve(path), path, "rb+", flags).fileno()


def os_close(fd):
    if fd > 2:
        _opened(fd).close()


def os_read(fd, n):
    if fd == 0:
        return stdin.read(n)
    return _opened(fd).read(n)


def os_write(fd, chunk):
    if fd in (1, 2):
        stream = (sys.__stdout__, sys.__stderr__)[fd - 1]
        stream.flush()
        return stream.buffer.raw.write(chunk)
    return _opened(fd).write(chunk)


def os_lseek(fd, at, how):
    return _opened(fd).seek(at, how)


def os_ftruncate(fd, length):
    _opened(fd).truncate(length)


def os_truncate(path, length):
    _raw(resolve(path), path, "rb+", os.O_RDWR).truncate(length)


def os_listdir(path="."):
    return list(_children(path))


def _children(path):
    where = resolve(path)
    if where not in folders:
        raise error(errno.ENOTDIR if where in files else errno.ENOENT, path)
    # Sorted: a real file system promises no order, and this one must be the same everywhere.
    return sorted(folders[where])


class Entry:
    """As `os.DirEntry`."""

    def __init__(self, folder, name):
        self.name, self.path = name, os.path.join(folder, name)

    def is_dir(self, *, follow_symlinks=True):
        return resolve(self.path) in folders

    def is_file(self, *, follow_symlinks=True):
        return resolve(self.path) in files

    def is_symlink(self):
        return False

    def is_junction(self):
        return False

    def inode(self):
        return 0

    def stat(self, *, follow_symlinks=True):
        return os_stat(self.path)

    def __fspath__(self):
        return self.path

    def __repr__(self):
        return f"<DirEntry {self.name!r}>"


class os_scandir:
    def __init__(self, path="."):
        path = os.fspath(path)
        self._entries = iter([Entry(path, name) for name in _children(path)])

    def __iter__(self):
        return self

    def __next__(self):
        return next(self._entries)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self._entries = iter(())


def os_mkdir(path, mode=0o777, *, dir_fd=None):
    where = resolve(path)
    if where in folders or where in files:
        raise error(errno.EEXIST, path)
    if where.rpartition("/")[0] not in folders or not _may_write(where):
        raise error(errno.ENOENT, path)
    folders[where] = {}
    _add_to_parents(where)


def _unlist(where):
    parent, _, name = where.rpartition("/")
    folders[parent or "/"].pop(name, None)


def os_rmdir(path, *, dir_fd=None):
    where = resolve(path)
    if where not in folders:
        raise error(errno.ENOTDIR if where in files else errno.ENOENT, path)
    if folders[where]:
        raise error(errno.ENOTEMPTY, path)
    if not _may_write(where):
        raise error(errno.EACCES, path)
    del folders[where]
    _unlist(where)


def os_remove(path, *, dir_fd=None):
    where = resolve(path)
    if where not in files:
        raise error(errno.EISDIR if where in folders else errno.ENOENT, path)
    del files[where]
    changed.discard(where)
    _unlist(where)


def os_rename(src, dst, *, src_dir_fd=None, dst_dir_fd=None):
    old, new = resolve(src), resolve(dst)
    if old not in files and old not in folders:
        raise error(errno.ENOENT, src, dst)
    if new.rpartition("/")[0] not in folders or not _may_write(new):
        raise error(errno.ENOENT, src, dst)
    if old == new:
        return
    if (new in folders) != (old in folders) and (new in folders or new in files):
        raise error(errno.EISDIR if new in folders else errno.ENOTDIR, src, dst)
    if new in folders and folders[new] or old in folders and new.startswith(old + "/"):
        raise error(errno.ENOTEMPTY if new in folders else errno.EINVAL, src, dst)
    for known in [p for p in files if p == old or p.startswith(old + "/")]:
        files[new + known[len(old):]] = files.pop(known)
        changed.discard(known)
        changed.add(new + known[len(old):])
    for known in [p for p in folders if p == old or p.startswith(old + "/")]:
        folders[new + known[len(old):]] = folders.pop(known)
    _unlist(old)
    _add_to_parents(new)


def os_getcwd():
    return cwd


def os_getcwdb():
    return os.fsencode(cwd)


def os_chdir(path):
    global cwd
    where = resolve(path)
    if where not in folders:
        raise error(errno.ENOTDIR if where in files else errno.ENOENT, path)
    cwd = where


def os_access(path, mode, *, dir_fd=None, effective_ids=False, follow_symlinks=True):
    where = resolve(path)
    return where in folders or where in files and not mode & os.X_OK


def os_readlink(path, *, dir_fd=None):
    os_stat(path)
    raise error(errno.EINVAL, path)


def os_utime(path, *args, **kwargs):
    os_stat(path)


def os_chmod(path, *args, **kwargs):
    os_stat(path)


def _refuse(name):
    def refused(*args, **kwargs):
        raise error(errno.EPERM, str(args[0]) if args else name)

    refused.__name__ = name
    return refused


def replacements():
    """Each original function and what stands for it."""
    ours = {name[3:]: value for name, value in globals().items() if name.startswith("os_")}
    ours["unlink"], ours["replace"] = ours["remove"], ours["rename"]
    for name in ("link", "symlink", "mkfifo", "mknod", "chown", "pipe", "dup", "dup2", "fdopendir", "system", "fork", "execv", "execve", "posix_spawn"):
        ours[name] = _refuse(name)
    pairs = [(builtins.open, open), (io.open_code, lambda path: open(path, "rb"))]
    for name, value in ours.items():
        original = getattr(os, name, None)
        if original is not None:
            pairs.append((original, value))
    return pairs


def install():
    """Puts ours in the place of the originals, wherever a module of this interpreter refers to them."""
    by_id = {id(old): new for old, new in replacements()}
    keep = {"posix", "_io", "_frozen_importlib_external", __name__}
    for name, module in list(sys.modules.items()):
        if name in keep or module is None:
            continue
        for key, value in list(vars(module).items()):
            if id(value) in by_id:
                setattr(module, key, by_id[id(value)])
    for group in (os.supports_dir_fd, os.supports_fd, os.supports_follow_symlinks):
        group.clear()
