# SPDX-License-Identifier: GPL-3.0-or-later
"""Part of test_syscalls.sh: counts the credential calls of the smbd process that serves a listing, threads included.

Arguments: SMBD_DIR PORT COUNT. The shares "stock", "ours" and "ahead", which looks ahead, have the directories
"full", with COUNT files, and "empty".
"""
import collections
import sys

import smb
from strace import Trace

CHANGES = ('setuid', 'setgid', 'setreuid', 'setregid', 'setresuid', 'setresgid', 'setgroups', 'setfsuid', 'setfsgid')
QUESTIONS = ('getuid', 'getgid', 'geteuid', 'getegid', 'getgroups', 'getresuid', 'getresgid', 'capget')

# These tell what is, and can't set what there is none of.
ASKING = {('setfsuid', '-1'): 'asked fsuid', ('setfsgid', '-1'): 'asked fsgid'}


def count(directory, port, share, path, entries):
    connection = smb.Connection(directory, port)
    session = connection.login(1)
    session.connect(share)
    # What is done once, like the ring and its personalities, is not the price of an entry.
    session.list(path)
    with Trace(smb.serving_process(directory), f'{directory}/client/strace', CHANGES + QUESTIONS) as trace:
        found = session.list(path)
    connection.close()
    if len(found) != entries + 2:
        raise RuntimeError(f'{share}: {len(found)} entries listed instead of {entries + 2}')
    return collections.Counter(ASKING.get((name, arguments), name) for _, name, arguments, _ in trace.calls)


def total(calls, kinds):
    return sum(calls[kind] for kind in kinds)


def main():
    directory, port, entries = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    changes = {}
    for share in ('stock', 'ours', 'ahead'):
        full = count(directory, port, share, 'full', entries)
        empty = count(directory, port, share, 'empty', 0)
        changes[share] = total(full, CHANGES) - total(empty, CHANGES)
        asking = QUESTIONS + tuple(ASKING.values())
        questions = total(full, asking) - total(empty, asking)
        print(f'# {share}: {entries} entries cost {changes[share]} calls that change credentials and {questions} that '
              f'ask for them; an empty directory {total(empty, CHANGES)} and {total(empty, asking)}')
        print(f'# {share}: {dict(full)}')

    # Without the module helper threads become the user for each entry: this shows that the counting counts.
    smb.report('smbd alone changes credentials for each entry',
               None if changes['stock'] >= 3 * entries else f'only {changes["stock"]} calls for {entries} entries')
    for share, what in (('ours', 'without'), ('ahead', 'with')):
        smb.report(f'the module changes no credentials for an entry, {what} look-ahead',
                   None if changes[share] == 0 else f'{changes[share]} calls for {entries} entries')


main()
