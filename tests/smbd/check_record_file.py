# SPDX-License-Identifier: GPL-3.0-or-later
"""Part of test_record_file.sh: what becomes of the file of a trace. Arguments: SMBD_DIR PORT WHAT PREFIX, where WHAT is
the name of a share and of one of the functions below, and PREFIX what the names of its traces begin with.
"""
import os
import signal
import sys
import time

from impacket.smb3 import SessionError
from impacket.smb3structs import FILE_OPEN_IF, FILE_READ_DATA, FILE_WRITE_DATA

import smb
import traces

OPENS = 1500


class Run:
    """A client of a share, and its trace."""

    def __init__(self, directory, port, share, prefix):
        self.directory = directory
        self.port = port
        self.share = share
        self.prefix = prefix
        self.known = frozenset(traces.files(prefix))
        self.connection = smb.Connection(directory, port)
        self.session = self.connection.login(1)
        self.session.connect(share)
        self.pid = smb.serving_process(directory)

    def open(self, path, access=FILE_READ_DATA, session=None):
        return (session or self.session).call('create', path, access, smb.SHARE_ALL, 0, FILE_OPEN_IF, 0)

    def opens(self, count):
        """So many opens, closes and reads. What is wrong with their answers, or None."""
        for number in range(count):
            path = f'file-{number % 10}'
            handle = self.open(path, FILE_READ_DATA | FILE_WRITE_DATA)
            if number < 10:
                self.session.call('write', handle, path, 0, len(path))
            elif self.session.call('read', handle, 0, 100) != path.encode():
                return f'{path} is not what was written to it'
            self.session.call('close', handle)
        return None

    def new_files(self):
        return traces.files(self.prefix) - self.known

    def wait_for_requests(self, count):
        """The trace as it is once it has so many."""
        deadline = time.monotonic() + 10
        while True:
            found = [traces.Trace(path) for path in self.new_files()]
            if found and len(found[0].requests) >= count:
                return found[0]
            if time.monotonic() > deadline:
                raise ValueError(f'{[len(one.requests) for one in found]} requests, expected {count}')
            time.sleep(0.1)


def full(run):
    """The file system of the trace is full: the client does not notice, and the trace tells."""
    smb.report('a full disk: requests are answered', run.opens(OPENS))
    run.connection.close()
    record = traces.wait_for(run.prefix, run.known)
    lost = record.end['lost']
    print(f'# {len(record.requests)} recorded, {lost} lost')
    smb.report('a full disk: the trace has what there was room for', None if len(record.requests) > 50 else 'nothing')
    smb.report('a full disk: what is lost is counted',
               None if lost > 0 and len(record.requests) + lost == 3 * OPENS else f'{len(record.requests)} + {lost}')
    with open(f'{run.directory}/log/log.smbd', encoding='utf-8') as log:
        said = sum('Nothing more is recorded' in line for line in log)
    smb.report('a full disk: is said once', None if said == 1 else f'{said} times')


def killed(run):
    """Killed, smbd leaves a trace without an end that can be read."""
    smb.report('killed: requests are answered', run.opens(100))
    run.wait_for_requests(300)
    run.opens(100)
    os.kill(run.pid, signal.SIGKILL)
    record = traces.Trace(run.new_files().pop())
    smb.report('killed: whole lines', None if record.whole_lines else 'the last one is cut off')
    smb.report('killed: no end', None if record.end is None else f'{record.end}')


def terminated(run):
    """Told to end, smbd writes the end, and the closes of what was open."""
    smb.report('terminated: requests are answered', run.opens(100))
    run.open('open')
    os.kill(run.pid, signal.SIGTERM)
    record = traces.wait_for(run.prefix, run.known)
    found = [request['command'] for request in record.requests]
    problem = None if len(found) == 302 and record.end['lost'] == 0 else f'{len(found)} requests'
    smb.report('terminated: everything is there', problem)
    smb.report('terminated: what was open is closed', None if found[-2:] == ['create', 'close'] else f'{found[-2:]}')


def forced(run):
    """The user of a request is the one whom the file system sees."""
    smb.report('force user: requests are answered', run.opens(20))
    run.connection.close()
    record = traces.wait_for(run.prefix, run.known)
    users = [session['user'] for session in record.sessions.values()]
    smb.report('force user: is the user', None if users and users == [sys.argv[5]] else f'{users}')
    clients = [session['client'] for session in record.sessions.values()]
    smb.report('force user: the client is named', None if clients == ['127.0.0.1'] else f'{clients}')


