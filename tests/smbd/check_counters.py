# SPDX-License-Identifier: GPL-3.0-or-later
"""Part of test_counters.sh: does things on its shares and asks smbcontrol what was counted. Arguments:

SMBD_DIR PORT MAN_PAGE   every check, with the command of the manual page that adds up all processes
SMBD_DIR PORT plain      lists and reads on the share "plain" and prints what was counted
SMBD_DIR PORT refused    the check for a smbd that may have no ring
"""
import re
import subprocess
import sys

import smb
from smb import report

FILES = 300
PRIVATE = 120
DENIED = 40
LINKS = 5
LONG = 10


def smbcontrol(smbd_dir, pid):
    """The counters of a process, as lines."""
    output = subprocess.run(['smbcontrol', f'--configfile={smbd_dir}/smb.conf', str(pid), 'pool-usage'], check=True,
                            capture_output=True, timeout=30, encoding='utf-8', errors='replace').stdout
    return [line for line in output.splitlines() if line.startswith('pathring_')]


def parse(lines):
    """{(share, name, other labels): number}"""
    result = {}
    for line in lines:
        match = re.fullmatch(r'pathring_(\w+)_total\{share="((?:[^"\\]|\\.)*)"((?:,\w+="\w+")*)\} (\d+)', line)
        if not match:
            raise ValueError(f'not a counter: {line}')
        name, share, labels, number = match.groups()
        key = (re.sub(r'\\(.)', r'\1', share), name, *re.findall(r'"(\w+)"', labels))
        if key in result:
            raise ValueError(f'twice: {line}')
        result[key] = int(number)
    return result


def of_share(counters, share):
    return {key[1:]: number for key, number in counters.items() if key[0] == share}


def difference(found, expected):
    """None, or what differs."""
    keys = sorted(key for key in {*found, *expected} if found.get(key, 0) != expected.get(key, 0))
    if not keys:
        return None
    return '; '.join(f'{" ".join(key)}: {found.get(key, 0)}, expected {expected.get(key, 0)}' for key in keys)


def without(counters, *names):
    return {key: number for key, number in counters.items() if key[0] not in names}


class Counted:
    """A connection of its own, and so a process, with a session on a share."""

    def __init__(self, smbd_dir, port, share, users=(1,)):
        self.smbd_dir = smbd_dir
        self.share = share
        before = smb.serving_processes(smbd_dir)
        self.connection = smb.Connection(smbd_dir, port)
        self.sessions = [self.connection.login(user) for user in users]
        for session in self.sessions:
            session.connect(share)
        self.session = self.sessions[0]
        self.pid, = smb.serving_processes(smbd_dir) - before

    def lines(self):
        return smbcontrol(self.smbd_dir, self.pid)

    def counters(self):
        return of_share(parse(self.lines()), self.share)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.connection.close()


def looked_up(number):
    """The hits of a listing of so many entries."""
    return {('lookahead_hits', call): number for call in ('openat', 'fstat', 'fgetxattr', 'flistxattr')}


def hits(counters):
    return {key: number for key, number in counters.items() if key[0] in ('lookahead_hits', 'lookahead_misses')}


def list_whole(session, path):
    """In one response, so that nothing is looked up twice; the parent directory is not looked up."""
    handle = session.call('create', *smb.open_directory(path))
    entries = []
    try:
        entries.extend(smb.records(session.call('queryDirectory', handle, '*', 0,
                                                smb.FILE_ID_BOTH_DIRECTORY_INFORMATION, 1 << 20)))
    except smb.SessionError as error:
        if error.get_error_code() != smb.STATUS_NO_SUCH_FILE:
            raise
    session.call('close', handle)
    return [entry for entry in entries if entry[0] not in ('.', '..')]


