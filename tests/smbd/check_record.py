# SPDX-License-Identifier: GPL-3.0-or-later
"""Part of test_record.sh: does known things and compares the trace with them. Arguments: SMBD_DIR PORT SHARE PREFIX
DIALECT [no-rules]. PREFIX is what the names of this share's traces begin with, DIALECT a number like 21 or 30. With
"no-rules" nothing is done that smbd refuses by rules of its own, where the file system would not.
"""
import struct
import sys

from impacket.nt_errors import ERROR_MESSAGES
from impacket.smb3 import SessionError
from impacket.smb3structs import (DELETE, FILE_CREATE, FILE_DELETE_ON_CLOSE, FILE_DIRECTORY_FILE, FILE_OPEN,
                                  FILE_OPEN_IF, FILE_OVERWRITE_IF, FILE_READ_ATTRIBUTES, FILE_READ_DATA,
                                  FILE_WRITE_ATTRIBUTES, FILE_WRITE_DATA, SMB2_0_INFO_FILE, SMB2_0_INFO_FILESYSTEM,
                                  SMB2_0_INFO_SECURITY, SMB2_DIALECT_21, SMB2_DIALECT_30)

import smb
import traces

READ_CONTROL = 0x20000
ALL_ACCESS = (FILE_READ_DATA | FILE_WRITE_DATA | FILE_READ_ATTRIBUTES | FILE_WRITE_ATTRIBUTES | DELETE | READ_CONTROL)

# [MS-FSCC] 2.4, 2.5
BASIC = 4
STANDARD = 5
RENAME = 10
DISPOSITION = 13
END_OF_FILE = 20
NETWORK_OPEN = 34
FULL_SIZE = 7

OK = 'NT_STATUS_OK'
NO_MORE_FILES = 'NT_STATUS_NO_MORE_FILES'
DISPOSITIONS = ['supersede', 'open', 'create', 'open-if', 'overwrite', 'overwrite-if']


class Client:
    """A session that remembers what it has asked for, as a trace is to tell it."""

    def __init__(self, session, expected):
        self.session = session
        self.expected = expected
        self._names = {}

    def _note(self, command, path, status, **fields):
        self.expected.append(dict(fields, user=self.session.user, command=command, path=path, status=status))

    def _call(self, method, *arguments):
        try:
            return OK, self.session.call(method, *arguments)
        except SessionError as error:
            return 'NT_' + ERROR_MESSAGES[error.get_error_code()][0], None

    def create(self, path, access=ALL_ACCESS, disposition=FILE_OPEN, options=0, **fields):
        status, handle = self._call('create', path.replace('/', '\\'), access, smb.SHARE_ALL, options, disposition, 0)
        if status == OK:
            self._names[handle] = path
            fields['kind'] = 'directory' if options & FILE_DIRECTORY_FILE else 'file'
        self._note('create', path, status, access=f'0x{access:08x}', disposition=DISPOSITIONS[disposition],
                   options=f'0x{options:08x}', **fields)
        return handle

    def close(self, handle):
        status, _ = self._call('close', handle)
        self._note('close', self._names.pop(handle), status)

    def write(self, handle, offset, data):
        status, count = self._call('write', handle, data, offset, len(data))
        self._note('write', self._names[handle], status, offset=offset, length=len(data), count=count)

    def read(self, handle, offset, length):
        status, data = self._call('read', handle, offset, length)
        self._note('read', self._names[handle], status, offset=offset, length=length, count=len(data or b''))
        return data

    def flush(self, handle):
        status, _ = self._call('flush', handle)
        self._note('flush', self._names[handle], status)

    def query(self, handle, kind, level, additional=0):
        status, _ = self._call('queryInfo', handle, '', kind, level, additional)
        name = {SMB2_0_INFO_FILE: 'file', SMB2_0_INFO_FILESYSTEM: 'filesystem', SMB2_0_INFO_SECURITY: 'security'}[kind]
        self._note('query-info', self._names[handle], status, info=name, level=level)

    def set(self, handle, level, data, **fields):
        status, _ = self._call('setInfo', handle, data, SMB2_0_INFO_FILE, level)
        self._note('set-info', self._names[handle], status, info='file', level=level, **fields)

    def rename(self, handle, target, replace=False):
        name = target.replace('/', '\\').encode('utf-16le')
        data = struct.pack('<B7xQI', replace, 0, len(name)) + name
        status, _ = self._call('setInfo', handle, data, SMB2_0_INFO_FILE, RENAME)
        self._note('rename', self._names[handle], status, target=target, replace=replace)

    def list(self, handle, pattern='*', level=smb.FILE_ID_BOTH_DIRECTORY_INFORMATION):
        """Once; None when there is no more."""
        status, data = self.session.query_directory(handle, pattern, level, 0, 0, 65536)
        entries = list(smb.records(data)) if status == 0 else None
        return entries

    def note_list(self, handle, count, pattern='*', status=OK):
        self._note('query-directory', self._names[handle], status, pattern=pattern, count=count,
                   level=smb.FILE_ID_BOTH_DIRECTORY_INFORMATION)


