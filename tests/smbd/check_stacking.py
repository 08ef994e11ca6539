# SPDX-License-Identifier: GPL-3.0-or-later
"""Part of test_stacking.sh: does the same on every share and writes what came of it, to be compared, to files
OUT/WHAT.SHARE.USER. Arguments: WHAT SMBD_DIR PORT OUT USER SHARE... WHAT is

look   what is there: listings, information, streams and security descriptors, ids and times too
work   changes of all kinds in the directory "work", without what differs from copy to copy
"""
import contextlib
import hashlib
import struct
import sys

from impacket.smb3structs import (DELETE, FILE_ATTRIBUTE_NORMAL, FILE_DELETE_ON_CLOSE, FILE_DIRECTORY_FILE,
                                  FILE_NON_DIRECTORY_FILE, FILE_OPEN, FILE_OPEN_IF, FILE_OVERWRITE_IF,
                                  FILE_READ_ATTRIBUTES, FILE_READ_DATA, FILE_WRITE_ATTRIBUTES, FILE_WRITE_DATA,
                                  READ_CONTROL, SMB2_0_INFO_FILE, SMB2_0_INFO_SECURITY)

import smb

FILE_BASIC_INFORMATION = 4
FILE_RENAME_INFORMATION = 10
FILE_ALL_INFORMATION = 18
FILE_STREAM_INFORMATION = 22
OWNER_GROUP_DACL = 7
SEEN = FILE_READ_ATTRIBUTES | READ_CONTROL


def attempt(what, function, *arguments):
    """What it gave, or the status."""
    try:
        result = function(*arguments)
    except smb.SessionError as error:
        print(f'{what}: status {error.get_error_code():#x}')
        return None
    if result is not None:
        print(f'{what}: {result}')
    return result


class Share:
    """What the transcript is made of."""

    def __init__(self, session):
        self.session = session

    def open(self, path, access=SEEN, disposition=FILE_OPEN, options=0):
        return self.session.call('create', path, access, smb.SHARE_ALL, options, disposition, FILE_ATTRIBUTE_NORMAL)

    def with_open(self, path, function, access=SEEN, disposition=FILE_OPEN, options=0):
        handle = self.open(path, access, disposition, options)
        try:
            return function(handle)
        finally:
            self.session.call('close', handle)

    def query(self, handle, level, kind=SMB2_0_INFO_FILE, additional=0):
        return self.session.call('queryInfo', handle, '', kind, level, additional)

    def set(self, path, level, blob, access):
        self.with_open(path, lambda handle: self.session.call('setInfo', handle, blob, SMB2_0_INFO_FILE, level), access)

    def entries(self, path, times):
        entries = self.session.list(path)
        for name, size, allocated, attributes, created, _, written, changed, ea_size, short_name, file_id in entries:
            shown = [name, size, attributes, ea_size, short_name]
            if times:
                # Not the access time, which a look moves.
                shown += [allocated, created, written, changed, file_id]
            print('entry', path, *shown)
        return [(entry[0], int(entry[3], 16)) for entry in entries if entry[0] not in ('.', '..')]

    def streams(self, path):
        data = self.with_open(path, lambda handle: self.query(handle, FILE_STREAM_INFORMATION))
        result = []
        offset = 0
        while offset < len(data):
            following, length, size = struct.unpack_from('<IIQ', data, offset)
            result.append((data[offset + 24:offset + 24 + length].decode('utf-16le'), size))
            if following == 0:
                break
            offset += following
        return sorted(result)

    def information(self, path):
        """Times but the access time, attributes, size and number of links."""
        data = self.with_open(path, lambda handle: self.query(handle, FILE_ALL_INFORMATION))
        created, _, written, changed, attributes = struct.unpack_from('<QQQQI', data)
        allocated, size, links = struct.unpack_from('<QQI', data, 40)
        return created, written, changed, hex(attributes), allocated, size, links

    def security(self, path):
        return self.with_open(
            path, lambda handle: self.query(handle, 0, SMB2_0_INFO_SECURITY, OWNER_GROUP_DACL)).hex()

    def read(self, path):
        data = self.session.read(path, 65536)
        return len(data), hashlib.sha256(data).hexdigest()

    def write(self, path, pieces):
        self.session.write(path, pieces, flush=True)

    def append(self, path, data, offset):
        self.with_open(path, lambda handle: self.session.call('write', handle, data, offset, len(data)),
                       FILE_WRITE_DATA, FILE_OPEN_IF, FILE_NON_DIRECTORY_FILE)

    def set_attributes(self, path, attributes):
        blob = struct.pack('<QQQQII', 0, 0, 0, 0, attributes, 0)
        self.set(path, FILE_BASIC_INFORMATION, blob, FILE_WRITE_ATTRIBUTES)

    def attributes(self, path):
        return self.information(path)[3]

    def rename(self, path, to, replace=False):
        name = to.encode('utf-16le')
        blob = struct.pack('<B7xQI', replace, 0, len(name)) + name
        self.set(path, FILE_RENAME_INFORMATION, blob, DELETE | FILE_READ_ATTRIBUTES)

    def delete(self, path, options=FILE_NON_DIRECTORY_FILE):
        self.with_open(path, lambda handle: None, DELETE, FILE_OPEN, options | FILE_DELETE_ON_CLOSE)

    def make_directory(self, path):
        self.with_open(path, lambda handle: None, FILE_READ_DATA, FILE_OPEN_IF, FILE_DIRECTORY_FILE)


