# SPDX-License-Identifier: GPL-3.0-or-later
"""Part of test_descriptors.sh: descriptors of the serving process before and after work, and after work that was cut
off. Arguments: SMBD_DIR PORT SHARE. The share has the directories "many-N" and "own-N" for both users.
"""
import collections
import os
import sys
import time

import smb

ROUNDS = 20


def work(sessions):
    for number, session in sessions.items():
        session.list(f'many-{number}')
        session.write(f'own-{number}\\file', [(0, b'x' * 70000)], flush=True)
        session.read(f'own-{number}\\file')


def cut_off(connection, directory, ending):
    """Listings of user 1 still run when user 1's handle, tree or session ends."""
    for _ in range(6):
        session = connection.login(1)
        session.connect(directory)
        handles = [session.call('create', *smb.open_directory('many-1')) for _ in range(4)]
        calls = [(session, 'queryDirectory', smb.query(handle)) for handle in handles]
        if ending == 'close':
            calls.extend((session, 'close', (handle,)) for handle in handles)
        else:
            calls.append((session, ending, ()))
        connection.overlapped(calls)
        if ending != 'logoff':
            session.call('logoff')


def difference(before, after):
    # smbd renews sockets and pipes that it talks to its other processes with; their number stays.
    before, after = (collections.Counter(target.split(':[')[0] for target in one.values()) for one in (before, after))
    # The helper threads' eventfd, which is there from the first look-up of theirs on.
    if before == after or list((after - before).elements()) == ['anon_inode'] and not before - after:
        return None
    return (f'{before.total()} descriptors before, {after.total()} after; new {(after - before).most_common(3)}, '
            f'gone {(before - after).most_common(3)}')


def leave(directory, port, share):
    """The connection breaks while listings, writes and a flush are under way: the process has to end."""
    connection = smb.Connection(directory, port)
    session = connection.login(1)
    session.connect(share)
    pid = smb.serving_process(directory)
    handles = [session.call('create', *smb.open_directory('many-1')) for _ in range(8)]
    connection.send_and_leave([(session, 'queryDirectory', smb.query(handle)) for handle in handles])
    deadline = time.monotonic() + 15
    while os.path.exists(f'/proc/{pid}/fd/0'):
        if time.monotonic() > deadline:
            return f'process {pid} still runs after 15 seconds'
        time.sleep(0.02)
    return None


def main():
    directory, port, share = sys.argv[1], int(sys.argv[2]), sys.argv[3]
    connection = smb.Connection(directory, port)
    sessions = {number: connection.login(number) for number in (1, 2)}
    for session in sessions.values():
        session.connect(share)
    pid = smb.serving_process(directory)

    work(sessions)
    before = smb.descriptors(pid)
    for _ in range(ROUNDS):
        work(sessions)
    smb.report(f'{ROUNDS} listings, reads and writes leave no descriptor: share {share}',
               difference(before, smb.descriptors(pid)))

    for ending in ('close', 'disconnectTree', 'logoff'):
        cut_off(connection, share, ending)
        work(sessions)
        smb.report(f'{ending} during listings leaves no descriptor: share {share}',
                   difference(before, smb.descriptors(pid)))
    connection.close()
    while os.path.exists(f'/proc/{pid}/fd/0'):
        time.sleep(0.02)

    problems = [leave(directory, port, share) for _ in range(5)]
    smb.report(f'a connection that breaks during listings ends its process: share {share}',
               next((problem for problem in problems if problem), None))


main()
