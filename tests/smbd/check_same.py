# SPDX-License-Identifier: GPL-3.0-or-later
"""Part of test_same.sh: the responses of two shares to the same requests, byte by byte. Arguments: SMBD_DIR PORT PLANS
STOCK OURS USER DIRECTORY...; the shares are on the same directory, in which each DIRECTORY has what same_tree.py
makes. PLANS is "all", "some" or "few". A line in the form of the tests for each DIRECTORY.
"""
import random
import sys

import smb
from impacket.smb3structs import SMB2_INDEX_SPECIFIED, SMB2_REOPEN, SMB2_RESTART_SCANS, SMB2_RETURN_SINGLE_ENTRY

# Directory, full, both, names, id both, id full: all that smbd knows (smbd_smb2_query_directory_send()).
LEVELS = (1, 2, 3, 12, 37, 38)
UNKNOWN_LEVELS = (0, 4, 60, 63, 78, 79, 81, 100, 255)
DIRECTORIES = ('', 'many', 'names', 'kinds', 'eas', 'attributes', 'private', 'empty', 'one', 'private\\private-1',
               'private\\private-2', 'private\\directory 711', 'private\\directory 744', 'private\\directory 755',
               'private\\directory 733', 'private\\directory 000', 'kinds\\link directory', 'kinds\\link parent',
               'kinds\\link outside directory', 'kinds\\link absolute directory', 'kinds\\file', 'missing',
               'names\\dir README')
# That are worth every plan.
FULL = ('many', 'names', 'kinds', 'eas')
PATTERNS = ('*.txt', '*.TXT', 'file-0001*', 'FILE-00012.TXT', 'file-00012.txt', '*7.doc', 'f*', '?', '???', '*.', '*.*',
            '<.txt', 'file-0000>.txt', 'file-00012"txt', '>>>>>', 'missing', 'missing*', 'readme', 'README', 'Readme',
            'gr\u00fc\u00dfe.TXT', '.', '..', 'AVERYL~1.TEX', 'link*', 'link outside', 'link inside', 'fifo', '1*', 'n*',
            'colon:stream', '@GMT-2020.01.01-00.00.00', 'vetoed.veto', 'over*', '*names', 'file 600', 'mode*')
FLAGS = (0, 0, 0, 0, SMB2_RESTART_SCANS, SMB2_RETURN_SINGLE_ENTRY, SMB2_RETURN_SINGLE_ENTRY, SMB2_REOPEN,
         SMB2_INDEX_SPECIFIED, SMB2_RESTART_SCANS | SMB2_RETURN_SINGLE_ENTRY, SMB2_REOPEN | SMB2_RETURN_SINGLE_ENTRY,
         SMB2_INDEX_SPECIFIED | SMB2_RETURN_SINGLE_ENTRY, SMB2_RESTART_SCANS | SMB2_REOPEN)
SIZES = (65536, 32768, 8192, 4096, 2000, 1024, 700, 400, 200, 105, 90, 8, 0)


def to_the_end(pattern='*', level=37, flags=0, size=65536, most=400):
    """Until there is no more, or so many responses."""
    return [(pattern, level, flags, 0, size)] * most, True


def drawn(number):
    """A plan that nobody would think of, the same for the same number."""
    draw = random.Random(number)
    pattern = draw.choice(('*', '*', '*', *PATTERNS))
    level = draw.choice(LEVELS)
    plan = []
    for _ in range(20):
        if draw.random() < 0.1:
            pattern = draw.choice(('*', *PATTERNS))
        if draw.random() < 0.2:
            level = draw.choice(LEVELS)
        plan.append((pattern, level, draw.choice(FLAGS), draw.choice((0, 0, 1, 5, 100, 0xffffffff)), draw.choice(SIZES)))
    return plan, False


def plans(which, directory):
    """Each is a list of requests on one open directory, and whether it ends with the first error."""
    yield to_the_end()
    yield to_the_end(size=4096, most=20)
    yield drawn(directory)
    if which == 'few':
        return
    for level in LEVELS:
        yield to_the_end(level=level)
    yield to_the_end(level=2, size=1500, most=8)
    if which == 'some' or directory not in FULL:
        return
    yield [('*', level, 0, 0, 65536) for level in UNKNOWN_LEVELS], False
    yield to_the_end(size=1 << 20)
    yield to_the_end(size=8 << 20)
    for size in SIZES:
        yield to_the_end(size=size, most=10)
    yield to_the_end(flags=SMB2_RETURN_SINGLE_ENTRY, most=40)
    for size in (65536, 4096):
        yield to_the_end(flags=SMB2_RESTART_SCANS, size=size, most=3)
        yield to_the_end(flags=SMB2_REOPEN, size=size, most=3)
    for pattern in PATTERNS:
        yield to_the_end(pattern, most=2)
    yield from (drawn(number) for number in range(8))


def run(session, path, plan):
    """Every response: status and bytes."""
    requests, ends = plan
    try:
        handle = session.call('create', *smb.open_directory(path))
    except smb.SessionError as error:
        return [(error.get_error_code(), b'')]
    responses = []
    for request in requests:
        responses.append(session.query_directory(handle, *request))
        if ends and responses[-1][0] != 0:
            break
    session.call('close', handle)
    return responses


def tell(request, stock, ours):
    """How two responses differ."""
    if stock[0] != ours[0]:
        return f'{request}: status {stock[0]:#x} without, {ours[0]:#x} with the module'
    at = next((i for i, (a, b) in enumerate(zip(stock[1], ours[1])) if a != b), min(len(stock[1]), len(ours[1])))
    if request[1] == 37:
        for one, other in zip(smb.records(stock[1]), smb.records(ours[1])):
            if one != other:
                return f'{request}: {one} without, {other} with the module'
    return f'{request}: {len(stock[1])} bytes without, {len(ours[1])} with the module, byte {at} differs'


def compare(stock, ours, top, which):
    count = size = 0
    for directory in DIRECTORIES:
        path = f'{top}\\{directory}'.strip('\\')
        # The first listing moves the access time of the directory.
        run(stock, path, to_the_end())
        for plan in plans(which, directory):
            results = run(stock, path, plan), run(ours, path, plan)
            for number, pair in enumerate(zip(*results)):
                if pair[0] != pair[1]:
                    return f'{path}: request {number + 1}, ' + tell(plan[0][number], *pair), count, size
            if len(results[0]) != len(results[1]):
                return f'{path}: {plan[0][0]}: {len(results[0])} responses, {len(results[1])} with the module', count, size
            count += len(results[0])
            size += sum(len(data) for _, data in results[0])
    return None, count, size


def main():
    directory, port, which, names, user = sys.argv[1], int(sys.argv[2]), sys.argv[3], sys.argv[4:6], int(sys.argv[6])
    connection = smb.Connection(directory, port)
    sessions = []
    for name in names:
        sessions.append(connection.login(user))
        sessions[-1].connect(name)
    for top in sys.argv[7:]:
        problem, count, size = compare(*sessions, top, which)
        print(f'# {top}: {count} responses, {size} bytes')
        # What can't be listed is the least of it.
        if problem is None and (count < 60 or size < 20000):
            problem = f'there were only {count} responses with {size} bytes to compare'
        smb.report(f'{top}, {names[1]}, user {user}: as without the module', problem)
    connection.close()


main()