def look(share, path='', depth=0):
    """Everything that is there, two levels deep."""
    for name, attributes in share.entries(path, True):
        inside = f'{path}\\{name}' if path else name
        if depth > 0:
            attempt(f'information of {inside}', share.information, inside)
            attempt(f'streams of {inside}', share.streams, inside)
            attempt(f'security of {inside}', share.security, inside)
        if attributes & 0x10 and depth < 2:
            attempt(f'listing of {inside}', look, share, inside, depth + 1)


def names(share):
    for name in ('missing', 'FILE-00001.TXT', 'file-00001.txt', 'file-00014.txt', 'link-inside', 'link-outside',
                 'link-dangling', 'quote\u00a8d', 'work\\missing\\missing', '..', 'a*b'):
        attempt(f'information of {name}', lambda path: share.information(path)[3:], name)
        attempt(f'content of {name}', share.read, name)


def change(share):
    work = 'work\\'
    attempt('write', share.write, work + 'data', [(0, b'a' * 70000), (100000, b'b' * 3000), (10, b'c')])
    attempt('read', share.read, work + 'data')
    attempt('append', share.append, work + 'data', b'd' * 10, 103000)
    attempt('read', share.read, work + 'data')
    for attributes in (0x20, 0x22, 0x27, 0x80):
        attempt(f'set attributes {attributes:#x}', share.set_attributes, work + 'data', attributes)
        attempt('attributes', share.attributes, work + 'data')
    for stream in ('one', 'two', 'AFP_AfpInfo', 'AFP_Resource', 'com.apple.quarantine'):
        path = f'{work}data:{stream}'
        attempt(f'no stream {stream}', share.read, path)
        attempt(f'write stream {stream}', share.write, path, [(0, b'AFP\0' + bytes([0, 1]) + b's' * 54)])
        attempt(f'read stream {stream}', share.read, path)
        attempt('streams', share.streams, work + 'data')
    attempt('append to a stream', share.append, work + 'data:one', b'e' * 2000, 60)
    attempt('read a stream', share.read, work + 'data:one')
    attempt('delete a stream', share.delete, work + 'data:two')
    attempt('streams', share.streams, work + 'data')
    attempt('read-only', share.set_attributes, work + 'data', 0x21)
    attempt('write to a read-only file', share.append, work + 'data', b'f', 0)
    attempt('delete a read-only file', share.delete, work + 'data')
    attempt('not read-only', share.set_attributes, work + 'data', 0x80)

    attempt('make a directory', share.make_directory, work + 'inner')
    attempt('rename', share.rename, work + 'data', work + 'renamed')
    attempt('streams', share.streams, work + 'renamed')
    attempt('rename into a directory', share.rename, work + 'renamed', work + 'inner\\data')
    attempt('rename to what exists', share.rename, work + 'inner\\data', work + 'present')
    attempt('rename over what exists', share.rename, work + 'inner\\data', work + 'present', True)
    attempt('read', share.read, work + 'present')
    attempt('rename by case', share.rename, work + 'present', work + 'PRESENT')
    attempt('remove a directory', share.delete, work + 'inner', FILE_DIRECTORY_FILE)
    attempt('write a mapped name', share.write, work + 'new\u00a8name', [(0, b'mapped')])
    attempt('rename a mapped name', share.rename, work + 'mapped\u00a8name', work + 'other\u00a8name')
    attempt('read a mapped name', share.read, work + 'other\u00a8name')
    attempt('write a private-range name', share.write, work + 'apple\uf022name', [(0, b'private')])
    attempt('delete', share.delete, work + 'gone')
    attempt('delete what is not there', share.delete, work + 'gone')
    attempt('delete a directory that is not empty', share.delete, work + 'full', FILE_DIRECTORY_FILE)
    attempt('delete a mapped name', share.delete, work + 'quote\u00a8d')
    attempt('a new directory', share.make_directory, work + 'new')
    for number in range(20):
        attempt('write one of many', share.write, f'{work}new\\{number}', [(0, b'x' * (number + 1))])
    attempt('rename a directory', share.rename, work + 'new', work + 'old')
    for path in ('work', 'work\\old', 'work\\full'):
        share.entries(path, False)
    attempt('overwrite', lambda path: share.with_open(path, lambda handle: None, FILE_WRITE_DATA, FILE_OVERWRITE_IF),
            work + 'old\\3')
    share.entries('work\\old', False)


def main():
    what, smbd_dir, port, out, user = sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4], int(sys.argv[5])
    for name in sys.argv[6:]:
        connection = smb.Connection(smbd_dir, port)
        session = connection.login(user)
        session.connect(name)
        with (open(f'{out}/{what}.{name}.{user}', 'w', encoding='utf-8', errors='surrogateescape') as file,
              contextlib.redirect_stdout(file)):
            share = Share(session)
            if what == 'look':
                look(share)
            else:
                names(share)
                change(share)
        connection.close()


main()