def basic(modified=0, attributes=0):
    return struct.pack('<QQQQI4x', 0, 0, modified, 0, attributes)


def nt_time(seconds):
    return (seconds + 11644473600) * 10000000


def files(client, other, own, others):
    """Opens of all kinds, of what is there and what is not, and what is done to what they give."""
    directory = client.create(f'{own}/directory', disposition=FILE_CREATE, options=FILE_DIRECTORY_FILE)
    client.close(directory)
    client.create(f'{own}/directory', disposition=FILE_CREATE, options=FILE_DIRECTORY_FILE)

    path = f'{own}/directory/Grüße [1].txt'
    handle = client.create(path, disposition=FILE_OVERWRITE_IF, size=0)
    client.write(handle, 0, b'x' * 5000)
    client.write(handle, 100000, b'y' * 3)
    client.flush(handle)
    client.read(handle, 4990, 100)
    client.read(handle, 100000, 65536)
    client.read(handle, 200000, 10)
    client.close(handle)

    handle = client.create(path, access=FILE_READ_ATTRIBUTES | READ_CONTROL, size=100003)
    client.query(handle, SMB2_0_INFO_FILE, NETWORK_OPEN)
    client.query(handle, SMB2_0_INFO_FILE, STANDARD)
    client.query(handle, SMB2_0_INFO_SECURITY, 0, 7)
    client.query(handle, SMB2_0_INFO_FILESYSTEM, FULL_SIZE)
    client.close(handle)

    client.create(f'{own}/nothing')
    client.create(f'{own}/nothing/at-all')
    client.create(f'{others}/secret')
    client.create(f'{own}/directory', disposition=FILE_CREATE)
    handle = client.create(f'{own}/public', disposition=FILE_OPEN_IF, size=0)
    client.close(handle)
    # The other user may enter the directory of this file and not read it.
    other.create(f'{own}-open/private')
    other.create(f'{own}-open/private', access=FILE_WRITE_DATA, disposition=FILE_OVERWRITE_IF)


def changes(client, own, others, rules):
    """What is set of a file."""
    handle = client.create(f'{own}/changing', disposition=FILE_OPEN_IF, size=0)
    client.set(handle, END_OF_FILE, struct.pack('<Q', 12345), size=12345)
    client.set(handle, BASIC, basic(modified=nt_time(1500000000)), modified_ns=1500000000 * 10**9)
    client.set(handle, BASIC, basic(attributes=0x22), attributes='0x00000022')
    client.rename(handle, f'{own}/renamed')
    client.rename(handle, f'{own}/public')
    client.rename(handle, f'{own}/public', replace=True)
    client.close(handle)

    if rules:
        refusals(client, own, others)

    handle = client.create(f'{own}/public', access=FILE_READ_DATA, size=12345)
    client.set(handle, END_OF_FILE, struct.pack('<Q', 1), size=1)
    client.set(handle, DISPOSITION, b'\x01', remove=True)
    client.close(handle)

    handle = client.create(f'{own}/public', size=12345)
    client.set(handle, DISPOSITION, b'\x01', remove=True)
    client.set(handle, DISPOSITION, b'\x00')
    client.set(handle, DISPOSITION, b'\x01', remove=True)
    client.close(handle)
    client.create(f'{own}/public')

    handle = client.create(f'{own}/directory', options=FILE_DIRECTORY_FILE)
    client.set(handle, DISPOSITION, b'\x01', remove=True)
    client.close(handle)
    handle = client.create(f'{own}/temporary', disposition=FILE_CREATE, options=FILE_DELETE_ON_CLOSE, size=0)
    client.close(handle)
    client.create(f'{own}/temporary')


def refusals(client, own, others):
    """What smbd refuses for a reason of its own, most of it without trying."""
    handle = client.create(f'{own}/public', size=12345)
    client.rename(handle, f'{own}/nowhere/renamed')
    client.rename(handle, f'{others}/renamed')
    client.rename(handle, f'{own}/directory')
    client.rename(handle, f'{own}/public')
    client.set(handle, BASIC, basic(attributes=0x21), attributes='0x00000021')
    client.set(handle, DISPOSITION, b'\x01', remove=True)
    client.set(handle, BASIC, basic(attributes=0x80), attributes='0x00000080')
    client.close(handle)
    directory = client.create(f'{own}/directory', options=FILE_DIRECTORY_FILE)
    handle = client.create(f'{own}/directory/Grüße [1].txt', size=100003)
    client.rename(directory, f'{own}/elsewhere')
    client.close(handle)
    client.rename(directory, f'{own}/elsewhere')
    client.rename(directory, f'{own}/directory')
    client.close(directory)
    # The kernel lets only the owner, and smbd whoever may write.
    handle = client.create(f'{others}-open/for-all', access=FILE_WRITE_DATA | FILE_WRITE_ATTRIBUTES, size=0)
    client.set(handle, BASIC, basic(modified=nt_time(1500000000)), modified_ns=1500000000 * 10**9)
    client.close(handle)
    handle = client.create('many/file-00000.txt', access=FILE_READ_ATTRIBUTES)
    client.rename(handle, 'many/renamed')
    client.set(handle, BASIC, basic(modified=nt_time(1500000000)), modified_ns=1500000000 * 10**9)
    client.close(handle)


