# SPDX-License-Identifier: GPL-3.0-or-later
"""Part of test_identity.sh: two users on one connection, so in one smbd process, taking turns and at once.

Arguments: SMBD_DIR PORT ENGINE UID1 GID1 UID2 GID2 OUTPUT. The share has the engine's name; test_identity.sh makes the
tree and says what is in it. OUTPUT gets, for each user, the uid and how many requests for DOS attributes the kernel has
to deny: those of files that the other user alone may read.
"""
import sys

from impacket.smb3 import SessionError

import smb
from strace import Trace

ROUNDS = 40
# In common/, for each user: the files that are the other's alone, and only-N.
DENIED = {1: 20 + 1, 2: 40 + 1}
listed = {1: 0, 2: 0}


def names(entries):
    return sorted(entry[0] for entry in entries if entry[0] not in ('.', '..'))


def wrong_names(entries, number):
    expected = ['greeting'] + [f'own-{number}-{i:02}' for i in range(30)]
    found = names(entries)
    return None if found == expected else f'user {number} sees {found}'


def wrong_attributes(entries):
    """test_identity.sh gives file i of common/ the attributes 0x20 | (i & 7); some only one user can read."""
    found = {entry[0]: entry[3] for entry in entries if entry[0].startswith('file-')}
    expected = {f'file-{i:05}.txt': hex(0x20 | (i & 7)) for i in range(120)}
    if found == expected:
        return None
    wrong = sorted(name for name in expected if found.get(name) != expected[name])
    return f'{len(wrong)} entries differ, first {wrong[0] if wrong else "one too many"}'


def first(problems):
    for problem in problems:
        if problem is not None:
            return problem
    return None


def list_common(number, session):
    listed[number] += 1
    return wrong_attributes(session.list('common'))


def taking_turns(sessions):
    for _ in range(ROUNDS):
        for number, session in sessions.items():
            other = 3 - number
            yield wrong_names(session.list(f'own-{number}'), number)
            yield list_common(number, session)
            yield smb.is_denied(session.list, f'own-{other}')
            yield smb.is_denied(session.read, f'own-{other}\\greeting')
            yield smb.is_denied(session.read, f'common\\only-{other}')
            text = session.read(f'own-{number}\\greeting')
            if text != f'user {number}\n'.encode():
                yield f'user {number} reads {text!r}'


def at_once(connection, sessions):
    """Requests of both users in one go: smbd has started the first when the second comes."""
    for _ in range(ROUNDS):
        handles = connection.overlapped([(session, 'create', smb.open_directory('common'))
                                         for session in (*sessions.values(), *sessions.values())])
        calls = [(session, 'queryDirectory', smb.query(handle))
                 for session, handle in zip((*sessions.values(), *sessions.values()), handles)]
        for data in connection.overlapped(calls):
            if isinstance(data, SessionError):
                yield f'a listing failed: {data}'
            else:
                yield wrong_attributes(smb.records(data))
        for number in sessions:
            listed[number] += 2
        connection.overlapped([(session, 'close', (handle,)) for session, _, (handle, *_) in calls])

        opens = [(session, 'create', smb.open_file(f'own-{owner}\\greeting'))
                 for owner in (1, 2, 1) for session in sessions.values()]
        for (session, _, (path, *_)), answer in zip(opens, connection.overlapped(opens)):
            mine = path.startswith(f'own-{1 if session is sessions[1] else 2}')
            denied = isinstance(answer, SessionError) and answer.get_error_code() == smb.STATUS_ACCESS_DENIED
            if mine and isinstance(answer, SessionError):
                yield f'{session.user} may not open {path}: {answer}'
            if not mine and not denied:
                yield f'{session.user} opens {path}'
            if not isinstance(answer, SessionError):
                session.call('close', answer)


def groups_and_acls(sessions):
    """for-group-1 is for the group of user 1, for-acl-2 has an ACL for user 2; both belong to root."""
    for directory, number in (('for-group-1', 1), ('for-acl-2', 2)):
        found = names(sessions[number].list(directory))
        if found != ['inside']:
            yield f'user {number} sees {found} in {directory}'
        yield smb.is_denied(sessions[3 - number].list, directory)


