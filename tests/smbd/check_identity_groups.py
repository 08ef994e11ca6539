# SPDX-License-Identifier: GPL-3.0-or-later
"""Part of test_identity_groups.sh: user 1 in and out of a group.

Arguments: SMBD_DIR PORT PREFIX USER UID GROUP GID. USER is user 1, who is not in GROUP at first. The shares are
PREFIX-stock and PREFIX-ours; a prefix that begins with "held" is of the file system of held_filesystem.py.
test_identity_groups.sh makes the tree, and the file of groups that smbd reads.
"""
import sys

from impacket.smb3 import SessionError

import smb
from held_filesystem import Held

ROUNDS = 3
# "comment", its value, and what the list and an EA have besides (estimate_ea_size() in smbd/smb2_trans2.c).
EA_SIZE = 4 + 4 + len('comment') + 1 + len('of the group')
INSIDE = [f'file-{i:05}.txt' for i in range(10)]
MANY = 700


class Groups:
    """The file of groups that smbd sees."""

    def __init__(self, path, user, group):
        self._path = path
        self._user = user
        self._group = group

    def _set(self, members):
        with open(self._path, encoding='utf-8') as file:
            lines = [line.rstrip('\n').split(':') for line in file]
        for line in lines:
            if line[0] == self._group:
                line[3] = members
        # In place: it is mounted on /etc/group.
        with open(self._path, 'r+', encoding='utf-8') as file:
            file.write(''.join(':'.join(line) + '\n' for line in lines))
            file.truncate()

    def add(self):
        self._set(self._user)

    def remove(self):
        self._set('')


def wrong(session, member):
    """None if a session sees what somebody in the group sees, or what somebody else does."""
    for entry in session.list('common'):
        name, attributes, ea_size = entry[0], int(entry[3], 16), entry[8]
        if not name.startswith('file-'):
            continue
        number = int(name[5:10])
        # smbd shows everyone the attributes, by asking as root, and EAs to those who may read them.
        if attributes != 0x20 | (number & 7):
            return f'{name} has attributes {attributes:#x}'
        if ea_size != (EA_SIZE if member and number % 2 == 0 else 0):
            return f'{name} has EAs of {ea_size} bytes'
    if not member:
        for function, path in ((session.list, 'for-group'), (session.read, 'for-group\\file-00001.txt'),
                               (session.read, 'common\\file-00002.txt')):
            problem = smb.is_denied(function, path)
            if problem is not None:
                return f'{path}: {problem}'
        return None
    names = sorted(entry[0] for entry in session.list('for-group') if entry[0] not in ('.', '..'))
    if names != INSIDE:
        return f'{len(names)} names in for-group'
    if session.read('common\\file-00002.txt') != b'file 0000002\n':
        return 'the file of the group has another text'
    return None


def in_turn(sessions, held, uid, gid):
    """Each session is in the group or not, as said, whoever came before; and so are the threads that ask for it."""
    for _ in range(ROUNDS):
        for name, session, member in sessions:
            if held:
                held.calls()
            problem = wrong(session, member)
            if problem is not None:
                return f'{name}: {problem}'
            if not held:
                continue
            asked = [call for call in held.calls() if call[2] == uid and call[0] in ('LOOKUP', 'GETXATTR', 'OPEN')]
            others = [call for call in asked if (gid in (call[4] or ())) != member]
            if not asked or others:
                return f'{name}: of {len(asked)} questions {len(others)} with other groups: {others[:1]}'
    return None


def rest_of_listing(connection, share, groups, number):
    """What is left of a listing when the session loses the group in its middle: names and attributes, or an error."""
    groups.add()
    session = connection.login(1)
    session.connect(share)
    # The first listing of a directory moves its access time, and with it what stands for its creation time.
    session.list('many')
    handle = session.call('create', *smb.open_directory('many'))
    found = list(smb.records(session.call('queryDirectory', *smb.query(handle))))
    first = len(found)
    groups.remove()
    connection.login_again(session, number)
    try:
        while True:
            found.extend(smb.records(session.call('queryDirectory', *smb.query(handle))))
    except SessionError as error:
        found.append(hex(error.get_error_code()))
    session.call('close', handle)
    session.call('logoff')
    # Access times move.
    return first, [(*one[:5], *one[6:]) if isinstance(one, tuple) else one for one in found]


def main():
    directory, port, prefix = sys.argv[1], int(sys.argv[2]), sys.argv[3]
    groups = Groups(f'{directory}/group', sys.argv[4], sys.argv[6])
    uid, gid = int(sys.argv[5]), int(sys.argv[7])
    held = Held(f'{directory}/held.socket') if prefix.startswith('held') else None
    connection = smb.Connection(directory, port)

    def login():
        session = connection.login(1)
        session.connect(f'{prefix}-ours')
        return session

    def report(name, problem):
        smb.report(f'{name}: {prefix}', problem)

    first = login()
    report('a user who is not in the group', in_turn([('first', first, False)], held, uid, gid))
    groups.add()
    second = login()
    report('a session with the group and one without it take turns',
           in_turn([('first', first, False), ('second', second, True)], held, uid, gid))
    connection.login_again(first, 1)
    report('a session that logs in again has the group',
           in_turn([('first', first, True), ('second', second, True)], held, uid, gid))
    groups.remove()
    third = login()
    report('out of the group again, the older sessions are still in it',
           in_turn([('third', third, False), ('first', first, True), ('second', second, True)], held, uid, gid))
    connection.login_again(first, 1)
    report('a session that logs in again has the group no more',
           in_turn([('second', second, True), ('first', first, False), ('third', third, False)], held, uid, gid))

    first_of_stock, stock = rest_of_listing(connection, f'{prefix}-stock', groups, 1)
    first_of_ours, ours = rest_of_listing(connection, f'{prefix}-ours', groups, 1)
    if first_of_ours >= MANY:
        report('a listing in whose middle the group is lost', f'its first response has {first_of_ours} entries')
    else:
        report('a listing in whose middle the group is lost is as without the module',
               None if ours == stock and first_of_ours == first_of_stock else
               f'{first_of_ours} of {len(ours)} entries in the first response, stock {first_of_stock} of {len(stock)}; '
               f'the first to differ: {next((pair for pair in zip(ours, stock) if pair[0] != pair[1]), None)}')
    connection.close()


main()
