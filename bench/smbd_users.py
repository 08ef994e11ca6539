# SPDX-License-Identifier: GPL-3.0-or-later
"""Part of bench/smbd-users, which starts smbd: users on one connection ask in turn, through its two shares in turn.
Arguments: SMBD_DIR PORT USERS ENTRIES RESPONSE CASES REPEAT. Prints a table.
"""
import statistics
import struct
import sys
import time

import smb

ENGINES = ('smbd', 'smbd+pathring')
# Requests of a round, of those that take less than a millisecond.
SINGLE = 300
PATTERNS = 10
READ_ATTRIBUTES = 0x80
RESTART = 0x01


def count(data):
    """Entries of a response, without looking at more of them than where the next one is."""
    number = offset = 0
    while True:
        number += 1
        following, = struct.unpack_from('<I', data, offset)
        if following == 0:
            return number
        offset += following


class Client:
    """A connection of its own, so an smbd process of its own, with some sessions."""

    def __init__(self, directory, port, share, users, entries, response):
        known = smb.serving_processes(directory)
        self._connection = smb.Connection(directory, port)
        self._sessions = []
        for number in range(users):
            session = self._connection.login(1 + number)
            session.connect(share)
            self._sessions.append((session, session.call('create', *smb.open_directory('files'))))
        self.pid, = smb.serving_processes(directory) - known
        self._share = share
        self._entries = entries
        self._response = response

    def close(self):
        self._connection.close()

    def _query(self, session, handle, pattern, restart):
        return session.query_directory(handle, pattern, smb.FILE_ID_BOTH_DIRECTORY_INFORMATION,
                                       RESTART if restart else 0, 0, self._response)

    def _wrong(self, what):
        sys.exit(f'bench/smbd-users: {self._share}: {what}')

    def listing(self):
        """By all at once; returns how many."""
        found = dict.fromkeys(range(len(self._sessions)), 0)
        left = list(found)
        first = True
        while left:
            for number in list(left):
                status, data = self._query(*self._sessions[number], '*', first)
                if status == smb.STATUS_NO_MORE_FILES:
                    left.remove(number)
                elif status:
                    self._wrong(f'a listing is answered with {status:#x}')
                else:
                    found[number] += count(data)
            first = False
        # "." and ".." are entries too.
        if any(number != self._entries + 2 for number in found.values()):
            self._wrong(f'listings of {list(found.values())} entries, expected {self._entries + 2}')
        return len(self._sessions)

    def _single(self, pattern, expected):
        for number in range(SINGLE):
            session, _ = self._sessions[number % len(self._sessions)]
            handle = session.call('create', *smb.open_directory('files'))
            status, _ = self._query(session, handle, pattern, False)
            session.call('close', handle)
            if status != expected:
                self._wrong(f'a listing of {pattern} is answered with {status:#x}, expected {expected:#x}')
        return SINGLE

    def pattern(self):
        """Ten names of all."""
        for number in range(PATTERNS):
            session, _ = self._sessions[number % len(self._sessions)]
            handle = session.call('create', *smb.open_directory('files'))
            status, data = self._query(session, handle, 'file-0000?.txt', False)
            session.call('close', handle)
            if status or count(data) != min(10, self._entries):
                self._wrong(f'a listing of ten names is answered with {status:#x}')
        return PATTERNS

    def name(self):
        return self._single(f'file-{self._entries // 2:05}.txt', 0)

    def missing(self):
        return self._single('missing.txt', smb.STATUS_NO_SUCH_FILE)

    def open(self):
        path = f'files\\file-{self._entries // 2:05}.txt'
        for number in range(SINGLE):
            session, _ = self._sessions[number % len(self._sessions)]
            session.call('close', session.call('create', path, READ_ATTRIBUTES, 7, 0, 1, 0))
        return SINGLE

    def measure(self, case):
        """Milliseconds, and those of smbd's CPU, for one."""
        cpu = smb.cpu_ns(self.pid)
        start = time.monotonic_ns()
        number = getattr(self, case)()
        elapsed = time.monotonic_ns() - start
        return elapsed / number / 1e6, (smb.cpu_ns(self.pid) - cpu) / number / 1e6


def print_table(case, results):
    print(f'\n{case:16}{"ms":>10}{"x smbd":>8}{"best":>10}{"CPU ms":>10}{"x smbd":>8}')
    for engine, rounds in results.items():
        pairs = list(zip(results[ENGINES[0]], rounds, strict=True))
        times, cpus = (statistics.median(base[index] / own[index] for base, own in pairs) for index in (0, 1))
        print(f'{engine:16}{statistics.median(each[0] for each in rounds):10.3f}{times:8.2f}'
              f'{min(each[0] for each in rounds):10.3f}{statistics.median(each[1] for each in rounds):10.3f}{cpus:8.2f}',
              flush=True)


def main():
    directory, (port, users, entries, response) = sys.argv[1], map(int, sys.argv[2:6])
    cases, repeat = sys.argv[6].split(','), int(sys.argv[7])
    clients = {engine: Client(directory, port, engine, users, entries, response) for engine in ENGINES}
    print(f'{entries} entries, responses of {response} bytes, {users} users in turn, hot; {repeat} rounds in turn, medians')
    for case in cases:
        results = {engine: [] for engine in ENGINES}
        for client in clients.values():
            client.measure(case)
        for turn in range(repeat):
            for engine in ENGINES if turn % 2 == 0 else reversed(ENGINES):
                results[engine].append(clients[engine].measure(case))
        print_table(case, results)
    for client in clients.values():
        client.close()


main()
