# SPDX-License-Identifier: GPL-3.0-or-later
"""Part of test_record_many.sh: requests that are in flight together, and their trace. Arguments: SMBD_DIR PORT WHAT
PREFIX, where WHAT is a function below and PREFIX what the names of the traces begin with.
"""
import collections
import struct
import sys
import time

from impacket.smb3structs import FILE_OPEN, FILE_READ_DATA

import pipeline
import smb
import traces
from held_filesystem import Held

HOLD_NS = 300 * 10**6
QUERY_INFO, STANDARD = 16, 5
LAST_FILE = b'\xff' * 16


def slow(directory, port, prefix):
    """Reads that the file system keeps waiting, while another user is served."""
    known = frozenset(traces.files(prefix))
    held = Held(f'{directory}/held.socket')
    connection = smb.Connection(directory, port)
    sessions = [connection.login(1), connection.login(2)]
    for session in sessions:
        session.connect('slow')
    handle = sessions[0].call('create', 'own-1\\data', FILE_READ_DATA, smb.SHARE_ALL, 0, FILE_OPEN, 0)
    held.hold('READ')
    sent = connection.send([(sessions[0], 'read', (handle, i * 1000, 1000)) for i in range(4)])
    if not held.until_held(4):
        raise RuntimeError(f'{held.held()} of 4 reads are in flight')
    other = sessions[1].call('create', 'own-2\\data', FILE_READ_DATA, smb.SHARE_ALL, 0, FILE_OPEN, 0)
    sessions[1].call('close', other)
    time.sleep(HOLD_NS / 10**9)
    held.release()
    results = connection.receive(sent)
    smb.report('slow: the reads are answered', None if results == [b'1' * 1000] * 4 else f'{results}'[:100])
    connection.close()
    record = traces.wait_for(prefix, known)
    reads = [request for request in record.requests if request['command'] == 'read']
    others = [request for request in record.requests if request['session'] == 2]
    short = [request['duration_ns'] for request in reads if request['duration_ns'] < HOLD_NS]
    problem = None if len(reads) == 4 and not short else f'{len(reads)} reads, {short}'
    smb.report('slow: as long as the file system took', problem)
    end = min(request['time_ns'] + request['duration_ns'] for request in reads)
    begin = max(request['time_ns'] for request in reads)
    meanwhile = [request for request in others
                 if request['time_ns'] > begin and request['time_ns'] + request['duration_ns'] < end]
    problem = None if len(meanwhile) == 2 == len(others) else f'{len(meanwhile)} of {len(others)}'
    smb.report('slow: the other user was served meanwhile', problem)


def gone(directory, port, prefix):
    """A client that goes while its reads are in flight."""
    known = frozenset(traces.files(prefix))
    held = Held(f'{directory}/held.socket')
    connection = smb.Connection(directory, port)
    session = connection.login(1)
    session.connect('slow')
    handle = session.call('create', 'own-1\\data', FILE_READ_DATA, smb.SHARE_ALL, 0, FILE_OPEN, 0)
    held.hold('READ')
    connection.send([(session, 'read', (handle, i * 1000, 1000)) for i in range(4)])
    if not held.until_held(4):
        raise RuntimeError(f'{held.held()} of 4 reads are in flight')
    connection.smb._NetBIOSSession.get_socket().close()
    time.sleep(0.2)
    held.release()
    record = traces.wait_for(prefix, known)
    found = collections.Counter(request['command'] for request in record.requests)
    expected = {'create': 1, 'read': 4, 'close': 1}
    smb.report('gone: what was in flight is recorded', None if found == expected else f'{dict(found)}')
    smb.report('gone: nothing is lost', None if record.end['lost'] == 0 else f'{record.end}')


