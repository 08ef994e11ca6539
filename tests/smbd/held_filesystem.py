# SPDX-License-Identifier: GPL-3.0-or-later
"""A file system that says who asked, and that keeps its answers back when told to: FUSE in front of a directory, which
has the real files. The kernel checks modes (not ACLs), nothing is cached, and each question arrives with the uid, gid
and groups of the thread that waits for it.

As a command: held_filesystem.py serve MOUNTPOINT DIRECTORY SOCKET mounts it and serves until it is unmounted or killed,
or for LIFE_SECONDS; those who wait for an answer then get an error. The rest is for tests, which talk to it with Held.
"""
import collections
import ctypes
import errno
import json
import os
import select
import signal
import socket
import stat
import struct
import sys
import time

LIFE_SECONDS = 300
BUFFER_SIZE = 1 << 20
# include/uapi/linux/fuse.h
OPCODES = {1: 'LOOKUP', 2: 'FORGET', 3: 'GETATTR', 4: 'SETATTR', 5: 'READLINK', 11: 'RENAME', 14: 'OPEN', 15: 'READ',
           16: 'WRITE', 17: 'STATFS', 18: 'RELEASE', 20: 'FSYNC', 21: 'SETXATTR', 22: 'GETXATTR', 23: 'LISTXATTR',
           24: 'REMOVEXATTR', 25: 'FLUSH', 26: 'INIT', 27: 'OPENDIR', 28: 'READDIR', 29: 'RELEASEDIR', 35: 'CREATE',
           36: 'INTERRUPT', 42: 'BATCH_FORGET', 10: 'UNLINK'}
FOPEN_DIRECT_IO = 1
MAX_WRITE = 128 * 1024
MS_NOSUID, MS_NODEV = 2, 4


def groups_of(pid):
    """The supplementary groups of a thread, which waits for us."""
    try:
        with open(f'/proc/{pid}/status', encoding='utf-8') as file:
            for line in file:
                if line.startswith('Groups:'):
                    return sorted(int(word) for word in line.split()[1:])
    except OSError:
        pass
    return None