def personalities(pid, ids, calls):
    """Effective uid and gid of each personality that was registered and kept. A personality is a copy of the
    credentials that the thread has at that moment."""
    uid, gid = ids
    kept = {}
    for thread, name, arguments, result in calls:
        if int(thread) != pid or result.startswith('-'):
            continue
        words = arguments.split(', ')
        if name == 'setresuid' and words[1] != '-1':
            uid = int(words[1])
        elif name == 'setresgid' and words[1] != '-1':
            gid = int(words[1])
        elif name == 'io_uring_register' and words[1] == 'IORING_REGISTER_PERSONALITY':
            kept[result] = (uid, gid)
        elif name == 'io_uring_register' and words[1] == 'IORING_UNREGISTER_PERSONALITY':
            del kept[words[3]]
    return list(kept.values())


def wrong_personalities(kept, engine, owners):
    print(f'# engine {engine}: personalities with uid and gid {kept}')
    if engine not in ('auto', 'uring'):
        return 'there should be none' if kept else None
    for owner in owners:
        if kept.count(owner) != 1:
            return f'{kept.count(owner)} with uid and gid {owner}, expected 1'
    strangers = [one for one in kept if one not in owners and one[0] != 0]
    return f'some of nobody we know: {strangers}' if strangers else None


def wrong_fdinfo(rings, engine, owners):
    """Older kernels (not 6.18) list the personalities of a ring, with their capabilities."""
    if engine not in ('auto', 'uring'):
        return None if not rings else f'engine {engine} made a ring'
    if len(rings) != 1:
        return f'{len(rings)} rings, expected 1'
    seen = {(one['uid'], one['gid']): one['capabilities'] for one in rings[0]}
    for owner in owners:
        if seen.get(owner) != 0:
            return f'{owner} is not there or has capabilities: {seen}'
    return None


def after_logoff(sessions):
    sessions[1].call('logoff')
    for _ in range(5):
        yield list_common(2, sessions[2])
        yield smb.is_denied(sessions[2].list, 'own-1')


def main():
    directory, port, engine = sys.argv[1], int(sys.argv[2]), sys.argv[3]
    owners = [(int(sys.argv[4]), int(sys.argv[5])), (int(sys.argv[6]), int(sys.argv[7]))]
    connection = smb.Connection(directory, port)
    sessions = {number: connection.login(number) for number in (1, 2)}
    for session in sessions.values():
        session.connect(engine)

    def report(name, problem):
        smb.report(f'{name}: engine {engine}', problem)

    # The engine starts with the first request.
    pid = smb.serving_process(directory)
    ids = smb.effective_ids(pid)
    with Trace(pid, f'{directory}/client/strace', ('setresuid', 'setresgid', 'io_uring_register')) as trace:
        problems = [list_common(number, session) for number, session in sessions.items()]
    report('the first listings', first(problems))
    report('the personalities registered are the two users and root',
           wrong_personalities(personalities(pid, ids, trace.calls), engine, owners))

    report('two users on one connection take turns', first(taking_turns(sessions)))
    report('two users on one connection at once', first(at_once(connection, sessions)))
    report('groups and ACLs', first(groups_and_acls(sessions)))
    rings = smb.rings(pid)
    if any(rings) or engine not in ('auto', 'uring'):
        report('personalities in the fdinfo of the ring', wrong_fdinfo(rings, engine, owners))
    else:
        print(f'# {len(rings)} ring; the fdinfo of this kernel lists no personalities')
    report('one user logs off, the other goes on', first(after_logoff(sessions)))
    connection.smb._NetBIOSSession.get_socket().close()
    with open(sys.argv[8], 'w', encoding='ascii') as file:
        for number, (uid, _) in enumerate(owners, 1):
            print(uid, listed[number] * DENIED[number], file=file)


main()
