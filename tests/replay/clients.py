# SPDX-License-Identifier: GPL-3.0-or-later
"""Clients that do what smbclient does not: two users on one connection, compounds, requests that wait and are
cancelled, all kinds of set-info. Each fails when the server did not answer as it had to, for then the capture is not
what it is meant to be.

    clients.py SCENARIO SMBD_DIR PORT
"""
import os
import struct
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'smbd'))

import pipeline  # noqa: E402
import smb  # noqa: E402

FLUSH, IOCTL, ECHO, QUERY_DIRECTORY, CHANGE_NOTIFY, QUERY_INFO, SET_INFO, WRITE = 7, 11, 13, 14, 15, 16, 17, 9
FID_OF_CHAIN = b'\xff' * 16
DIRECTORY_FILE = 1
GENERIC_READ, GENERIC_WRITE, ALL = 0x80000000, 0x40000000, 0x001f01ff
SUCCESS, NOT_FOUND, DENIED, CANCELLED = 0, 0xc0000034, 0xc0000022, 0xc0000120
NO_MORE_FILES, END_OF_FILE, INVALID_CLASS = 0x80000006, 0xc0000011, 0xc0000003


def write(file_id, data, offset=0):
    return WRITE, struct.pack('<HHIQ16sIIHHI', 49, 112, len(data), offset, file_id, 0, 0, 0, 0, 0) + data


def flush(file_id):
    return FLUSH, struct.pack('<HHI16s', 24, 0, 0, file_id)


def query_info(file_id, level, kind=1, additional=0):
    return QUERY_INFO, struct.pack('<HBBIHHIII16sB', 41, kind, level, 65536, 0, 0, 0, additional, 0, file_id, 0)


def set_info(file_id, level, data, kind=1):
    return SET_INFO, struct.pack('<HBBIHHI16s', 33, kind, level, len(data), 96, 0, 0, file_id) + data


def query_directory(file_id, pattern='*', flags=0, level=37):
    name = pattern.encode('utf-16le')
    return QUERY_DIRECTORY, struct.pack('<HBBI16sHHI', 33, level, flags, 0, file_id, 96, len(name), 65536) + name


def change_notify(file_id):
    return CHANGE_NOTIFY, struct.pack('<HHI16sII', 32, 0, 65536, file_id, 0x17, 0)


def rename(name, replace):
    """FileRenameInformation and FileLinkInformation have one form ([MS-FSCC] 2.4.42.2)."""
    encoded = name.encode('utf-16le')
    return struct.pack('<B7xQI', 1 if replace else 0, 0, len(encoded)) + encoded


def basic(modified_ns=None, attributes=0):
    modified = modified_ns // 100 + 116444736000000000 if modified_ns is not None else 0
    return struct.pack('<QQQQI4x', 0, 0, modified, 0, attributes)


class Client:
    """One connection with some sessions; requests one at a time, or as compounds."""

    def __init__(self, smbd_dir, port, share='share'):
        self.connection = smb.Connection(smbd_dir, port)
        self.share = share
        self.pipeline = None

    def login(self, user):
        session = self.connection.login(user)
        session.connect(self.share)
        if self.pipeline is None:
            self.pipeline = pipeline.Pipeline(session)
        return session

    def ask(self, session, request, status=SUCCESS):
        answer = self.pipeline.wait(self.pipeline.send(request, session))
        expect(answer.status, status, request)
        return answer

    def compound(self, session, requests, related=True):
        """One message: each request but the first refers to the one before. The answers."""
        pipe = self.pipeline
        ids = []
        message = bytearray()
        for number, request in enumerate(requests):
            message_id = pipe._connection['SequenceWindow']
            pipe._connection['SequenceWindow'] += 1
            ids.append(message_id)
            packet = bytearray(pipe.packet(request, session, message_id)[4:])
            if number > 0 and related:
                struct.pack_into('<I', packet, 16, pipeline.FLAGS_RELATED)
            if number + 1 < len(requests):
                packet += bytes(-len(packet) % 8)
                struct.pack_into('<I', packet, 20, len(packet))
            message += packet
        pipe._credits -= len(ids)
        pipe.socket.sendall(struct.pack('>I', len(message)) + message)
        return [self.wait_in_compound(message_id) for message_id in ids]

    def wait_in_compound(self, message_id):
        """Answers to a compound may come in one message, which the pipeline does not take apart."""
        pipe = self.pipeline
        while message_id not in pipe._answers:
            while len(pipe._data) < 4 or len(pipe._data) < 4 + struct.unpack_from('>I', pipe._data)[0]:
                data = pipe.socket.recv(1 << 20)
                if not data:
                    raise RuntimeError('the connection is closed')
                pipe._data += data
            length = 4 + struct.unpack_from('>I', pipe._data)[0]
            message = bytes(pipe._data[4:length])
            del pipe._data[:length]
            while message:
                following = struct.unpack_from('<I', message, 20)[0]
                pipe._take(message[:following] if following else message)
                message = message[following:] if following else b''
        return pipe._answers.pop(message_id)