class _Server:
    def __init__(self, directory):
        self.directory = directory
        self.paths = {1: ''}
        self.inodes = {'': 1}
        self.held = collections.deque()
        self.hold = set()
        self.calls = []
        self.device = os.open('/dev/fuse', os.O_RDWR | os.O_CLOEXEC | os.O_NONBLOCK)

    def real(self, node, name=None):
        path = self.paths[node]
        if name is not None:
            path = f'{path}/{name}'
        return f'{self.directory}{path}'

    def attributes(self, path):
        """struct fuse_attr"""
        at = os.lstat(path)
        return struct.pack('<6Q10I', at.st_ino, at.st_size, at.st_blocks, int(at.st_atime), int(at.st_mtime),
                           int(at.st_ctime), at.st_atime_ns % 10**9, at.st_mtime_ns % 10**9, at.st_ctime_ns % 10**9,
                           at.st_mode, at.st_nlink, at.st_uid, at.st_gid, 0, 4096, 0)

    def entry(self, node, name):
        """struct fuse_entry_out: nothing may be cached."""
        attributes = self.attributes(self.real(node, name))
        path = f'{self.paths[node]}/{name}'
        inode = self.inodes.setdefault(path, len(self.inodes) + 1)
        self.paths[inode] = path
        return struct.pack('<QQQQII', inode, 0, 0, 0, 0, 0) + attributes

    def xattr(self, size, value):
        if size == 0:
            return struct.pack('<II', len(value), 0)
        if size < len(value):
            raise OSError(errno.ERANGE, '')
        return value

    def answer(self, opcode, node, uid, gid, body):
        """The bytes of the answer; None for none."""
        name = OPCODES.get(opcode)
        if name == 'INIT':
            # ASYNC_READ, BIG_WRITES, PARALLEL_DIROPS, MAX_PAGES; never congested.
            flags = 1 | 1 << 5 | 1 << 18 | 1 << 22
            return struct.pack('<IIIIHHIIHH8I', 7, 31, 65536, flags, 1000, 1000, MAX_WRITE, 1, 32, 0, *[0] * 8)
        if name in ('FORGET', 'BATCH_FORGET', 'INTERRUPT'):
            return None
        if name == 'LOOKUP':
            return self.entry(node, body.rstrip(b'\0').decode())
        if name == 'GETATTR':
            return struct.pack('<QII', 0, 0, 0) + self.attributes(self.real(node))
        if name == 'SETATTR':
            valid, _, _, size = struct.unpack_from('<IIQQ', body)
            if valid & 8:
                os.truncate(self.real(node), size)
            return struct.pack('<QII', 0, 0, 0) + self.attributes(self.real(node))
        if name in ('OPEN', 'OPENDIR'):
            return struct.pack('<QII', 1, FOPEN_DIRECT_IO if name == 'OPEN' else 0, 0)
        if name == 'CREATE':
            flags, mode = struct.unpack_from('<II', body)
            new = body[16:].rstrip(b'\0').decode()
            os.close(os.open(self.real(node, new), os.O_CREAT | os.O_WRONLY | (flags & os.O_EXCL), mode & 0o7777))
            os.chown(self.real(node, new), uid, gid)
            return self.entry(node, new) + struct.pack('<QII', 1, FOPEN_DIRECT_IO, 0)
        if name == 'UNLINK':
            os.unlink(self.real(node, body.rstrip(b'\0').decode()))
            return b''
        if name == 'READ':
            _, offset, size = struct.unpack_from('<QQI', body)
            with open(self.real(node), 'rb') as file:
                file.seek(offset)
                return file.read(size)
        if name == 'WRITE':
            _, offset, size = struct.unpack_from('<QQI', body)
            with open(self.real(node), 'r+b') as file:
                file.seek(offset)
                file.write(body[40:40 + size])
            return struct.pack('<II', size, 0)
        if name == 'READDIR':
            return self.entries(node, *struct.unpack_from('<QQI', body)[1:])
        if name == 'GETXATTR':
            size, _ = struct.unpack_from('<II', body)
            return self.xattr(size, os.getxattr(self.real(node), body[8:].rstrip(b'\0').decode()))
        if name == 'LISTXATTR':
            names = [one for one in os.listxattr(self.real(node)) if one.startswith('user.')]
            return self.xattr(struct.unpack_from('<II', body)[0], b''.join(one.encode() + b'\0' for one in names))
        if name == 'SETXATTR':
            size, _ = struct.unpack_from('<II', body)
            key, _, value = body[8:].partition(b'\0')
            os.setxattr(self.real(node), key.decode(), value[:size])
            return b''
        if name == 'STATFS':
            return struct.pack('<5Q4I6I', 1 << 20, 1 << 19, 1 << 19, 1 << 20, 1 << 19, 4096, 255, 4096, 0, *[0] * 6)
        if name in ('RELEASE', 'RELEASEDIR', 'FLUSH', 'FSYNC'):
            return b''
        raise OSError(errno.ENOSYS, '')

    def entries(self, node, offset, size):
        """struct fuse_dirent, each with a position of its own."""
        path = self.real(node)
        names = ['.', '..'] + sorted(os.listdir(path))
        result = b''
        for position in range(offset, len(names)):
            name = names[position].encode()
            at = os.lstat(f'{path}/{names[position]}')
            record = struct.pack('<QQII', at.st_ino, position + 1, len(name), stat.S_IFMT(at.st_mode) >> 12) + name
            record += bytes(-len(record) % 8)
            if len(result) + len(record) > size:
                break
            result += record
        return result

    def question(self):
        try:
            data = os.read(self.device, BUFFER_SIZE)
        except OSError as error:
            if error.errno in (errno.EAGAIN, errno.EINTR, errno.ENOENT):
                return
            sys.exit(0)  # unmounted
        _, opcode, unique, node, uid, gid, pid, _ = struct.unpack_from('<IIQQIIII', data)
        body = data[40:]
        name = OPCODES.get(opcode, str(opcode))
        code = 0
        try:
            answer = self.answer(opcode, node, uid, gid, body)
        except OSError as error:
            answer, code = b'', error.errno
        if answer is None:
            return
        if name != 'INIT':
            path = self.paths[node]
            if name in ('LOOKUP', 'UNLINK'):
                path += '/' + body.rstrip(b'\0').decode()
            elif name == 'CREATE':
                path += '/' + body[16:].rstrip(b'\0').decode()
            self.calls.append((name, path, uid, gid, groups_of(pid)))
        reply = struct.pack('<IiQ', 16 + len(answer), -code, unique) + answer
        if name in self.hold:
            self.held.append(reply)
        else:
            self.reply(reply)

    def reply(self, reply):
        try:
            os.write(self.device, reply)
        except OSError as error:
            # Who asked was interrupted and waits no more.
            if error.errno != errno.ENOENT:
                raise

    def command(self, words):
        if words[0] == 'hold':
            self.hold = set(words[1:])
        elif words[0] == 'release':
            self.hold = set()
            while self.held:
                self.reply(self.held.popleft())
        elif words[0] == 'calls':
            calls, self.calls = self.calls, []
            return calls
        return len(self.held)

    def mount(self, mountpoint):
        mode = os.stat(self.directory).st_mode
        options = (f'fd={self.device},rootmode={mode:o},user_id=0,group_id=0,allow_other,default_permissions,'
                   'max_read=131072')
        libc = ctypes.CDLL(None, use_errno=True)
        if libc.mount(b'pathring-test', mountpoint.encode(), b'fuse.pathring-test', MS_NOSUID | MS_NODEV,
                      options.encode()) != 0:
            sys.exit(f'mount: {os.strerror(ctypes.get_errno())}')

    def serve(self, listener):
        poll = select.poll()
        clients = {}
        poll.register(self.device, select.POLLIN)
        poll.register(listener, select.POLLIN)
        while True:
            for number, _ in poll.poll():
                if number == self.device:
                    self.question()
                elif number == listener.fileno():
                    client = listener.accept()[0]
                    clients[client.fileno()] = client
                    poll.register(client, select.POLLIN)
                else:
                    words = clients[number].recv(4096).decode().split()
                    if words:
                        clients[number].sendall(json.dumps(self.command(words)).encode() + b'\n')
                    else:
                        poll.unregister(number)
                        clients.pop(number).close()


