# SPDX-License-Identifier: GPL-3.0-or-later
"""Part of test_in_flight.sh: ends of all kinds while requests of user 1 are in flight, and user 2 on the same connection.

Arguments: SMBD_DIR PORT TREE CONFIGURATION. The shares are TREE-stock, TREE-ours and, with look-ahead, TREE-ahead, all
on the file system of held_filesystem.py, and local-stock and so on, which are not. test_in_flight.sh makes the trees.
"""
import os
import signal
import subprocess
import sys
import time

from impacket.smb3 import SessionError
from impacket.smb3structs import FILE_OPEN, FILE_READ_DATA, FILE_WRITE_DATA

import smb
from held_filesystem import Held

SIZE = 20000
REQUESTS = 4
SECONDS = 15


class Scene:
    """Both users on one connection; user 1 on the share that hangs, user 2 on its neighbour that does not."""

    def __init__(self, directory, port, tree, side):
        self.directory = directory
        self.tree = tree
        self.share = f'{tree}-{side}'
        self.stock = side == 'stock'
        self.held = Held(f'{directory}/held.socket')
        self.held.release()
        self.connection = smb.Connection(directory, port)
        self.one = self.connection.login(1)
        self.two = self.connection.login(2)
        self.one.connect(self.share)
        self.two.connect(f'local-{side}')
        self.pid = smb.serving_process(directory)
        # The engine, and what smbd keeps open once it has worked.
        for session in (self.one, self.two):
            session.list('common')
        self.one.read('own-1\\data')

    def open(self, path, access):
        return self.one.call('create', path, access, smb.SHARE_ALL, 0, FILE_OPEN, 0)

    def start(self, what):
        """Requests of user 1 that get no answer. Returns what was sent, and the handle that they use."""
        if what == 'list':
            handle = self.one.call('create', *smb.open_directory('common'))
            hold, calls = 'GETXATTR', [(self.one, 'queryDirectory', smb.query(handle))]
            number = 1
        else:
            # Opened for writing, an overlay would have a copy of the file.
            handle = self.open('own-1\\data', FILE_READ_DATA if what == 'read' else FILE_WRITE_DATA)
            number = REQUESTS
            if what == 'read':
                hold = 'READ'
                calls = [(self.one, 'read', (handle, i * 1000, 1000)) for i in range(number)]
            else:
                hold = 'WRITE'
                calls = [(self.one, 'write', (handle, b'W' * 1000, i * 1000, 1000)) for i in range(number)]
        self.held.hold(hold)
        sent = self.connection.send(calls)
        # smbd's thread pool gives several requests to one thread that is idle. The kernel writes to a file of FUSE once
        # at a time.
        if self.stock or what == 'write':
            number = 1
        if not self.held.until_held(number):
            raise RuntimeError(f'{self.share}, {what}: {self.held.held()} of {number} requests are in flight')
        return sent, handle

    def other_user(self):
        """What is wrong with what user 2 gets, who also opens files under numbers that may just have become free."""
        if self.stock and self.held.held():
            # What it asks for may be given to the thread that waits for the file system.
            return None
        for _ in range(3):
            data = self.two.read('own-2\\data')
            if data != b'2' * SIZE:
                return f'user 2 reads {data[:20]}'
            names = [entry for entry in self.two.list('common') if entry[0].startswith('file-')]
            wrong = [entry for entry in names if int(entry[3], 16) != 0x20 | (int(entry[0][5:10]) & 7)]
            if len(names) != 30 or wrong:
                return f'user 2 lists {len(names)} names, {len(wrong)} of them with wrong attributes'
            problem = smb.is_denied(self.two.read, 'own-1\\data')
            if problem is not None:
                return f'user 2 and the file of user 1: {problem}'
        return None

    def left_open(self):
        """Descriptors on the share, which nobody uses any more."""
        path = f'{self.directory}/{self.tree}/'
        deadline = time.monotonic() + SECONDS
        while True:
            found = [target for target in smb.descriptors(self.pid).values() if target.startswith(path)]
            if not found or time.monotonic() > deadline:
                return f'{found[0]} is still open' if found else None
            time.sleep(0.02)

    def close(self):
        self.held.release()
        self.connection.smb._NetBIOSSession.get_socket().close()
        return self.gone()

    def gone(self):
        deadline = time.monotonic() + SECONDS
        while os.path.exists(f'/proc/{self.pid}/fd/0'):
            if time.monotonic() > deadline:
                return f'process {self.pid} still runs after {SECONDS} seconds'
            time.sleep(0.02)
        return None


def status(answer):
    """An answer of the server's as something to compare."""
    if isinstance(answer, SessionError):
        return hex(answer.get_error_code())
    if isinstance(answer, bytes):
        return f'{len(answer)} bytes'
    return str(answer)


