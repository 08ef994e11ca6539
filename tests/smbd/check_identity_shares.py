# SPDX-License-Identifier: GPL-3.0-or-later
"""Part of test_identity_shares.sh: two users in turn on one connection, on shares that make others of them.

Arguments: SMBD_DIR PORT PREFIX UID1 GID1 UID2 GID2. The shares are PREFIX-KIND-stock and PREFIX-KIND-ours; a prefix
that begins with "held" is of the file system of held_filesystem.py. test_identity_shares.sh makes the tree.
"""
import os
import stat
import sys

from impacket.smb3 import SessionError

import smb
from held_filesystem import Held

# What each kind makes of users 1 and 2: whose directories, files and groups' directories are open to them.
OWN = {'plain': ({1}, {2}), 'force-user': ({2}, {2}), 'force-group': ({1}, {2}), 'admin': ({1, 2}, {2})}
GROUPS = {'plain': ({1}, {2}), 'force-user': ({2}, {2}), 'force-group': ({1, 2}, {2}), 'admin': ({1, 2}, {2})}


def comparable(entry):
    """Of directories the times and links depend on what the test did before."""
    name, size, allocated, attributes, created, _, written, changed, ea_size, short, file_id = entry
    if int(attributes, 16) & stat.FILE_ATTRIBUTE_DIRECTORY:
        return name, attributes, file_id
    return name, size, allocated, attributes, created, written, changed, ea_size, short, file_id


def listing(session, path):
    return [comparable(entry) for entry in session.list(path)]


def creation(session, directory, name):
    session.write(f'drop\\{name}', [(0, b'new')])
    made = f'{directory}/tree/drop/{name}'
    owner = os.stat(made).st_uid, os.stat(made).st_gid
    os.unlink(made)
    return owner


def steps(directory):
    """Names and functions of a session, in an order in which each may have left something for the next."""
    for path in ('', 'common', 'own-1', 'own-2', 'for-group-1', 'for-group-2', 'common'):
        yield f'list {path}', lambda session, path=path: listing(session, path)
    for path in ('own-1\\greeting', 'own-2\\greeting', 'for-group-1\\inside', 'for-group-2\\inside',
                 'common\\file-00001.txt', 'common\\file-00002.txt', 'common\\file-00003.txt'):
        yield f'read {path}', lambda session, path=path: session.read(path)
    yield 'create', lambda session: creation(session, directory, 'new')


def outcomes(sessions, directory):
    """What became of each step for each session, one session after the other in each."""
    result = {}
    for step, function in steps(directory):
        for number, session in sessions.items():
            try:
                result[number, step] = function(session)
            except SessionError as error:
                result[number, step] = hex(error.get_error_code())
    return result


def expected_directories(kind, number):
    for other in (1, 2):
        yield f'list own-{other}', other in OWN[kind][number - 1]
        yield f'read own-{other}\\greeting', other in OWN[kind][number - 1]
        yield f'list for-group-{other}', other in GROUPS[kind][number - 1]
        yield f'read for-group-{other}\\inside', other in GROUPS[kind][number - 1]
        # File 1 is of user 1, 2 of user 2, the third anyone's.
        yield f'read common\\file-0000{other}.txt', other in OWN[kind][number - 1]
    yield 'read common\\file-00003.txt', True
    yield 'list common', True


def wrong_outcome(kind, found, owners):
    """What the kind says, whatever stock smbd does."""
    for number in (1, 2):
        for step, allowed in expected_directories(kind, number):
            outcome = found[number, step]
            denied = outcome == hex(smb.STATUS_ACCESS_DENIED)
            if denied == allowed or (allowed and isinstance(outcome, str)):
                return f'user {number}, {step}: {outcome}'
        if found[number, 'create'] != owners[kind][number - 1]:
            return f'a new file of user {number} belongs to {found[number, "create"]}, not {owners[kind][number - 1]}'
        for entry in found[number, 'list common']:
            if entry[0].startswith('file-') and int(entry[3], 16) != 0x20 | (int(entry[0][5:10]) & 7):
                return f'user {number} sees {entry}'
    return None


def first_difference(stock, ours):
    for step, outcome in stock.items():
        if ours[step] != outcome:
            return f'user {step[0]}, {step[1]}: {ours[step]}, stock {outcome}'[:300]
    return None


def normal(calls):
    """Root is root in whatever groups: for the DOS attributes of an administrator smbd's threads take root's groups, the
    engine the administrator's."""
    for operation, path, uid, gid, groups in calls:
        yield operation, path, (uid, gid, tuple(groups or ())) if uid else 0


def wrong_callers(stock, ours, who):
    """The file system is asked what it is without the module, by the same identities."""
    # Of an open file smbd's threads read as whoever it was that they were started for.
    data = ('READ', 'WRITE', 'FSYNC', 'FLUSH', 'RELEASE', 'RELEASEDIR')
    stock, ours = set(normal(stock)), set(normal(ours))
    opened = {(path, identity) for operation, path, identity in ours if operation in ('OPEN', 'CREATE')}
    read = {(path, identity) for operation, path, identity in ours if operation in ('READ', 'WRITE')}
    if not read:
        return 'nothing was read'
    if not read <= opened:
        return f'read, and not opened, by: {sorted(read - opened)[0]}'
    strangers = [call for call in ours if call[2] != 0 and call[2][0] not in who]
    if strangers:
        return f'asked by somebody else: {strangers[0]}'
    more = [call for call in ours - stock if call[0] not in data]
    if more:
        return f'{len(more)} questions that stock smbd does not ask: {more[0]}'
    return None


def report_kind(directory, port, share, kind, owners, held):
    connection = smb.Connection(directory, port)
    sessions = {number: connection.login(number) for number in (1, 2)}
    found, calls = {}, {}
    for side in ('stock', 'ours'):
        for session in sessions.values():
            session.connect(f'{share}-{kind}-{side}')
        outcomes(sessions, directory)
        if held:
            held.calls()
        found[side] = outcomes(sessions, directory)
        if held:
            calls[side] = held.calls()
        for session in sessions.values():
            session.call('disconnectTree')
    connection.close()

    smb.report(f'everyone is who smb.conf says: {share}-{kind}', wrong_outcome(kind, found['ours'], owners))
    smb.report(f'as without the module: {share}-{kind}', first_difference(found['stock'], found['ours']))
    if held:
        smb.report(f'the file system is asked by whom it is without the module: {share}-{kind}',
                   wrong_callers(calls['stock'], calls['ours'], {owner[0] for owner in owners['plain']}))


def main():
    directory, port, share = sys.argv[1], int(sys.argv[2]), sys.argv[3]
    one, two = (int(sys.argv[4]), int(sys.argv[5])), (int(sys.argv[6]), int(sys.argv[7]))
    owners = {'plain': (one, two), 'force-user': (two, two), 'force-group': ((one[0], two[1]), two),
              'admin': ((0, one[1]), two)}
    held = Held(f'{directory}/held.socket') if share.startswith('held') else None
    for kind in OWN:
        report_kind(directory, port, share, kind, owners, held)


main()