def listing(smbd_dir, port):
    with Counted(smbd_dir, port, 'plain') as counted:
        report('nothing is counted where nothing was done', difference(counted.counters(), {}))
        count = len(list_whole(counted.session, 'files'))
        counters = counted.counters()
        report('a listing: all entries are hits, and none is missed',
               difference(hits(counters), looked_up(FILES)) or (None if count == FILES else f'{count} entries'))
        known = sum(number for key, number in counters.items() if key[0] == 'lookahead_known')
        report('a listing: as many names are looked up as there are',
               difference({('names',): counters.get(('lookahead_names',), 0), ('known',): known},
                          {('names',): FILES, ('known',): FILES}))
        report('a listing: nothing else is counted',
               difference(without(counters, 'lookahead_names', 'lookahead_known', 'lookahead_hits', 'lookahead_waits'),
                          {}))
        list_whole(counted.session, 'files')
        report('a second listing counts as much',
               difference(hits(counted.counters()), looked_up(2 * FILES)))
    with Counted(smbd_dir, port, 'plain') as counted:
        list_whole(counted.session, 'links')
        counters = hits(counted.counters())
        misses = counters.pop(('lookahead_misses', 'openat'), 0)
        report('links are misses, and files are not', difference(counters, looked_up(20)))
        report('each link is a miss', None if misses >= LINKS else f'{misses} misses')
    with Counted(smbd_dir, port, 'plain') as counted:
        list_whole(counted.session, 'long')
        expected = looked_up(40)
        expected[('lookahead_hits', 'fgetxattr')] -= LONG
        expected[('lookahead_misses', 'fgetxattr')] = LONG
        report('values that are too long are misses', difference(hits(counted.counters()), expected))
    with Counted(smbd_dir, port, 'plain') as counted:
        list_whole(counted.session, 'no-search')
        counters = counted.counters()
        report('names that may not be looked up are no hits', difference(
            {key: number for key, number in hits(counters).items() if key[0] == 'lookahead_hits'}, {}))


def dos_attributes(smbd_dir, port):
    """smbd asks for the directory itself and its parent too, which nobody looks up ahead."""
    for share, what, asked in (
            ('dosmode-engine', 'one request for each entry, and one more for each that was denied', PRIVATE),
            ('dosmode', 'two requests for each entry that was denied, none for what was looked up', DENIED)):
        with Counted(smbd_dir, port, share) as counted:
            list_whole(counted.session, 'private')
            report(f'DOS attributes: {what}', difference(
                {key: number for key, number in counted.counters().items() if not key[0].startswith('lookahead')},
                {('requests', 'get_dos_attributes', 'ring'): asked + 2 + DENIED,
                 ('denied', 'get_dos_attributes'): DENIED}))


def data(smbd_dir, port):
    pieces = [(offset, bytes([offset % 251]) * 1000) for offset in range(0, 7000, 1000)]
    with Counted(smbd_dir, port, 'plain') as counted:
        counted.session.write('writable\\data', pieces, flush=True)
        for _ in range(4):
            counted.session.read('writable\\data', 1000)
        report('reads, writes and flushes', difference(
            without(counted.counters(), 'lookahead_names', 'lookahead_known'),
            {('requests', 'pwrite', 'ring'): 7, ('requests', 'fsync', 'ring'): 1, ('requests', 'pread', 'inline'): 4}))
        # Past the end; what is not there, after which one goes by without a look at the cache; and again.
        counted.session.read('writable\\data', 1000, 6500)
        smb.forget(f'{smbd_dir}/tree/writable/data')
        for _ in range(3):
            counted.session.read('writable\\data', 7000)
        reads = {key: number for key, number in counted.counters().items() if key[:2] == ('requests', 'pread')}
        report('what is not in the cache is read by the engine', difference(
            reads, {('requests', 'pread', 'inline'): 6, ('requests', 'pread', 'ring'): 2}))
    with Counted(smbd_dir, port, 'always') as counted:
        counted.session.write('writable\\always', pieces)
        report('where smbd waits for each flush, waits are counted', difference(
            counted.counters(), {('requests', 'fsync', 'ring'): 7, ('waits', 'loop'): 7}))
    with Counted(smbd_dir, port, 'behind') as counted:
        counted.session.write('writable\\behind', pieces, flush=True)
        list_whole(counted.session, 'files')
        # smbd asks for each with get_dos_attributes, and its own answer to that asks with getxattrat.
        report('what a module behind has to see is passed on', difference(
            counted.counters(), {('passed', 'pwrite', 'share'): 7, ('passed', 'fsync', 'share'): 1,
                                 ('passed', 'get_dos_attributes', 'share'): FILES + 2,
                                 ('passed', 'getxattrat', 'share'): FILES + 2}))