def wrong_answers(what, answers):
    """Only what was asked for, or an error."""
    for answer in answers:
        if what == 'read' and isinstance(answer, bytes) and answer != b'1' * 1000:
            return f'a read got {answer[:20]}'
        if what == 'list' and isinstance(answer, bytes):
            for entry in smb.records(answer):
                if entry[0].startswith('file-') and int(entry[3], 16) != 0x20 | (int(entry[0][5:10]) & 7):
                    return f'a listing got {entry}'
    return None


def ended_by_request(scene, what, ending):
    """Returns what is wrong, and what the client was told."""
    sent, handle = scene.start(what)
    end = (scene.one, ending, (handle,) if ending == 'close' else ())
    sent += scene.connection.send([end])
    problem = scene.other_user()
    if scene.held.held() == 0:
        return 'nothing is in flight any more', None
    scene.held.release()
    answers = scene.connection.receive(sent)
    problem = problem or wrong_answers(what, answers[:-1]) or scene.other_user()
    if ending != 'logoff':
        # The session is there still, on another tree.
        scene.one.connect(scene.share.replace(scene.tree, 'local'))
        data = scene.one.read('own-1\\data')
        if data != b'1' * SIZE:
            problem = problem or f'user 1 reads {data[:20]}'
    return problem or scene.left_open(), [status(answer) for answer in answers]


def ended_by_close_share(scene, what, configuration):
    sent, _ = scene.start(what)
    # It asks every smbd, ours once it gets to it.
    subprocess.run(['smbcontrol', '-s', configuration, 'smbd', 'close-share', scene.share], check=True, timeout=10)
    problem = scene.other_user()
    scene.held.release()
    answers = scene.connection.receive(sent)
    problem = problem or wrong_answers(what, answers)
    deadline = time.monotonic() + SECONDS
    while True:
        try:
            scene.one.list('common')
        except SessionError as error:
            answers.append(error)
            break
        if time.monotonic() > deadline:
            return f'{scene.share} is still there after {SECONDS} seconds', None
        time.sleep(0.02)
    return problem or scene.other_user() or scene.left_open(), [status(answer) for answer in answers]


def ended_by_process(scene, what, ending):
    """The connection or the process goes; who waits for the file system waits until that answers."""
    scene.start(what)
    if ending == 'break':
        scene.connection.smb._NetBIOSSession.get_socket().close()
    else:
        os.kill(scene.pid, signal.SIGTERM)
    time.sleep(0.2)
    scene.held.release()
    return scene.gone()


def whole_file(directory, what):
    """What was written is written as far as it was in flight, and nothing else is in the file."""
    for tree in ('tree', 'local'):
        for user in (1, 2):
            with open(f'{directory}/{tree}/own-{user}/data', 'rb') as file:
                data = file.read()
            if len(data) != SIZE or data.strip(b'W').strip(str(user).encode()):
                return f'{tree}/own-{user}/data has {len(data)} bytes, {data[:20]}'
            if b'W' in data and (what != 'write' or user == 2 or tree == 'local'):
                return f'{tree}/own-{user}/data was written to'
    with open(f'{directory}/tree/own-1/data', 'r+b') as file:
        file.write(b'1' * SIZE)
    return None


def report_endings(directory, port, tree, configuration, what):
    for ending in ('close', 'disconnectTree', 'logoff', 'close-share'):
        told = {}
        for side in ('stock', 'ours'):
            scene = Scene(directory, port, tree, side)
            if ending == 'close-share':
                problem, told[side] = ended_by_close_share(scene, what, configuration)
            else:
                problem, told[side] = ended_by_request(scene, what, ending)
            problem = problem or scene.close() or whole_file(directory, what)
            if side == 'ours':
                smb.report(f'{ending} while {what}s are in flight: {tree}', problem)
        smb.report(f'{ending} while {what}s are in flight is answered as without the module: {tree}',
                   None if told['ours'] == told['stock'] else f'{told["ours"]}, stock {told["stock"]}')
    for ending in ('break', 'TERM'):
        scene = Scene(directory, port, tree, 'ours')
        problem = ended_by_process(scene, what, ending) or whole_file(directory, what)
        smb.report(f'{ending} while {what}s are in flight ends the process: {tree}', problem)


def report_ahead(directory, port, tree):
    """Look-ups of look-ahead, which smbd waits for."""
    for ending in ('break', 'TERM'):
        scene = Scene(directory, port, tree, 'ahead')
        problem = ended_by_process(scene, 'list', ending)
        smb.report(f'{ending} while names are looked up ahead ends the process: {tree}', problem)


def main():
    directory, port, tree, configuration = sys.argv[1], int(sys.argv[2]), sys.argv[3], sys.argv[4]
    # The overlay copies a file when it is opened for writing, and writes to the copy.
    for what in ('read', 'list') if tree == 'overlay' else ('read', 'write', 'list'):
        report_endings(directory, port, tree, configuration, what)
    report_ahead(directory, port, tree)


main()
