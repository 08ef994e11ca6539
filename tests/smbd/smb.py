# SPDX-License-Identifier: GPL-3.0-or-later
"""A small SMB2 client for the tests, on impacket: several sessions on one connection, listings as raw records, and
what /proc says of the smbd that serves them. It checks nothing by itself.

As a command: smb.py listing SMBD_DIR PORT USER SHARE PATH prints one line an entry, in the order of the server.
"""
import copy
import os
import re
import struct
import subprocess
import sys
import time

from impacket.smb3 import SMB3, SessionError
from impacket.smb3structs import (FILE_DIRECTORY_FILE, FILE_LIST_DIRECTORY, FILE_OPEN, FILE_OVERWRITE_IF,
                                  FILE_READ_ATTRIBUTES, FILE_READ_DATA, FILE_SHARE_DELETE, FILE_SHARE_READ,
                                  FILE_SHARE_WRITE, FILE_WRITE_DATA, SMB2_DIALECT_21, SMB2_QUERY_DIRECTORY,
                                  SMB2QueryDirectory, SMB2QueryDirectory_Response)

STATUS_NO_MORE_FILES = 0x80000006
STATUS_NO_SUCH_FILE = 0xC000000F  # of a listing: not one entry
STATUS_ACCESS_DENIED = 0xC0000022
FILE_ID_BOTH_DIRECTORY_INFORMATION = 37
SHARE_ALL = FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE


class _Sent(Exception):
    """A request has been sent; its answer is read later, or never."""


def _stop(_):
    raise _Sent()


class _Forgetful(dict):
    """impacket's table of files by name, which it can't use for two sessions or a file that is open twice."""

    def __setitem__(self, key, value):
        pass

    def __delitem__(self, key):
        pass


class Connection:
    """One TCP connection, so one smbd process, with any number of sessions."""

    def __init__(self, smbd_dir, port, address='127.0.0.1', timeout=60, dialect=SMB2_DIALECT_21):
        self.smbd_dir = smbd_dir
        # SMB 2.1: SMB 3.0 encrypts whatever is asked for, later ones tie each session to the negotiation.
        self.smb = SMB3(address, address, sess_port=port, timeout=timeout, preferredDialect=dialect)
        self.smb.GlobalFileTable = _Forgetful()
        # impacket keeps one session a connection, all of it in this dictionary.
        self._fresh = copy.deepcopy(self.smb._Session)

    def _words(self, number):
        with open(f'{self.smbd_dir}/private/login.{number}', encoding='ascii') as login:
            words = dict(line.strip().split(' = ') for line in login)
        return words['username'], words['password']

    def login(self, number):
        """A new session of user 1 or 2."""
        user, password = self._words(number)
        self.smb._Session = copy.deepcopy(self._fresh)
        self.smb.login(user, password)
        return Session(self, user, self.smb._Session)

    def login_again(self, session, number):
        """A session, with its trees and files, becomes that of user 1 or 2 anew."""
        session.user, password = self._words(number)
        self.smb._Session = session._state
        self.smb.login(session.user, password)

    def send(self, calls):
        """Send every request and read no answer, so that smbd works on them at once; receive() takes what this returns.

        calls: session, name of a method of SMB3 that makes one request, its arguments.
        """
        smb = self.smb
        send = smb.sendSMB
        sent = []
        identifiers = []
        try:
            # A method sends and then receives. Stopped before it receives, each has sent; run again with what it
            # sent, each receives.
            smb.sendSMB = lambda packet: identifiers.append(send(packet))
            smb.recvSMB = _stop
            for call in calls:
                try:
                    call[0].call(call[1], *call[2])
                except _Sent:
                    pass
                sent.append((identifiers.pop(), call))
        finally:
            for name in ('sendSMB', 'recvSMB'):
                smb.__dict__.pop(name, None)
        return sent

    def receive(self, sent):
        """The result or the SessionError of each."""
        results = []
        try:
            for identifier, (session, method, arguments) in sent:
                self.smb.sendSMB = lambda _, identifier=identifier: identifier
                try:
                    results.append(session.call(method, *arguments))
                except SessionError as error:
                    results.append(error)
        finally:
            self.smb.__dict__.pop('sendSMB', None)
        return results

    def overlapped(self, calls):
        """Send every request before the first answer is read. Returns the result or the SessionError of each."""
        return self.receive(self.send(calls))

    def send_and_leave(self, calls):
        """Send requests and break the connection without reading an answer."""
        self.smb.recvSMB = _stop
        for session, method, arguments in calls:
            try:
                session.call(method, *arguments)
            except _Sent:
                pass
        self.smb._NetBIOSSession.get_socket().close()

    def close(self):
        self.smb.close_session()