def shared(run):
    """Shares with the same file, and their handles, in one trace."""
    other = run.connection.login(2)
    other.connect('shared-too')
    first = run.open('file-1')
    second = run.open('file-1', session=other)
    run.session.call('close', first)
    run.session.call('disconnectTree')
    other.call('close', second)
    run.connection.close()
    record = traces.wait_for(run.prefix, run.known)
    found = [(request['command'], request.get('share'), request['handle']) for request in record.requests]
    smb.report('two shares in one trace', None if found == [
        ('create', 'shared', 1), ('create', 'shared-too', 2), ('close', None, 1), ('close', None, 2)] else f'{found}')


def plant(directory, prefix):
    """What the next processes would call their traces: links to a file, and in every third place another file."""
    with open('/proc/loadavg', encoding='ascii') as file:
        last = int(file.read().split()[4])
    with open('/proc/sys/kernel/pid_max', encoding='ascii') as file:
        end = int(file.read())
    with open(f'{directory}/victim', 'w', encoding='ascii') as file:
        file.write('mine\n')
    for number in range(5000):
        path = f'{prefix}.{(last + number) % end}'
        if number % 3:
            os.symlink(f'{directory}/victim', path)
        else:
            with open(path, 'w', encoding='ascii') as file:
                file.write('taken\n')


def planted(run):
    """Files and links of the names to come: none is written to."""
    smb.report('planted: requests are answered', run.opens(20))
    run.connection.close()
    # Nothing else begins with this one.
    record = traces.wait_for(f'{run.prefix}.{run.pid}')
    smb.report('planted: another name is taken',
               None if record.path == f'{run.prefix}.{run.pid}.1' and len(record.requests) == 60 else f'{record.path}')
    texts = set()
    for path in traces.files(run.prefix) - {record.path}:
        with open(path, encoding='utf-8') as file:
            texts.add(file.read())
    smb.report('planted: what is there is not written to', None if texts == {'mine\n', 'taken\n'} else f'{texts}'[:100])


def nowhere(run):
    """No file can be made: everything else is as it was."""
    smb.report(f'{run.share}: requests are answered', run.opens(20))
    run.connection.close()
    smb.report(f'{run.share}: nothing is recorded', None if not run.new_files() else f'{run.new_files()}')


def descriptor(run):
    """The trace's descriptor is not for other programs, and goes with the process."""
    run.opens(1)
    flags = []
    # By what they are: in a chroot the kernel may tell other paths.
    traces_now = [os.stat(path) for path in run.new_files()]
    for number in smb.descriptors(run.pid):
        if any(os.path.samestat(os.stat(f'/proc/{run.pid}/fd/{number}'), trace) for trace in traces_now):
            with open(f'/proc/{run.pid}/fdinfo/{number}', encoding='ascii') as file:
                flags += [int(line.split()[1], 8) for line in file if line.startswith('flags:')]
    problem = None if len(flags) == 1 and flags[0] & os.O_CLOEXEC else f'flags {flags}'
    smb.report('one descriptor, closed on exec', problem)
    run.connection.close()


def anonymised(run):
    """No name is in the trace, and the same is still the same."""
    smb.report('anonymised: requests are answered', run.opens(40))
    try:
        run.session.read('missing-secret')
    except SessionError:
        pass
    run.session.list('')
    run.connection.close()
    record = traces.wait_for(run.prefix, run.known)
    with open(record.path, encoding='utf-8') as file:
        text = file.read()
    found = [word for word in ('file-', 'secret', 'anonymised"', '127.0.0.1', run.session.user)
             if word in text.split('\n', 1)[1]]
    smb.report('anonymised: no name is left', None if not found else f'{found}')
    smb.report('anonymised: the trace says so', None if record.header.get('anonymised') is True else f'{record.header}')
    paths = [request['path'] for request in record.requests if request['command'] == 'create']
    same = len(set(paths[:40])) == 10 and paths[:10] == paths[10:20] == paths[30:40]
    smb.report('anonymised: the same stays the same', None if same else f'{paths[:12]}')


def main():
    directory, port, what, prefix = sys.argv[1], int(sys.argv[2]), sys.argv[3], sys.argv[4]
    functions = {'relative': nowhere, 'unwritable': nowhere, 'key-for-all': nowhere, 'short-key': nowhere,
                 'no-key': nowhere}
    function = functions.get(what) or globals()[what]
    if what == 'planted':
        plant(directory, prefix)
    function(Run(directory, port, what, prefix))


main()
