# SPDX-License-Identifier: GPL-3.0-or-later
"""Many SMB2 requests in flight on one connection: what impacket, which waits for each answer, can't do. Logging in and
connecting to a share are smb.py's business; from then on requests are built, sent and read here. It checks nothing by
itself.

As a command: pipeline.py SMBD_DIR PORT USER SHARE COUNT FORMAT opens COUNT files for reading, 64 at a time, whose names
FORMAT makes of their numbers.
"""
import select
import struct
import sys
import time

import smb

STATUS_PENDING = 0x103
STATUS_SUCCESS = 0
HEADER = struct.Struct('<4sHHIHHIIQIIQ16s')
STATUS_CANCELLED = 0xC0000120
STATUS_NOT_FOUND = 0xC0000034
STATUS_COLLISION = 0xC0000035
STATUS_SHARING_VIOLATION = 0xC0000043
LOGOFF, TREE_DISCONNECT, CREATE, CLOSE, READ_FILE, WRITE_FILE, CANCEL, ECHO, BREAK = 2, 4, 5, 6, 8, 9, 12, 13, 18
FLAGS_ASYNC, FLAGS_RELATED = 2, 4
UNSOLICITED = (1 << 64) - 1

SUPERSEDE, OPEN, CREATE_NEW, OPEN_IF, OVERWRITE, OVERWRITE_IF = range(6)
READ, WRITE, DELETE, READ_ATTRIBUTES, MAXIMUM_ALLOWED = 0x1, 0x2, 0x10000, 0x80, 0x2000000
SHARE_NONE, SHARE_ALL = 0, 7
NON_DIRECTORY_FILE, DELETE_ON_CLOSE = 0x40, 0x1000


def create(name, disposition=OPEN, access=READ, share=SHARE_ALL, options=NON_DIRECTORY_FILE, oplock=0,
           attributes=0x80, impersonation=2):
    """The body of a CREATE ([MS-SMB2] 2.2.13)."""
    encoded = name.replace('/', '\\').encode('utf-16le')
    return CREATE, struct.pack('<HBBIQQIIIIIHHII', 57, 0, oplock, impersonation, 0, 0, access, attributes, share, disposition, options, 120,
                               len(encoded), 0, 0) + (encoded or b'\0')


def close(file_id):
    return CLOSE, struct.pack('<HHI16s', 24, 0, 0, file_id)


def read(file_id, size):
    return READ_FILE, struct.pack('<HBBIQ16sIIIIHHB', 49, 0x50, 0, size, 0, file_id, 0, 0, 0, 0, 0, 0, 0)


def write(file_id, data):
    return WRITE_FILE, struct.pack('<HHIQ16sIIHHI', 49, 112, len(data), 0, file_id, 0, 0, 0, 0, 0) + data


def logoff():
    return LOGOFF, struct.pack('<HH', 4, 0)


def tree_disconnect():
    return TREE_DISCONNECT, struct.pack('<HH', 4, 0)


def echo():
    return ECHO, struct.pack('<HH', 4, 0)


class Answer:
    """The last answer to a request; pending says whether an interim one came before."""

    def __init__(self, status, body, pending):
        self.status = status
        self.body = body
        self.pending = pending

    @property
    def file_id(self):
        return self.body[64:80]

    @property
    def data(self):
        """What a READ gave."""
        offset, _, length = struct.unpack_from('<BBI', self.body, 2)
        return self.body[offset - 64:offset - 64 + length]

    @property
    def action(self):
        """CreateAction: 1 opened, 2 created, 3 overwritten."""
        return struct.unpack_from('<I', self.body, 4)[0]

    @property
    def size(self):
        return struct.unpack_from('<Q', self.body, 48)[0]

    @property
    def attributes(self):
        return struct.unpack_from('<I', self.body, 56)[0]