class Session:
    """A logged-in user, with one tree."""

    def __init__(self, connection, user, state):
        self.connection = connection
        self.user = user
        self._state = state
        self._tree = None

    def _smb(self):
        self.connection.smb._Session = self._state
        return self.connection.smb

    def call(self, method, *arguments):
        """A method of SMB3 in this session, on its tree if it takes one."""
        smb = self._smb()
        if method == 'logoff':
            return smb.logoff()
        return getattr(smb, method)(self._tree, *arguments)

    def connect(self, share):
        self._tree = self._smb().connectTree(share)

    def list(self, path=''):
        """Every entry of a directory as a tuple, in the order of the server."""
        handle = self.call('create', *open_directory(path))
        entries = []
        try:
            while True:
                entries.extend(records(self.call('queryDirectory', *query(handle))))
        except SessionError as error:
            if error.get_error_code() not in (STATUS_NO_MORE_FILES, STATUS_NO_SUCH_FILE):
                raise
        finally:
            self.call('close', handle)
        return entries

    def query_directory(self, handle, pattern, level, flags, index, size):
        """Like queryDirectory, which knows no flags: the status and what came with it, as bytes."""
        smb = self._smb()
        request = SMB2QueryDirectory()
        request['FileInformationClass'] = level
        request['Flags'] = flags
        request['FileIndex'] = index
        request['FileID'] = handle
        request['OutputBufferLength'] = size
        request['FileNameLength'] = len(pattern.encode('utf-16le'))
        request['Buffer'] = pattern.encode('utf-16le')
        packet = smb.SMB_PACKET()
        packet['Command'] = SMB2_QUERY_DIRECTORY
        packet['TreeID'] = self._tree
        packet['Data'] = request
        packet['CreditCharge'] = 1 + max(size - 1, 0) // 65536
        answer = smb.recvSMB(smb.sendSMB(packet))
        if answer['Status'] != 0:
            return answer['Status'], b''
        return 0, SMB2QueryDirectory_Response(answer['Data'])['Buffer']

    def rename(self, share, old, new):
        """Also over another file."""
        self._smb().rename(share, old, new)

    def read(self, path, size=65536, offset=0):
        handle = self.call('create', *open_file(path))
        try:
            return self.call('read', handle, offset, size)
        finally:
            self.call('close', handle)

    def write(self, path, pieces, flush=False):
        """Write pieces, each an offset and its bytes, to a new file."""
        handle = self.call('create', path, FILE_WRITE_DATA | FILE_READ_DATA, SHARE_ALL, 0, FILE_OVERWRITE_IF, 0)
        try:
            for offset, data in pieces:
                self.call('write', handle, data, offset, len(data))
            if flush:
                self.call('flush', handle)
        finally:
            self.call('close', handle)


def open_directory(path):
    """Arguments of create, for a directory."""
    return path, FILE_LIST_DIRECTORY | FILE_READ_ATTRIBUTES, SHARE_ALL, FILE_DIRECTORY_FILE, FILE_OPEN, 0


def open_file(path):
    """Arguments of create, for reading a file."""
    return path, FILE_READ_DATA, SHARE_ALL, 0, FILE_OPEN, 0


def query(handle):
    """Arguments of queryDirectory, for the next records."""
    return handle, '*', 0, FILE_ID_BOTH_DIRECTORY_INFORMATION, 65536


def records(data):
    """FileIdBothDirectoryInformation ([MS-FSCC] 2.4.17)."""
    offset = 0
    while True:
        (following, _, created, accessed, written, changed, size, allocated, attributes, name_length, ea_size,
         short_length, _, short_name, _, file_id) = struct.unpack_from('<IIQQQQQQIIIBB24sHQ', data, offset)
        name = data[offset + 104:offset + 104 + name_length].decode('utf-16le')
        yield (name, size, allocated, hex(attributes), created, accessed, written, changed, ea_size,
               short_name[:short_length].decode('utf-16le'), hex(file_id))
        if following == 0:
            return
        offset += following


