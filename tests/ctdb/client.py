# SPDX-License-Identifier: GPL-3.0-or-later
"""Part of cluster.sh: a client of the cluster that keeps a journal of what the server has acknowledged, goes on when its
connection breaks, and holds the server to the journal.

    client.py work DIR ADDRESS SHARE            until DIR/stop exists
    client.py verify DIR ADDRESS SHARE WHERE    everything in the journal is there, for the users whose it is
    client.py exclusive DIR SHARE ONE OTHER     a file that is open at one address is open at the other
    client.py server DIR SHARE BRICK USER USER  the same as verify, of the files of the server itself

The journal, DIR/SHARE.journal, has a line for each file: user, name, size, and the number that its contents follow from.
"""
import os
import pwd
import random
import socket
import stat
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'smbd'))

import smb  # noqa: E402
from impacket.nmb import NetBIOSError  # noqa: E402
from impacket.smb3 import SessionError  # noqa: E402
from impacket.smb3structs import FILE_OPEN, FILE_OVERWRITE_IF, FILE_READ_DATA, FILE_WRITE_DATA  # noqa: E402

PORT = 445
# An answer takes no longer, or the connection is taken for broken; a new one is there within so many.
ANSWER_SECONDS = 15
RECONNECT_SECONDS = 90

STATUS_SHARING_VIOLATION = 0xC0000043
STATUS_NETWORK_NAME_DELETED = 0xC00000C9
STATUS_USER_SESSION_DELETED = 0xC0000203

PIECE = 65536


def contents(seed, size):
    return random.Random(seed).randbytes(size)


class Wrong(Exception):
    """What the server gave is not what it acknowledged."""


class Client:
    """One connection with a session of each user."""

    def __init__(self, directory, address, share):
        self.connection = smb.Connection(directory, PORT, address, ANSWER_SECONDS)
        self.users = {}
        for number in (1, 2):
            self.users[number] = self.connection.login(number)
            self.users[number].connect(share)

    def close(self):
        self.connection.close()


def is_broken(error):
    """Whether an error is of the connection, not of what was asked."""
    if isinstance(error, SessionError):
        return error.get_error_code() in (STATUS_NETWORK_NAME_DELETED, STATUS_USER_SESSION_DELETED)
    return isinstance(error, (OSError, NetBIOSError))


class Journal:
    """What was acknowledged, of one share."""

    def __init__(self, path):
        self.path = path
        self.files = {1: {}, 2: {}}
        if os.path.exists(path):
            with open(path, encoding='ascii') as file:
                for line in file:
                    user, name, size, seed = line.split()
                    self.files[int(user)][name] = (int(size), int(seed))

    def add(self, user, name, size, seed):
        with open(self.path, 'a', encoding='ascii') as file:
            file.write(f'{user} {name} {size} {seed}\n')
        self.files[user][name] = (size, seed)


def check_listing(session, number, files, attempted=()):
    """Every file once with its size; nothing else but what was never acknowledged."""
    listed = {}
    for name, size, *_ in session.list(f'own-{number}'):
        if name in ('.', '..'):
            continue
        if name in listed:
            raise Wrong(f'own-{number}/{name} is listed twice')
        listed[name] = size
    for name, (size, _) in files.items():
        if name not in listed:
            raise Wrong(f'own-{number}/{name} is not among the {len(listed)} names listed')
        if listed[name] != size and name not in attempted:
            raise Wrong(f'own-{number}/{name} is listed with {listed[name]} bytes, not {size}')
    for name in listed:
        if name not in files and name not in attempted:
            raise Wrong(f'own-{number}/{name} is listed and was never written')


def check_contents(session, number, name, size, seed):
    data = b''
    while len(data) < size:
        piece = session.read(f'own-{number}\\{name}', PIECE, len(data))
        if not piece:
            break
        data += piece
    if data != contents(seed, size):
        raise Wrong(f'own-{number}/{name} has other contents ({len(data)} bytes, expected {size})')


def check_rights(client):
    """What one may do and the other may not: modes of directories and files, ACLs."""
    for number, session in client.users.items():
        other = 3 - number
        for what, function, arguments in (
                ('list the directory', session.list, (f'own-{other}',)),
                ('read the file', session.read, (f'common\\mode-{other}',)),
                ('read the file with an ACL', session.read, (f'common\\acl-{other}',)),
                ('write into the directory', session.write, (f'own-{other}\\planted', [(0, b'x')]))):
            problem = smb.is_denied(function, *arguments)
            if problem is not None:
                raise Wrong(f'user {number} wants to {what} of user {other}: {problem}')
        for name, expected in ((f'mode-{number}', f'of user {number}'), (f'acl-{number}', f'for user {number}')):
            if session.read(f'common\\{name}') != expected.encode():
                raise Wrong(f'user {number} reads something else from {name}')


