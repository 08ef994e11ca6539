# SPDX-License-Identifier: GPL-3.0-or-later
"""Traces as pathring-trace(5) describes them, for the tests: the lines of a file, put together again. It believes
nothing: whatever a trace may not have is an error.
"""
import glob
import json
import time

FORMAT = 'pathring-trace/1'


class Trace:
    """One file. requests are in the order in which they were made."""

    def __init__(self, path):
        self.path = path
        with open(path, encoding='utf-8') as file:
            text = file.read()
        lines = text.split('\n')
        self.whole_lines = lines.pop() == ''
        records = [json.loads(line) for line in lines]
        self.header = records[0]
        if self.header['format'] != FORMAT:
            raise ValueError(f"{path}: format {self.header['format']}")
        self.sessions = {}
        self.requests = []
        self.end = None
        for record in records[1:]:
            if self.end is not None:
                raise ValueError(f'{path}: something follows the end')
            if 'end' in record:
                self.end = record
            elif 'request' in record:
                if record['session'] not in self.sessions:
                    raise ValueError(f"{path}: request {record['request']} is of an unknown session")
                self.requests.append(record)
            else:
                if record['session'] != len(self.sessions) + 1:
                    raise ValueError(f"{path}: session {record['session']} is not the next")
                self.sessions[record['session']] = record
        self.requests.sort(key=lambda request: request['request'])
        numbers = [request['request'] for request in self.requests]
        if len(set(numbers)) < len(numbers):
            raise ValueError(f'{path}: a number is used twice')
        if self.end is not None and self.end['end'] != len(self.requests):
            raise ValueError(f"{path}: {len(self.requests)} requests, {self.end['end']} by its end")
        self._opened = {}
        for request in self.requests:
            if request['command'] == 'create' and 'handle' in request:
                if request['handle'] in self._opened:
                    raise ValueError(f"{path}: handle {request['handle']} is given out twice")
                self._opened[request['handle']] = request

    def user(self, request):
        return self.sessions[request['session']]['user']

    def file(self, request):
        """The path that a request is about, by its handle or by itself."""
        if 'path' in request:
            return request['path']
        return self._opened[request['handle']]['path']


def files(prefix):
    return set(glob.glob(glob.escape(prefix) + '.*'))


def wait_for(prefix, known=frozenset(), seconds=10):
    """The new file that begins with this name, once it has its end."""
    deadline = time.monotonic() + seconds
    while True:
        new = files(prefix) - known
        if len(new) > 1:
            raise ValueError(f'{len(new)} files where one was expected: {sorted(new)}')
        for path in new:
            with open(path, encoding='utf-8') as file:
                text = file.read()
            if '\n{"end":' in text:
                return Trace(path)
        if time.monotonic() > deadline:
            raise ValueError(f'no trace with an end at {prefix}')
        time.sleep(0.05)