def is_denied(function, *arguments):
    """None if the server denies access, else what it did instead."""
    try:
        function(*arguments)
    except SessionError as error:
        if error.get_error_code() == STATUS_ACCESS_DENIED:
            return None
        return f'status {error.get_error_code():#x}'
    return 'it was allowed'


def serving_processes(smbd_dir):
    """The processes that serve connections: the children of smbd with its name, or "smbd[ADDRESS]" since 4.22."""
    with open(f'{smbd_dir}/pid/smbd.pid', encoding='ascii') as file:
        parent = file.read().strip()
    found = set()
    for entry in os.listdir('/proc'):
        if not entry.isdigit():
            continue
        try:
            with open(f'/proc/{entry}/stat', encoding='utf-8') as file:
                before, after = file.read().rsplit(') ', 1)
        except OSError:
            continue
        state, ppid = after.split()[:2]
        if ppid == parent and state not in 'ZX' and before.split(' (', 1)[1].split('[')[0] == 'smbd':
            found.add(int(entry))
    return found


def serving_process(smbd_dir):
    """The process that serves our connection, which has to be the only one."""
    found = serving_processes(smbd_dir)
    if len(found) != 1:
        raise RuntimeError(f'{len(found)} processes serve connections, expected 1')
    return found.pop()


def cpu_ns(pid):
    """CPU time of a process with all its threads, those that have ended and the ring's kernel workers too."""
    # The kernel's number for the CPU clock of another process: linux/posix-timers.h.
    return time.clock_gettime_ns((~pid << 3) | 2)


def forget(path):
    """The page cache of a file, all of it: folios may be larger than what one would like to keep. The kernel may need to
    be asked more than once."""
    for _ in range(100):
        with open(path, 'rb') as file:
            os.fsync(file.fileno())
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
        pages = subprocess.run(['fincore', '--noheadings', '--output', 'PAGES', path], check=True, capture_output=True,
                               text=True).stdout
        if int(pages) == 0:
            return
        time.sleep(0.05)
    raise RuntimeError(f'{path} stays in the page cache')


def descriptors(pid):
    """What each descriptor of a process points to."""
    result = {}
    for number in os.listdir(f'/proc/{pid}/fd'):
        try:
            result[int(number)] = os.readlink(f'/proc/{pid}/fd/{number}')
        except FileNotFoundError:
            pass
    return result


def smbd_keeps_an_entry():
    """Since 4.19 smbd keeps the entry that did not fit into a response, and begins the next one with it as it was."""
    said = subprocess.run(['smbd', '--version'], check=True, capture_output=True, text=True).stdout
    return tuple(int(part) for part in re.search(r'(\d+)\.(\d+)', said).groups()) >= (4, 19)


def effective_ids(pid):
    """Effective uid and gid of a process."""
    with open(f'/proc/{pid}/status', encoding='utf-8') as file:
        status = dict(line.split(':', 1) for line in file)
    return int(status['Uid'].split()[1]), int(status['Gid'].split()[1])


def rings(pid):
    """A list for each io_uring of a process, with the effective uid, gid and capabilities of every personality, as far
    as the kernel tells."""
    result = []
    for number, target in descriptors(pid).items():
        if 'io_uring' not in target:
            continue
        found = []
        with open(f'/proc/{pid}/fdinfo/{number}', encoding='ascii') as file:
            lines = [line.strip() for line in file]
        for line in lines:
            key, _, value = line.partition(':')
            if key == 'Uid':
                found.append({'uid': int(value.split()[1])})
            elif key == 'Gid' and found:
                found[-1]['gid'] = int(value.split()[1])
            elif key == 'CapEff' and found:
                found[-1]['capabilities'] = int(value, 16)
        result.append(found)
    return result


def report(name, problem):
    """One line in the form of the tests; a problem of None means that there is none."""
    if problem is None:
        print(f'ok {name}')
    else:
        print(f'not ok {name} - {problem}')


def main():
    if len(sys.argv) != 7 or sys.argv[1] != 'listing':
        sys.exit('Usage: smb.py listing SMBD_DIR PORT USER SHARE PATH')
    connection = Connection(sys.argv[2], int(sys.argv[3]))
    session = connection.login(int(sys.argv[4]))
    session.connect(sys.argv[5])
    for entry in session.list(sys.argv[6]):
        print(*entry, sep='|')
    connection.close()


if __name__ == '__main__':
    main()