class Worker:
    """Writes files as both users in turn, and looks again and again at what it has written."""

    def __init__(self, directory, address, share):
        self.directory = directory
        self.address = address
        self.share = share
        self.journal = Journal(f'{directory}/{share}.journal')
        self.attempted = set()
        self.client = None
        self.outages = []
        self.checked = 0
        self.random = random.Random(share)

    def connect(self):
        """A new connection, where there is one to be had."""
        begun = time.monotonic()
        while True:
            try:
                self.client = Client(self.directory, self.address, self.share)
                return
            except (OSError, NetBIOSError, SessionError) as error:
                if time.monotonic() - begun > RECONNECT_SECONDS:
                    raise Wrong(f'no connection for {RECONNECT_SECONDS} seconds: {error}') from None
                time.sleep(0.2)

    def step(self, number):
        user = number % 2 + 1
        session = self.client.users[user]
        name = f'file-{number:05}'
        size = self.random.choice((1, 100, 4096, 70000, 200000))
        data = contents(number, size)
        self.attempted.add(name)
        session.write(f'own-{user}\\{name}', [(offset, data[offset:offset + PIECE])
                                             for offset in range(0, size, PIECE)], flush=True)
        self.journal.add(user, name, size, number)
        self.attempted.remove(name)
        if number % 5 == 0:
            files = self.journal.files[user]
            check_listing(session, user, files, self.attempted)
            name = self.random.choice(list(files))
            check_contents(session, user, name, *files[name])
            check_rights(self.client)
            self.checked += 1

    def run(self):
        number = 0
        self.connect()
        while not os.path.exists(f'{self.directory}/stop'):
            begun = time.monotonic()
            try:
                self.step(number)
                number += 1
            except Exception as error:
                if not is_broken(error):
                    raise
                print(f'# [{self.share}] connection lost at file {number}: {type(error).__name__}: {error}',
                      file=sys.stderr, flush=True)
                # What was not acknowledged is tried again under a new name.
                number += 1
                self.connect()
                self.outages.append(time.monotonic() - begun)
        self.client.close()


def work(directory, address, share):
    worker = Worker(directory, address, share)
    problem = None
    try:
        worker.run()
    except (Wrong, SessionError) as error:
        problem = str(error)
    smb.report(f'[{share}] what was acknowledged was there, complete and private all the time', problem)
    smb.report(f'[{share}] the client lost its connections',
               None if len(worker.outages) >= 2 else f'{len(worker.outages)} times, expected 2 at least')
    smb.report(f'[{share}] the client looked at what it had written',
               None if worker.checked >= 20 else f'{worker.checked} times')
    written = sum(len(files) for files in worker.journal.files.values())
    print(f'# [{share}] {written} files acknowledged, {len(worker.attempted)} not, {worker.checked} looks; without a '
          f'connection for {", ".join(f"{seconds:.1f}" for seconds in worker.outages)} seconds')


def verify(directory, address, share, where):
    journal = Journal(f'{directory}/{share}.journal')
    client = Client(directory, address, share)
    problem = None
    try:
        for number, session in client.users.items():
            files = journal.files[number]
            if not files:
                raise Wrong(f'user {number} has no file')
            # Of the others nobody knows: they were never acknowledged.
            listed = {name for name, *_ in session.list(f'own-{number}')} - {'.', '..'}
            check_listing(session, number, files, listed - set(files))
            for name, (size, seed) in files.items():
                check_contents(session, number, name, size, seed)
        check_rights(client)
    except (Wrong, SessionError) as error:
        problem = str(error)
    smb.report(f'[{share}] everything acknowledged is there, complete and private, through {where}', problem)
    client.close()


def exclusive(directory, share, one, other):
    """Needs the same file ids on both nodes, whatever the number of the mount."""
    holder = Client(directory, one, share)
    visitor = Client(directory, other, share)
    path = 'own-1\\held'
    handle = holder.users[1].call('create', path, FILE_WRITE_DATA | FILE_READ_DATA, 0, 0, FILE_OVERWRITE_IF, 0)
    problem = 'it was opened'
    try:
        visitor.users[1].call('create', path, FILE_READ_DATA, smb.SHARE_ALL, 0, FILE_OPEN, 0)
    except SessionError as error:
        problem = None if error.get_error_code() == STATUS_SHARING_VIOLATION else str(error)
    smb.report(f'[{share}] a file that one node has open for itself cannot be opened through the other', problem)
    holder.users[1].call('write', handle, b'of one node', 0, 11)
    holder.users[1].call('close', handle)
    problem = None
    try:
        data = visitor.users[1].read(path)
        if data != b'of one node':
            problem = f'it reads {data}'
        visitor.connection.smb.remove(share, path)
    except SessionError as error:
        problem = str(error)
    smb.report(f'[{share}] when that is closed the other node reads what was written', problem)
    holder.close()
    visitor.close()


def server(directory, share, brick, *users):
    """Returns what is wrong with the files themselves."""
    journal = Journal(f'{directory}/{share}.journal')
    for number, user in enumerate(users, 1):
        uid = pwd.getpwnam(user).pw_uid
        if not journal.files[number]:
            return f'user {number} has no file'
        for name, (size, seed) in journal.files[number].items():
            path = f'{brick}/own-{number}/{name}'
            try:
                status = os.stat(path)
                with open(path, 'rb') as file:
                    data = file.read()
            except OSError as error:
                return str(error)
            if data != contents(seed, size):
                return f'{path} has other contents ({len(data)} bytes, expected {size})'
            if status.st_uid != uid or stat.S_IMODE(status.st_mode) != 0o744:
                return f'{path} belongs to {status.st_uid} with mode {stat.S_IMODE(status.st_mode):o}'
    return None


def main():
    socket.setdefaulttimeout(ANSWER_SECONDS)
    action, arguments = sys.argv[1], sys.argv[2:]
    if action == 'server':
        sys.exit(server(*arguments))
    {'work': work, 'verify': verify, 'exclusive': exclusive}[action](*arguments)


if __name__ == '__main__':
    main()