def shares(smbd_dir, port):
    with Counted(smbd_dir, port, 'plain', users=(1, 2)) as counted:
        for session in counted.sessions:
            list_whole(session, 'files')
        report('users of one share are counted together', difference(hits(counted.counters()), looked_up(2 * FILES)))
        counted.sessions[1].connect('quo"te')
        list_whole(counted.sessions[1], 'long')
        both = parse(counted.lines())
        report('shares are counted each for itself', difference(hits(of_share(both, 'plain')), looked_up(2 * FILES))
               or (None if ('quo"te', 'lookahead_hits', 'openat') in both else f'not found in {sorted(both)}'))
        counted.sessions[1].call('disconnectTree')
        left = {key[0] for key in parse(counted.lines())}
        report('a share that is disconnected starts anew', None if left == {'plain'} else f'still there: {left}')


def one_liner(man_page):
    """The command as the manual page has it."""
    with open(man_page, encoding='ascii') as file:
        text = file.read()
    match = re.search(r'^\.EX\n(for pid in.*?)^\.EE', text, re.MULTILINE | re.DOTALL)
    return match.group(1).replace('\\-', '-').replace('\\(aq', "'").replace('\\e', '\\')


def summed(smbd_dir, port, man_page):
    functions = ''.join(f'{name}() {{ command {name} --configfile={smbd_dir}/smb.conf "$@"; }}\n'
                        for name in ('smbstatus', 'smbcontrol'))
    with Counted(smbd_dir, port, 'plain') as one, Counted(smbd_dir, port, 'plain') as other:
        for counted in (one, other, other):
            list_whole(counted.session, 'files')
        list_whole(other.session, 'long')
        output = subprocess.run(['bash', '-c', functions + one_liner(man_page)], check=True, capture_output=True,
                                timeout=60, encoding='utf-8').stdout
        found = of_share(parse(output.splitlines()), 'plain')
        parts = [one.counters(), other.counters()]
        expected = {key: sum(part.get(key, 0) for part in parts) for key in {*parts[0], *parts[1]}}
        hit = found.get(('lookahead_hits', 'openat'), 0)
        report('the command of the manual page adds up all processes', difference(found, expected)
               or (None if hit == 3 * FILES + 40 else f'{hit} hits'))


def refused(smbd_dir, port):
    pieces = [(0, b'x' * 100), (100, b'y' * 100)]
    with Counted(smbd_dir, port, 'uring') as counted:
        counted.session.write('writable\\refused', pieces)
        report('what is passed on for want of an engine', difference(
            counted.counters(), {('passed', 'pwrite', 'engine'): 2}))
        counted.connection.login(2).connect('uring')


def main():
    smbd_dir, port, what = sys.argv[1], int(sys.argv[2]), sys.argv[3]
    if what == 'refused':
        refused(smbd_dir, port)
    elif what == 'plain':
        with Counted(smbd_dir, port, 'plain') as counted:
            list_whole(counted.session, 'files')
            counted.session.read('files\\file-00000.txt')
            print(*counted.lines(), sep='\n')
    else:
        listing(smbd_dir, port)
        dos_attributes(smbd_dir, port)
        data(smbd_dir, port)
        shares(smbd_dir, port)
        summed(smbd_dir, port, what)


main()