def expect(status, wanted, what):
    if status != wanted:
        sys.exit(f'{what[0]}: status {status:#x} instead of {wanted:#x}')


def create_file(name, access=ALL, disposition=pipeline.OPEN_IF, options=0, share=7):
    return pipeline.create(name, disposition, access, share, options)


def two_users(smbd_dir, port):
    """A file of mode 0700 that belongs to user 1. User 2, on the same connection, may not open it, and does other things
    in between."""
    client = Client(smbd_dir, port)
    first = client.login(1)
    second = client.login(2)
    mine = client.ask(first, create_file('secret', GENERIC_READ | GENERIC_WRITE, pipeline.OPEN))
    client.ask(second, create_file('secret', GENERIC_READ, pipeline.OPEN), DENIED)
    yours = client.ask(second, create_file('of-the-second'))
    client.ask(first, pipeline.read(mine.file_id, 4096))
    client.ask(second, write(yours.file_id, b'of the second\n'))
    client.ask(second, create_file('secret', GENERIC_WRITE, pipeline.OPEN), DENIED)
    client.ask(first, write(mine.file_id, b'changed by the first\n'))
    client.ask(first, pipeline.close(mine.file_id))
    client.ask(second, pipeline.close(yours.file_id))
    third = client.ask(first, create_file('of-the-first'))
    client.ask(first, pipeline.close(third.file_id))


def compounds(smbd_dir, port):
    """Requests that refer to the one before them, also to one that fails; and some that only travel together."""
    client = Client(smbd_dir, port)
    session = client.login(1)
    made = client.ask(session, create_file('directory', options=DIRECTORY_FILE))
    client.ask(session, pipeline.close(made.file_id))

    answers = client.compound(session, [
        create_file('directory\\one'), write(FID_OF_CHAIN, b'x' * 1000), query_info(FID_OF_CHAIN, 5),
        pipeline.close(FID_OF_CHAIN)])
    expect_all(answers, [SUCCESS] * 4)
    answers = client.compound(session, [
        create_file('directory\\missing', GENERIC_READ, pipeline.OPEN), query_info(FID_OF_CHAIN, 5),
        pipeline.close(FID_OF_CHAIN)])
    expect_all(answers, [NOT_FOUND] * 3)
    answers = client.compound(session, [
        create_file('directory', GENERIC_READ, pipeline.OPEN, DIRECTORY_FILE), query_directory(FID_OF_CHAIN),
        query_directory(FID_OF_CHAIN), pipeline.close(FID_OF_CHAIN)])
    expect_all(answers, [SUCCESS, SUCCESS, NO_MORE_FILES, SUCCESS])
    # Two chains in one message: the second begins with a request that refers to nothing.
    one = client.ask(session, create_file('directory\\one', GENERIC_READ, pipeline.OPEN))
    answers = client.compound(session, [pipeline.read(one.file_id, 500), pipeline.close(FID_OF_CHAIN)])
    expect_all(answers, [SUCCESS, SUCCESS])
    answers = client.compound(session, [
        create_file('directory\\two'), create_file('directory\\three')], related=False)
    expect_all(answers, [SUCCESS, SUCCESS])
    for answer in answers:
        client.ask(session, pipeline.close(answer.file_id))