class Pipeline:
    """The connection of a smb.Session that has a tree."""

    def __init__(self, session):
        self._session = session
        smb3 = session.connection.smb
        self._connection = smb3._Connection
        self.socket = smb3._NetBIOSSession.get_socket()
        self._data = bytearray()
        self._pending = set()
        self._async_ids = {}
        self._answers = {}
        self._credits = 1
        # The server grants as many as are asked for, up to its limit, but never more than it was asked for at once.
        while self._credits < 200:
            self.wait(self.send(echo()))

    def packet(self, request, session=None, message_id=None, async_id=None):
        command, body = request
        session = session or self._session
        tree = session._tree or 0
        ids = tree << 32 if async_id is None else async_id
        header = HEADER.pack(b'\xfeSMB', 64, 0 if command == CANCEL else 1, 0, command, 0 if command == CANCEL else 64,
                             FLAGS_ASYNC if async_id is not None else 0, 0, message_id, ids & 0xffffffff, ids >> 32,
                             session._state['SessionID'], bytes(16))
        return struct.pack('>I', len(header) + len(body)) + header + body

    def send_all(self, requests, session=None):
        """Send requests in one piece; returns their message ids."""
        data = bytearray()
        ids = []
        for request in requests:
            message_id = self._connection['SequenceWindow']
            self._connection['SequenceWindow'] += 1
            ids.append(message_id)
            data += self.packet(request, session, message_id)
        if len(ids) > self._credits:
            raise RuntimeError(f'{len(ids)} requests, {self._credits} credits')
        self._credits -= len(ids)
        self.socket.sendall(data)
        return ids

    def send(self, request, session=None):
        return self.send_all([request], session)[0]

    def compound(self, requests):
        """Related requests in one packet; returns the status of each. All of them have to be answered in one, too."""
        data = bytearray()
        first = self._connection['SequenceWindow']
        self._connection['SequenceWindow'] += len(requests)
        self._credits -= len(requests)
        for index, request in enumerate(requests):
            packet = bytearray(self.packet(request, None, first + index)[4:])
            if index > 0:
                struct.pack_into('<I', packet, 16, FLAGS_RELATED)
            if index < len(requests) - 1:
                packet += bytes(-len(packet) % 8)
                struct.pack_into('<I', packet, 20, len(packet))
            data += packet
        self.socket.sendall(struct.pack('>I', len(data)) + data)
        while len(self._data) < 4 or len(self._data) < 4 + struct.unpack_from('>I', self._data)[0]:
            self._data += self.socket.recv(1 << 20)
        length = struct.unpack_from('>I', self._data)[0]
        answer = bytes(self._data[4:4 + length])
        del self._data[:4 + length]
        statuses = []
        offset = 0
        while True:
            header = HEADER.unpack_from(answer, offset)
            statuses.append(header[3])
            self._credits += header[5]
            if header[7] == 0:
                return statuses
            offset += header[7]

    def cancel(self, message_id):
        self.socket.sendall(self.packet((CANCEL, struct.pack('<HH', 4, 0)), None, message_id,
                                        self._async_ids.get(message_id)))

    def receive(self, timeout=60):
        """The message id of the next answer that is no interim one."""
        deadline = time.monotonic() + timeout
        while True:
            if len(self._data) >= 4:
                length = 4 + struct.unpack_from('>I', self._data)[0]
                if len(self._data) >= length:
                    answer = bytes(self._data[4:length])
                    del self._data[:length]
                    message_id = self._take(answer)
                    if message_id is not None:
                        return message_id
                    continue
            if not select.select([self.socket], [], [], max(0, deadline - time.monotonic()))[0]:
                raise RuntimeError('no answer')
            data = self.socket.recv(1 << 20)
            if not data:
                raise RuntimeError('the connection is closed')
            self._data += data

    def _take(self, answer):
        (_, _, _, status, _, granted, flags, _, message_id, low, high, _, _) = HEADER.unpack_from(answer)
        self._credits += granted
        if status == STATUS_PENDING:
            self._pending.add(message_id)
            if flags & FLAGS_ASYNC:
                self._async_ids[message_id] = low | high << 32
            return None
        self._answers[message_id] = Answer(status, answer[64:], message_id in self._pending)
        return message_id

    def wait(self, message_id, timeout=60):
        while message_id not in self._answers:
            self.receive(timeout)
        return self._answers.pop(message_id)

    def run(self, requests, window=64):
        """Answers to requests, in their order, with so many in flight at a time."""
        requests = list(requests)
        ids = self.send_all(requests[:window])
        following = window
        for message_id in ids:
            self._answers.pop(message_id, None)
        left = len(requests)
        wanted = set(ids)
        while left > 0:
            message_id = self.receive()
            if message_id not in wanted:
                continue
            left -= 1
            if following < len(requests):
                new = self.send(requests[following])
                following += 1
                ids.append(new)
                wanted.add(new)
        return [self._answers.pop(message_id) for message_id in ids]


def connect(smbd_dir, port, user, share):
    """A pipeline of a new connection."""
    connection = smb.Connection(smbd_dir, port)
    session = connection.login(user)
    session.connect(share)
    return Pipeline(session)


def main():
    if len(sys.argv) != 7:
        sys.exit('Usage: pipeline.py SMBD_DIR PORT USER SHARE COUNT FORMAT')
    connection = connect(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4])
    answers = connection.run([create(sys.argv[6] % number) for number in range(int(sys.argv[5]))])
    bad = [answer for answer in answers if answer.status]
    if bad:
        sys.exit(f'{len(bad)} of {len(answers)} opens failed, one of them with {bad[0].status:#x}')
    connection.run([close(answer.file_id) for answer in answers])
    connection.socket.close()


if __name__ == '__main__':
    main()