def kernel(directory, port, prefix):
    """Reads and writes whose data smbd never has: sendfile and recvfile, for requests that are not signed."""
    known = frozenset(traces.files(prefix))
    connection = pipeline.connect(directory, port, 1, 'kernel')
    create = pipeline.create('own-1/data', access=pipeline.READ | pipeline.WRITE)
    file_id = connection.wait(connection.send(create)).file_id
    written = connection.wait(connection.send(pipeline.write(file_id, b'w' * 30000))).status
    # No more than the file had at its open, or smbd reads itself.
    data = connection.wait(connection.send(pipeline.read(file_id, 15000))).data
    connection.socket.close()
    smb.report('kernel: what was written is read', None if written == 0 and data == b'w' * 15000 else f'{data[:10]}')
    record = traces.wait_for(prefix, known)
    found = [(request['command'], request['status'], request.get('length'), request.get('count'))
             for request in record.requests]
    expected = [('create', 'NT_STATUS_OK', None, None), ('write', 'NT_STATUS_OK', 30000, 30000),
                ('read', 'NT_STATUS_OK', 15000, 15000), ('close', 'NT_STATUS_OK', None, None)]
    smb.report('kernel: reads and writes are recorded', None if found == expected else f'{found}')


def opens(directory, port, prefix):
    """Opens in flight together, which smbd comes to more than once: each is recorded once."""
    known = frozenset(traces.files(prefix))
    connection = pipeline.connect(directory, port, 1, 'opens')
    names = [f'{name}/file-{number:05}.txt' for number in range(150) for name in ('common', 'secret', 'nowhere')]
    answers = connection.run([pipeline.create(name) for name in names])
    data = connection.run([pipeline.read(answer.file_id, 10) for answer in answers if answer.status == 0])
    connection.run([pipeline.close(answer.file_id) for answer in answers if answer.status == 0])
    connection.socket.close()
    record = traces.wait_for(prefix, known)
    expected = collections.Counter()
    statuses = {'common': 'NT_STATUS_OK', 'secret': 'NT_STATUS_ACCESS_DENIED',
                'nowhere': 'NT_STATUS_OBJECT_PATH_NOT_FOUND'}
    for name in names:
        expected['create', name, statuses[name.split('/')[0]]] += 1
        if name.startswith('common'):
            expected['read', name, 'NT_STATUS_OK'] += 1
            expected['close', name, 'NT_STATUS_OK'] += 1
    found = collections.Counter((request['command'], record.file(request), request.get('status'))
                                for request in record.requests)
    wrong = (expected - found) + (found - expected)
    print(f'# {len(data)} of {len(names)} opened')
    smb.report('opens: each is recorded once', None if not wrong else f'{wrong.most_common(4)}')


def compound(directory, port, prefix):
    """Related requests in one packet: the open, a query of what it brought, and its close."""
    known = frozenset(traces.files(prefix))
    connection = pipeline.connect(directory, port, 1, 'opens')
    query = QUERY_INFO, struct.pack('<HBBIHHIII16s', 41, 1, STANDARD, 1000, 0, 0, 0, 0, 0, LAST_FILE)
    names = ['common/file-00001.txt', 'common/file-00002.txt', 'common/nothing']
    for name in names:
        connection.compound([pipeline.create(name), query, pipeline.close(LAST_FILE)])
    connection.socket.close()
    record = traces.wait_for(prefix, known)
    found = [(request['command'], record.file(request), request['status']) for request in record.requests]
    expected = [(command, name, 'NT_STATUS_OK') for name in names[:2] for command in ('create', 'query-info', 'close')]
    expected.append(('create', names[2], 'NT_STATUS_OBJECT_NAME_NOT_FOUND'))
    smb.report('compound: each part is recorded', None if found == expected else f'{found}')


def reconnected(_directory, _port, prefix):
    """After smb2.durable-open.reopen2: a client that comes back to its file has it in the trace of each connection."""
    found = []
    for path in traces.files(prefix):
        record = traces.Trace(path)
        found += [(request['command'], request['status']) for request in record.requests
                  if 'durable_open_reopen2' in record.file(request) and request['command'] in ('create', 'close')]
    opens = found.count(('create', 'NT_STATUS_OK'))
    closes = found.count(('close', 'NT_STATUS_OK'))
    # It opens the file, comes back to it three times, and opens it to delete it.
    smb.report('reconnected: the file is opened anew', None if opens == 5 == closes else f'{found}')


def main():
    directory, port, what, prefix = sys.argv[1], int(sys.argv[2]), sys.argv[3], sys.argv[4]
    globals()[what](directory, port, prefix)


main()