def changes(smbd_dir, port):
    """Each kind of set-info, and what can't be done to the path alone."""
    client = Client(smbd_dir, port)
    session = client.login(1)
    file_id = client.ask(session, create_file('changed')).file_id
    client.ask(session, write(file_id, b'y' * 5000, 100))
    client.ask(session, flush(file_id))
    client.ask(session, set_info(file_id, 20, struct.pack('<Q', 3000)))
    client.ask(session, set_info(file_id, 19, struct.pack('<Q', 8192)))
    # A second behind a full one, so that the nanoseconds have leading zeros.
    client.ask(session, set_info(file_id, 4, basic(1600000000 * 10**9 + 12345600, 0x22)))
    client.ask(session, set_info(file_id, 10, rename('renamed', False)))
    client.ask(session, query_info(file_id, 18))
    client.ask(session, query_info(file_id, 3, kind=2))
    client.ask(session, query_info(file_id, 0, kind=3, additional=7))
    other = client.ask(session, create_file('other')).file_id
    client.ask(session, pipeline.close(other))
    client.ask(session, set_info(file_id, 10, rename('other', True)))
    # Clients of Windows send these; smbd does not know all of them, but they are asked for all the same.
    client.ask(session, set_info(file_id, 11, rename('linked', True)))
    client.ask(session, set_info(file_id, 65, rename('directory\\f\u00fcr \U0001d11e', True)), INVALID_CLASS)
    client.ask(session, set_info(file_id, 72, rename('linked', False)), INVALID_CLASS)
    client.ask(session, set_info(file_id, 64, struct.pack('<I', 3)), INVALID_CLASS)
    client.ask(session, set_info(file_id, 13, b'\1'))
    client.ask(session, pipeline.close(file_id))


def waiting(smbd_dir, port):
    """Requests that are answered late, in another order, by two answers, or never."""
    client = Client(smbd_dir, port)
    session = client.login(1)
    directory = client.ask(session, create_file('', GENERIC_READ, pipeline.OPEN, DIRECTORY_FILE)).file_id
    cancelled = client.pipeline.send(change_notify(directory), session)
    file_id = client.ask(session, create_file('noticed')).file_id
    told = client.pipeline.wait(cancelled)
    expect(told.status, SUCCESS, (CHANGE_NOTIFY,))
    quiet = client.ask(session, create_file('quiet', options=DIRECTORY_FILE)).file_id
    cancelled = client.pipeline.send(change_notify(quiet), session)
    client.ask(session, pipeline.echo())
    client.pipeline.cancel(cancelled)
    told = client.pipeline.wait(cancelled)
    expect(told.status, CANCELLED, (CHANGE_NOTIFY,))
    # Still waiting at the end.
    client.pipeline.send(change_notify(quiet), session)
    client.ask(session, pipeline.close(file_id))
    # The server may give the number of a closed file to the next one; that is another file.
    for _ in range(3):
        file_id = client.ask(session, create_file('noticed', GENERIC_READ, pipeline.OPEN)).file_id
        client.ask(session, pipeline.read(file_id, 10), END_OF_FILE)
        client.ask(session, pipeline.close(file_id))
    client.pipeline.socket.close()


def expect_all(answers, wanted):
    got = [answer.status for answer in answers]
    if got != wanted:
        sys.exit(f'a compound: {[hex(status) for status in got]} instead of {[hex(status) for status in wanted]}')


def main():
    scenarios = {'two-users': two_users, 'compounds': compounds, 'changes': changes, 'waiting': waiting}
    if len(sys.argv) != 4 or sys.argv[1] not in scenarios:
        sys.exit(f'Usage: clients.py {"|".join(scenarios)} SMBD_DIR PORT')
    scenarios[sys.argv[1]](sys.argv[2], int(sys.argv[3]))


if __name__ == '__main__':
    main()
