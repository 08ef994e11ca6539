# SPDX-License-Identifier: GPL-3.0-or-later
"""Part of test_refused_later.sh: user 1 before and after a system call is refused, user 2 after it, on one connection.

Arguments: SMBD_DIR PORT SHARE WHAT FILE. From the moment that FILE exists WHAT is refused. SHARE-ring has an engine of
its own.
"""
import sys

import smb


def wrong(session, number):
    """What is wrong with what a user gets: everything of theirs, and nothing of the other's."""
    other = 3 - number
    for _ in range(3):
        names = sorted(entry[0] for entry in session.list(f'own-{number}') if entry[0] not in ('.', '..'))
        if names != [f'own-{number}-{i:02}' for i in range(60)]:
            return f'user {number} sees {len(names)} names'
        for entry in session.list('common'):
            if entry[0].startswith('file-') and int(entry[3], 16) != 0x20 | (int(entry[0][5:10]) & 7):
                return f'user {number} sees {entry}'
        for path in (f'own-{number}\\own-{number}-00', f'common\\only-{number}'):
            data = session.read(path)
            if data != f'user {number}\n'.encode():
                return f'user {number} reads {data[:20]} in {path}'
        session.write(f'own-{number}\\new', [(0, b'x' * 100000)], flush=True)
        if session.read(f'own-{number}\\new', 65536, 40000) != b'x' * 60000:
            return f'user {number} does not read what was written'
        handle = session.call('create', f'own-{number}\\new', 0x10000, smb.SHARE_ALL, 0x1000, 1, 0)
        session.call('close', handle)
        for function, path in ((session.list, f'own-{other}'), (session.read, f'common\\only-{other}')):
            problem = smb.is_denied(function, path)
            if problem is not None:
                return f'user {number}, {path}: {problem}'
    return None


def guarded(function, *arguments):
    """No answer at all is a problem, too."""
    try:
        return function(*arguments)
    except Exception as error:  # pylint: disable=broad-except
        return f'{type(error).__name__}: {error}'


def main():
    directory, port, share, what, file = sys.argv[1], int(sys.argv[2]), sys.argv[3], sys.argv[4], sys.argv[5]
    connection = smb.Connection(directory, port)
    connection.smb._timeout = 15
    one = connection.login(1)
    one.connect(share)
    smb.report(f'user 1 before: {share}, {what}', guarded(wrong, one, 1))
    with open(file, 'wb'):
        pass
    smb.report(f'user 1 after: {share}, {what}', guarded(wrong, one, 1))
    two = connection.login(2)
    two.connect(share)
    smb.report(f'user 2 after: {share}, {what}', guarded(wrong, two, 2))
    smb.report(f'user 1 again: {share}, {what}', guarded(wrong, one, 1))
    two.connect(f'{share}-ring')
    smb.report(f'user 2 on a share with a further ring: {share}, {what}', guarded(wrong, two, 2))
    connection.smb._NetBIOSSession.get_socket().close()


main()
