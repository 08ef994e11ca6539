# SPDX-License-Identifier: GPL-3.0-or-later
"""Part of test_race.sh: listings of a directory whose names stand for other files all the time. Arguments: SMBD_DIR PORT
SHARE ROOT PATH CHANGES SECONDS. ROOT is the directory of the share; PATH in it is made here, and listed. CHANGES
are made at least, in SECONDS at most.

Every file says its number in each way that an entry of a listing has: size, times, attributes, EAs, inode. So an entry
that is of two files, of one outside, or of one that the name stood for earlier, shows.
"""
import collections
import ctypes
import multiprocessing
import os
import random
import struct
import sys
import time

import smb

NAMES = 24
STABLE = 24
POOL = 160
FIRST_OUTSIDE = 600
EXCHANGE = 2
DIRECTORY = 0x10

libc = ctypes.CDLL(None, use_errno=True)


def exchange(old_fd, old, new_fd, new):
    if libc.renameat2(old_fd, old.encode(), new_fd, new.encode(), EXCHANGE) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def filetime(seconds):
    return (seconds + 11644473600) * 10_000_000


def is_private(number):
    """smbd reads the attributes of these again as root, but not the values of their EAs."""
    return number % 5 == 4


def make(path, number, directory=False):
    """A file that says its number in every way."""
    if directory:
        os.mkdir(path, 0o755)
    else:
        with open(path, 'wb') as file:
            file.truncate(number)
    attributes = (DIRECTORY if directory else 0x20) | (number & 7)
    value = bytes.fromhex('000005000500000011000000') + struct.pack('<IQ', attributes, filetime(1_600_000_000 + number))
    os.setxattr(path, 'user.DOSATTRIB', value)
    if number & 8:
        os.setxattr(path, 'user.comment', b'y' * number)
    if is_private(number):
        os.chmod(path, 0o600)
    os.utime(path, (1_700_000_000, 1_000_000_000 + number))
    return os.stat(path).st_ino