def listing(client, path, names):
    """A directory, in more than one answer."""
    handle = client.create(path, options=FILE_DIRECTORY_FILE,
                           access=FILE_READ_DATA | FILE_READ_ATTRIBUTES)
    found = []
    while True:
        entries = client.list(handle)
        if entries is None:
            if smb.smbd_keeps_an_entry():
                # Since then smbd asks the file system for more, and until then not: see record_readdir().
                client.note_list(handle, 0, status=NO_MORE_FILES)
            break
        found.extend(entry[0] for entry in entries)
        client.note_list(handle, len(entries))
    client.close(handle)
    if sorted(found) != sorted(names + ['.', '..']):
        return f'{len(found)} names were listed'
    return None


def told(record, request, fields):
    """What a trace says of a request, as far as it is expected to say that."""
    what = {field: request.get(field) for field in fields}
    what['user'] = record.user(request)
    what['path'] = record.file(request)
    for field in ('replace', 'remove'):
        what[field] = what.get(field) or False
    return what


def compare(record, expected):
    """What was done, in the order in which it was done."""
    for index, (one, request) in enumerate(zip(expected, record.requests)):
        one = dict({'replace': False, 'remove': False}, **one)
        found = told(record, request, one.keys())
        if found != one:
            different = {key: (one[key], found[key]) for key in one if one[key] != found[key]}
            return f"number {index + 1}, {one['command']} of {one['path']}: expected and recorded {different}"
    if len(expected) != len(record.requests):
        both = min(len(expected), len(record.requests))
        rest = (expected[both:] + [told(record, one, one.keys()) for one in record.requests[both:]])[0]
        return f'{len(expected)} were made, {len(record.requests)} are recorded, the first more is {rest}'
    return None


def times(record):
    """Made one after the other, each was answered before the next."""
    before = 0
    for request in record.requests:
        if request['time_ns'] < before or request['duration_ns'] <= 0:
            return f"request {request['request']}: {request['time_ns']} + {request['duration_ns']} after {before}"
        before = request['time_ns'] + request['duration_ns']
    return None


def main():
    directory, port, share, prefix = sys.argv[1], int(sys.argv[2]), sys.argv[3], sys.argv[4]
    dialect = {'21': SMB2_DIALECT_21, '30': SMB2_DIALECT_30}[sys.argv[5]]
    known = frozenset(traces.files(prefix))
    connection = smb.Connection(directory, port, dialect=dialect)
    sessions = [connection.login(1), connection.login(2)]
    expected = []
    for session in sessions:
        session.connect(share)
    clients = [Client(session, expected) for session in sessions]

    files(clients[0], clients[1], 'own-1', 'own-2')
    files(clients[1], clients[0], 'own-2', 'own-1')
    for client, own in zip(clients, ('own-1', 'own-2'), strict=True):
        changes(client, own, 'own-2' if own == 'own-1' else 'own-1', 'no-rules' not in sys.argv[6:])
    problem = listing(clients[1], 'many', [f'file-{number:05}.txt' for number in range(500)])
    smb.report(f'{share}: the directory is listed', problem)
    # What a client leaves open is closed when it goes.
    clients[0].create('own-1/left', disposition=FILE_OPEN_IF, size=0)
    expected.append({'user': sessions[0].user, 'command': 'close', 'path': 'own-1/left', 'status': OK})
    connection.close()

    record = traces.wait_for(prefix, known)
    print(f'# {share}: {len(record.requests)} requests in {record.path}')
    smb.report(f'{share}: every request is recorded as it was', compare(record, expected))
    smb.report(f'{share}: times', times(record))
    smb.report(f'{share}: nothing is lost', None if record.end['lost'] == 0 else f"{record.end['lost']} are")
    users = [record.sessions[number]['user'] for number in sorted(record.sessions)]
    smb.report(f'{share}: sessions', None if users == [session.user for session in sessions] else f'{users}')
    smb.report(f'{share}: source', None if record.header['source'] == 'module' else f'{record.header}')


main()
