# SPDX-License-Identifier: GPL-3.0-or-later
"""Part of bench/smbd-data, which starts smbd: reads and writes through its shares in turn, and prints a table.
Arguments: SMBD_DIR PORT SIZE SECONDS REPEAT CACHE ENGINES WORKLOADS. Connecting is tests/smbd/pipeline.py's business;
here are requests that are cheap to make, so that the client is not what is measured.
"""
import os
import random
import statistics
import struct
import sys
import time

import pipeline
import smb

READ, WRITE = 8, 9
STATUS_PENDING = 0x103
# Name, command, bytes, requests in flight.
WORKLOADS = {
    'read-4k': (READ, 4096, 32),
    'read-4k-1': (READ, 4096, 1),
    'write-4k': (WRITE, 4096, 32),
    'read-1m': (READ, 1 << 20, 4),
    'write-1m': (WRITE, 1 << 20, 4),
}


class Client:
    """A connection of its own, so an smbd process of its own, with the file open."""

    def __init__(self, directory, port, share):
        known = set(smb.serving_processes(directory))
        self._pipeline = pipeline.connect(directory, port, 1, share)
        self.pid, = set(smb.serving_processes(directory)) - known
        session = self._pipeline._session
        self._connection = self._pipeline._connection
        self._socket = self._pipeline.socket
        self._ids = struct.pack('<IIQ16s', 0xfeff, session._tree, session._state['SessionID'], bytes(16))
        answer = self._pipeline.wait(self._pipeline.send(
            pipeline.create('data', access=pipeline.READ | pipeline.WRITE)))
        if answer.status:
            sys.exit(f'bench/smbd-data: {share}: cannot open the file: {answer.status:#x}')
        self._file_id = answer.file_id
        self._received = bytearray(8 << 20)

    def close(self):
        self._socket.close()

    def _request(self, command, size, offset, message_id, data):
        """[MS-SMB2] 2.2.1.2, and 2.2.19 or 2.2.21."""
        charge = (size + 65535) // 65536
        header = struct.pack('<4sHHIHHIIQ', b'\xfeSMB', 64, charge, 0, command, charge, 0, 0, message_id)
        if command == READ:
            body = struct.pack('<HBBIQ16sIIIIHHB', 49, 0x50, 0, size, offset, self._file_id, 0, 0, 0, 0, 0, 0, 0)
        else:
            body = struct.pack('<HHIQ16sIIHHI', 49, 112, size, offset, self._file_id, 0, 0, 0, 0, 0)
        message = header + self._ids + body
        return struct.pack('>I', len(message) + len(data)) + message + data

    def run(self, command, size, depth, seconds, file_size):
        """Requests in a second, their latencies in order, CPU ns of smbd for each."""
        charge = (size + 65535) // 65536
        data = os.urandom(size) if command == WRITE else b''
        pieces = file_size // size
        place = random.Random(1)
        message_id = self._connection['SequenceWindow']
        sent = {}
        latencies = []
        view = memoryview(self._received)
        have = 0
        cpu = smb.cpu_ns(self.pid)
        start = time.monotonic_ns()
        end = start + int(seconds * 1e9)
        for _ in range(depth):
            sent[message_id] = time.monotonic_ns()
            self._socket.sendall(self._request(command, size, place.randrange(pieces) * size, message_id, data))
            message_id += charge
        while sent:
            got = self._socket.recv_into(view[have:])
            if not got:
                sys.exit('bench/smbd-data: smbd has closed the connection')
            have += got
            position = 0
            while have - position >= 4:
                length = 4 + struct.unpack_from('>I', view, position)[0]
                if have - position < length:
                    break
                status, = struct.unpack_from('<I', view, position + 12)
                answered, = struct.unpack_from('<Q', view, position + 28)
                moved, = struct.unpack_from('<I', view, position + 72)
                position += length
                if status == STATUS_PENDING:
                    continue
                if status or moved != size:
                    sys.exit(f'bench/smbd-data: an answer says {status:#x}, {moved} of {size} bytes')
                now = time.monotonic_ns()
                latencies.append(now - sent.pop(answered))
                if now < end:
                    sent[message_id] = now
                    self._socket.sendall(
                        self._request(command, size, place.randrange(pieces) * size, message_id, data))
                    message_id += charge
            view[:have - position] = bytes(view[position:have])
            have -= position
        elapsed = time.monotonic_ns() - start
        self._connection['SequenceWindow'] = message_id
        return len(latencies) / elapsed * 1e9, sorted(latencies), (smb.cpu_ns(self.pid) - cpu) / len(latencies)


def measure(clients, workload, cache, path, seconds, repeat):
    """Of each engine a list of what its rounds gave."""
    command, size, depth = WORKLOADS[workload]
    file_size = os.path.getsize(path)
    results = {engine: [] for engine in clients}
    for turn in range(repeat):
        for engine in clients if turn % 2 == 0 else reversed(clients):
            if cache == 'cold':
                smb.forget(path)
            results[engine].append(clients[engine].run(command, size, depth, seconds, file_size))
    return results


def print_table(workload, results):
    engines = list(results)
    print(f'\n{workload:16}{"ops/s":>10}{"x " + engines[0]:>10}{"p50 us":>10}{"p99 us":>10}{"CPU us":>10}{"x":>8}')
    for engine, rounds in results.items():
        rate = statistics.median(each[0] for each in rounds)
        middle = statistics.median(statistics.median(each[1]) for each in rounds) / 1e3
        high = statistics.median(each[1][len(each[1]) * 99 // 100] for each in rounds) / 1e3
        cpu = statistics.median(each[2] for each in rounds) / 1e3
        pairs = list(zip(rounds, results[engines[0]], strict=True))
        rates = statistics.median(own[0] / base[0] for own, base in pairs)
        cpus = statistics.median(own[2] / base[2] for own, base in pairs)
        print(f'{engine:16}{rate:10.0f}{rates:10.2f}{middle:10.1f}{high:10.1f}{cpu:10.1f}{cpus:8.2f}', flush=True)


def main():
    directory, port, size, seconds, repeat = (convert(word) for convert, word in zip(
        (str, int, int, float, int), sys.argv[1:6]))
    cache, engines, workloads = sys.argv[6], sys.argv[7].split(','), sys.argv[8].split(',')
    clients = {engine: Client(directory, port, engine) for engine in engines}
    print(f'a file of {size >> 20} MiB, {cache}; {repeat} rounds of {seconds} s in turn, medians')
    for workload in workloads:
        print_table(workload, measure(clients, workload, cache, f'{directory}/tree/data', seconds, repeat))
    for client in clients.values():
        client.close()


if __name__ == '__main__':
    main()