class World:
    """The directories, and the numbers of the files."""

    def __init__(self, root, path):
        self.top = f'{root}/{path}'
        self.share_path = path.replace('/', '\\')
        self.names = f'{self.top}/names'
        self.pool = f'{self.top}/pool'
        self.outside = f'{root}.outside-{os.getpid()}'
        self.numbers = {}
        self.directories = set()
        for directory in (self.top, self.names, self.pool, self.outside):
            os.mkdir(directory)
            os.chmod(directory, 0o777)
        self.names_fd = os.open(self.names, os.O_RDONLY)
        self.pool_fd = os.open(self.pool, os.O_RDONLY)
        number = 1
        for index in range(NAMES):
            self.make(f'{self.names}/{self.name(index)}', number)
            number += 1
        self.stable = {}
        for index in range(STABLE):
            self.stable[f'stable-{index:02}'] = number
            self.make(f'{self.names}/stable-{index:02}', number)
            number += 1
        for index in range(POOL):
            self.make(f'{self.pool}/{index}', number)
            number += 1
        for index in range(POOL // 4):
            # What names change places with: directories, and links to inside, outside and nowhere.
            kind = index % 5
            path = f'{self.pool}/kind-{index}'
            if kind < 2:
                self.make(path, number, True)
                number += 1
            else:
                make(f'{self.outside}/{index}', FIRST_OUTSIDE + index)
                os.symlink((f'{self.outside}/{index}', f'../pool/{index}', f'missing-{index}')[kind - 2], path)
        make(f'{self.outside}/secret', FIRST_OUTSIDE + 99)
        os.mkdir(f'{self.top}/flip')
        self.make(f'{self.top}/flip/inside', number)
        os.symlink(self.outside, f'{self.top}/flop')

    @staticmethod
    def name(index):
        return f'name-{index:02}'

    def make(self, path, number, directory=False):
        self.numbers[make(path, number, directory)] = number
        if directory:
            self.directories.add(number)

    def check(self, entry):
        """The number of the file that an entry is of, and what is wrong with it or None."""
        _, size, _, attributes, created, _, written, _, ea_size, _, file_id = entry
        if filetime(1_000_000_000 + FIRST_OUTSIDE) <= written < filetime(1_000_000_000 + 1000):
            return None, 'it is of a file outside'
        number = self.numbers.get(int(file_id, 16))
        if number is None:
            return None, 'it is of no file of ours'
        if attributes == '0x0':
            # smbd's answer for a file that has lost its name at that moment.
            return None, None
        directory = number in self.directories
        right = (0 if directory else number,
                 hex((DIRECTORY if directory else 0x20) | (number & 7)),
                 filetime(1_600_000_000 + number),
                 # XFS changes that of a directory which goes elsewhere.
                 written if directory else filetime(1_000_000_000 + number),
                 # A list has 4 bytes for itself, each EA 4, its name with a NUL and its value (estimate_ea_size()).
                 4 + 4 + len('COMMENT') + 1 + number if number & 8 and not is_private(number) else 0)
        if (size, attributes, created, written, ea_size) != right:
            return number, f'expected size, attributes, times and EA size {right}'
        return number, None


def ignore(function, *arguments, **keywords):
    """Another process was faster."""
    try:
        function(*arguments, **keywords)
    except OSError as error:
        if not isinstance(error, (FileNotFoundError, FileExistsError, IsADirectoryError, NotADirectoryError)):
            raise
        return False
    return True


def change_once(world, draw, who):
    """Returns how many names stand for something else."""
    name, other = (world.name(draw.randrange(NAMES)) for _ in range(2))
    pool = str(draw.randrange(POOL))
    new = f'new-{who}'
    names, files = world.names_fd, world.pool_fd
    what = draw.randrange(6)
    if what == 0:
        return 2 * ignore(exchange, names, name, names, other)
    if what == 1:
        ok = ignore(os.link, pool, new, src_dir_fd=files, dst_dir_fd=names)
        ok = ignore(os.rename, new, name, src_dir_fd=names, dst_dir_fd=names) and ok
        ignore(os.unlink, new, dir_fd=names)
        return int(ok)
    if what == 2:
        return int(ignore(exchange, names, name, files, f'kind-{draw.randrange(POOL // 4)}'))
    if what == 3:
        # Never the last link of a file: each comes from the pool, or is one of the first.
        ignore(os.unlink, name, dir_fd=names)
        return int(ignore(os.link, pool, name, src_dir_fd=files, dst_dir_fd=names))
    if what == 4:
        away = f'away-{who}'
        if not ignore(os.rename, name, away, src_dir_fd=names, dst_dir_fd=files):
            return 0
        visited = ignore(os.link, pool, name, src_dir_fd=files, dst_dir_fd=names)
        ignore(os.rename, away, name, src_dir_fd=files, dst_dir_fd=names)
        ignore(os.unlink, away, dir_fd=files)
        return 1 + visited
    ignore(exchange, names, name, names, other)
    return 2 * ignore(exchange, names, name, names, other)


def change_locally(world, who, changes, stop):
    draw = random.Random(who)
    top = os.open(world.top, os.O_RDONLY)
    done = 0
    while not stop.is_set():
        done += change_once(world, draw, who)
        if draw.randrange(20) == 0:
            ignore(exchange, top, 'flip', top, 'flop')
        if draw.randrange(400) == 0:
            time.sleep(draw.random() / 200)
        if done >= 100:
            with changes.get_lock():
                changes.value += done
            done = 0


def change_remotely(world, arguments, changes, stop):
    """A second client renames: a name over another, and a file of the pool to the name that has become free."""
    directory, port, share = arguments
    connection = smb.Connection(directory, port)
    session = connection.login(1)
    session.connect(share)
    draw = random.Random(77)
    names = f'{world.share_path}\\names'
    done = 0
    while not stop.is_set():
        name, other = (world.name(draw.randrange(NAMES)) for _ in range(2))
        try:
            if name != other:
                session.rename(share, f'{names}\\{name}', f'{names}\\{other}')
                done += 1
        except smb.SessionError:
            pass
        ignore(os.link, str(draw.randrange(POOL)), name, src_dir_fd=world.pool_fd, dst_dir_fd=world.names_fd)
    with changes.get_lock():
        changes.value += done
    connection.close()


def list_once(session, path, size):
    """Entries of a directory, in responses of a size; none if it can't be opened."""
    try:
        handle = session.call('create', *smb.open_directory(path))
    except smb.SessionError:
        return []
    entries = []
    while True:
        status, data = session.query_directory(handle, '*', smb.FILE_ID_BOTH_DIRECTORY_INFORMATION, 0, 0, size)
        if status != 0:
            break
        entries.extend(smb.records(data))
    session.call('close', handle)
    if status not in (smb.STATUS_NO_MORE_FILES, smb.STATUS_NO_SUCH_FILE):
        raise RuntimeError(f'a listing ends with status {status:#x}')
    return entries


class Findings:
    def __init__(self):
        self.wrong = 0
        self.first = None

    def add(self, what):
        self.wrong += 1
        self.first = self.first or what

    def report(self, name, looked):
        smb.report(name, None if self.wrong == 0 else f'{self.wrong} of {looked} entries, the first: {self.first}')


def racing(world, session, arguments, wanted, seconds):
    changes = multiprocessing.Value('Q', 0)
    stop = multiprocessing.Event()
    changers = [multiprocessing.Process(target=change_locally, args=(world, who, changes, stop)) for who in range(2)]
    changers.append(multiprocessing.Process(target=change_remotely, args=(world, arguments, changes, stop)))
    for changer in changers:
        changer.start()
    draw = random.Random(1)
    mixed, lost, escaped = Findings(), Findings(), Findings()
    listed = other = without = 0
    seen = {}
    end = time.monotonic() + seconds
    while time.monotonic() < end and (changes.value < wanted or listed < max(5000, wanted // 50)):
        entries = list_once(session, f'{world.share_path}\\names', draw.choice((65536, 65536, 4096, 1500)))
        for entry in entries:
            name = entry[0]
            if name in ('.', '..'):
                continue
            listed += 1
            number, problem = world.check(entry)
            if number is None and problem is None:
                without += 1
            elif problem:
                mixed.add(f'{entry}: {problem}')
            elif name in world.stable and number != world.stable[name]:
                mixed.add(f'{entry}: expected file {world.stable[name]}')
            elif name.startswith('name-'):
                other += seen.get(name, number) != number
                seen[name] = number
        count = collections.Counter(entry[0] for entry in entries)
        for name in world.stable:
            if count[name] != 1:
                lost.add(f'{name} is there {count[name]} times')
        for entry in list_once(session, f'{world.share_path}\\flip', 65536):
            if entry[0] not in ('.', '..', 'inside'):
                escaped.add(f'{entry}')
    stop.set()
    for changer in changers:
        changer.join(20)
        if changer.exitcode != 0:
            changer.kill()
            mixed.add(f'a process that makes changes ended with {changer.exitcode}')
    print(f'# {listed} entries, {other} of another file than before, {without} without attributes; {changes.value} changes')
    where = f'{arguments[2]}, {world.share_path}'
    mixed.report(f'{where}: every entry is of one file', listed)
    lost.report(f'{where}: what was there throughout is there once', listed)
    escaped.report(f'{where}: no link leads outside', listed)
    problem = None
    if changes.value < wanted or listed < 1000 or other < listed // 10:
        problem = f'{changes.value} changes, {listed} entries, {other} of another file than before in {seconds} seconds'
    elif without > 10 + listed // 1000:
        problem = f'{without} of {listed} entries have no attributes'
    smb.report(f'{where}: names changed while they were listed', problem)
    return changes.value


def numbers_now(world):
    """What each name stands for, followed where it is a link. (A listing of btrfs knows no names that are newer than its
    descriptor, so these are asked for one by one.)"""
    result = {}
    for name in (*(world.name(index) for index in range(NAMES)), *world.stable, 'new-fresh'):
        try:
            result[name] = world.numbers.get(os.stat(name, dir_fd=world.names_fd).st_ino)
        except OSError:
            result[name] = None
    return result


def fresh(world, session, share, rounds):
    """Between two responses nothing is known: each tells what is when it is asked for."""
    draw = random.Random(2)
    keeps = smb.smbd_keeps_an_entry()
    wrong = Findings()
    looked = responses = twice = 0
    path = f'{world.share_path}\\names'
    for _ in range(rounds):
        count = collections.Counter()
        handle = session.call('create', *smb.open_directory(path))
        kept = {}
        while True:
            for _ in range(draw.choice((0, 1, 5, 30))):
                change_once(world, draw, 'fresh')
            now = numbers_now(world)
            status, data = session.query_directory(handle, '*', smb.FILE_ID_BOTH_DIRECTORY_INFORMATION, 0, 0,
                                                   draw.choice((700, 1500, 3000)))
            if status != 0:
                break
            responses += 1
            for entry in smb.records(data):
                name = entry[0]
                if name in ('.', '..'):
                    continue
                looked += 1
                count[name] += 1
                number, problem = world.check(entry)
                if problem:
                    wrong.add(f'{entry}: {problem}')
                elif number is None or number not in (now.get(name), kept.get(name)):
                    wrong.add(f'{entry}: it is of file {number}, and the name stands for {now.get(name)}')
                kept = {}
            if keeps:
                kept = now
        session.call('close', handle)
        for name in world.stable:
            if count[name] != 1:
                wrong.add(f'{name} is there {count[name]} times')
        twice += sum(number > 1 for number in count.values())
    print(f'# {looked} entries in {responses} responses, {twice} names twice')
    wrong.report(f'{share}, {world.share_path}: each response tells what is then', looked)


def main():
    directory, port, share, root, path = sys.argv[1], int(sys.argv[2]), *sys.argv[3:6]
    changes, seconds = int(sys.argv[6]), int(sys.argv[7])
    world = World(root, path)
    connection = smb.Connection(directory, port)
    session = connection.login(1)
    session.connect(share)
    fresh(world, session, share, 30)
    racing(world, session, (directory, port, share), changes, seconds)
    connection.close()


main()