class Held:
    """The file system as a test sees it."""

    def __init__(self, path):
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.connect(path)
        self._file = self._socket.makefile()

    def _command(self, *words):
        self._socket.sendall(' '.join(words).encode())
        return json.loads(self._file.readline())

    def hold(self, *names):
        """From now on questions of these kinds get no answer."""
        self._command('hold', *names)

    def release(self):
        """Answer them, and all that follow."""
        self._command('release')

    def held(self):
        """How many wait."""
        return self._command('held')

    def until_held(self, number, seconds=10):
        """Whether so many came to wait."""
        deadline = time.monotonic() + seconds
        while self.held() < number:
            if time.monotonic() > deadline:
                return False
            time.sleep(0.005)
        return True

    def calls(self):
        """What was asked since the last time: operation, path, uid, gid, groups."""
        return [tuple(call) for call in self._command('calls')]


def main():
    if len(sys.argv) != 5 or sys.argv[1] != 'serve':
        sys.exit('Usage: held_filesystem.py serve MOUNTPOINT DIRECTORY SOCKET')
    signal.alarm(LIFE_SECONDS)
    os.umask(0)
    server = _Server(sys.argv[3])
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(sys.argv[4] + '.new')
    listener.listen()
    server.mount(sys.argv[2])
    # Whoever sees the socket may start.
    os.rename(sys.argv[4] + '.new', sys.argv[4])
    server.serve(listener)


if __name__ == '__main__':
    main()
