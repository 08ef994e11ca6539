# SPDX-License-Identifier: GPL-3.0-or-later
"""Part of test_async_open.sh: opens, many in flight. Arguments: SMBD_DIR PORT STOCK OURS SECONDS. Both shares have the
directories "stock" and "ours", the one like the other; see make_tree() in the script.
"""
import collections
import os
import struct
import sys
import threading
import time

import pipeline
import smb

FILES = 40
RESULTS = collections.namedtuple('RESULTS', 'status action size attributes')


def result(answer):
    if answer.status:
        return RESULTS(hex(answer.status), 0, 0, 0)
    return RESULTS('0x0', answer.action, answer.size, hex(answer.attributes))


def close_all(connection, answers):
    connection.run([pipeline.close(answer.file_id) for answer in answers if answer.status == 0])


def outcomes(connection, requests):
    answers = connection.run(requests)
    close_all(connection, answers)
    return [result(answer) for answer in answers]


def first_difference(names, expected, found):
    for name, one, other in zip(names, expected, found, strict=True):
        if one != other:
            return f'{name}: {one} without the module, {other} with it'
    return None


def same(directory, port, shares, user):
    """Every way to open every kind of file, each on a file of its own, as stock smbd answers it."""
    names = sorted(os.listdir(f'{directory}/tree/stock/kinds'))
    found = []
    for share, tree in zip(shares, ('stock', 'ours'), strict=True):
        connection = pipeline.connect(directory, port, user, share)
        # Hidden, so that what is overwritten has other attributes afterwards.
        requests = [pipeline.create(f'{tree}/kinds/{name}', disposition, access, attributes=0x22)
                    for name in names
                    for disposition, access in [way(name)]]
        found.append(outcomes(connection, requests))
        connection.socket.close()
    granted = sum(each.status == '0x0' for each in found[0])
    print(f'# user {user}: {len(names)} opens, {granted} granted')
    if granted < 50 or granted > len(names) - 50:
        return f'{granted} of {len(names)} opens are granted: this test needs both'
    return first_difference(names, *found)


def way(name):
    """Disposition and access are in the name of the file."""
    disposition, access = name.split('.')[1:3]
    return int(disposition), int(access, 16)


def right_files(connection, count):
    """Each handle is of the file that was asked for."""
    names = [f'numbered/file-{number:02}' for number in range(count)]
    answers = connection.run([pipeline.create(name) for name in names])
    for name, answer in zip(names, answers, strict=True):
        if answer.status:
            return f'{name}: status {answer.status:#x}'
    data = connection.run([pipeline.read(answer.file_id, 100) for answer in answers])
    close_all(connection, answers)
    for name, answer in zip(names, data, strict=True):
        if answer.data != name.encode():
            return f'{name}: {answer.data!r}'
    return None


def one_wins(connection, disposition, share, actions, loser):
    """Of many that ask for the same, one gets it."""
    name = 'new/one'
    answers = connection.run([pipeline.create(name, disposition, share=share) for _ in range(64)])
    found = collections.Counter((answer.status, answer.action if answer.status == 0 else 0) for answer in answers)
    winners = {key: number for key, number in found.items() if key[0] == 0}
    close_all(connection, answers)
    expected = {(0, action): number for action, number in actions.items()}
    if winners != expected or set(found) - set(winners) - {(loser, 0)}:
        return f'{dict(found)}'
    return None


def two_users(directory, port, share):
    """On one connection, in turn: each may do what it may do alone."""
    connection = smb.Connection(directory, port)
    sessions = [connection.login(1), connection.login(2)]
    for session in sessions:
        session.connect(share)
    both = pipeline.Pipeline(sessions[0])
    names = [f'{name}-{number}/file-{index}'
             for index in range(20) for name in ('private', 'common') for number in (1, 2)]
    ids = []
    for name in names:
        for user, session in enumerate(sessions, 1):
            ids.append((name, user, both.send(pipeline.create(name), session)))
    problem = None
    opened = []
    for name, user, message_id in ids:
        answer = both.wait(message_id)
        allowed = f'-{user}/' in name
        if (answer.status == 0) != allowed or (not allowed and answer.status != smb.STATUS_ACCESS_DENIED):
            problem = f'{name} for user {user}: status {answer.status:#x}'
        if answer.status == 0:
            opened.append((sessions[user - 1], answer.file_id))
    for session, file_id in opened:
        both.wait(both.send(pipeline.close(file_id), session))
    both.socket.close()
    return problem


def leave(directory, port, share):
    """A client that goes while its opens are in flight."""
    for count in (1, 10, 64, 64, 64):
        connection = pipeline.connect(directory, port, 1, share)
        connection.send_all([pipeline.create(f'numbered/file-{number % FILES:02}') for number in range(count)])
        if count % 2:
            time.sleep(0.002)
        connection.socket.close()
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        try:
            smb.serving_process(directory)
        except RuntimeError as error:
            if str(error).startswith('0 '):
                return None
        time.sleep(0.05)
    return 'a process serves a connection that is gone'


def end_in_flight(directory, port, share, last):
    """Logoff or tree disconnect behind opens: each request has an answer, and the connection still works."""
    connection = smb.Connection(directory, port)
    session = connection.login(1)
    session.connect(share)
    other = connection.login(2)
    other.connect(share)
    both = pipeline.Pipeline(session)
    ids = both.send_all([pipeline.create(f'numbered/file-{number:02}') for number in range(FILES)] + [last])
    statuses = collections.Counter(both.wait(message_id).status for message_id in ids)
    print('# ' + ', '.join(f'{number} of {status:#x}' for status, number in statuses.items()))
    answer = both.wait(both.send(pipeline.create('numbered/file-01'), other))
    both.socket.close()
    if answer.status:
        return f'the other session is answered {answer.status:#x}'
    return None


def cancelled(connection):
    """A cancelled open is answered, once: it was opened, or it was cancelled."""
    ids = connection.send_all([pipeline.create(f'numbered/file-{number:02}') for number in range(FILES)])
    for message_id in ids[::2]:
        connection.cancel(message_id)
    answers = [connection.wait(message_id) for message_id in ids]
    close_all(connection, answers)
    found = collections.Counter(answer.status for answer in answers)
    print('# ' + ', '.join(f'{number} of {status:#x}' for status, number in found.items()))
    if set(found) - {0, pipeline.STATUS_CANCELLED}:
        return f'{dict(found)}'
    return None


def oplock_break(directory, port, share):
    """An open that has to wait for another client waits as without the module, and says so."""
    holder = pipeline.connect(directory, port, 1, share)
    held = holder.wait(holder.send(pipeline.create('numbered/file-00', access=3, oplock=9)))
    if held.status or held.body[2] != 9:
        return f'no batch oplock: status {held.status:#x}'
    other = pipeline.connect(directory, port, 1, share)
    message_id = other.send(pipeline.create('numbered/file-00'))
    if holder.receive(20) != pipeline.UNSOLICITED:
        return 'no oplock break'
    # Longer than smbd waits before it says that it will take longer.
    time.sleep(0.2)
    holder.wait(holder.send(pipeline.close(held.file_id)))
    answer = other.wait(message_id)
    other.socket.close()
    holder.socket.close()
    if answer.status or not answer.pending:
        return f'status {answer.status:#x}, {"an" if answer.pending else "no"} interim response'
    return None


def descriptors(directory, connection):
    """Opens, granted, denied, conflicting and cancelled, leave no descriptor."""
    def work():
        requests = [pipeline.create(f'numbered/file-{number % FILES:02}', share=number % 2 * 7) for number in range(200)]
        requests += [pipeline.create(f'private-2/file-{number % 20}') for number in range(50)]
        cancelled(connection)
        # The module never hears of the last ones: smbd refuses them when it has found the file.
        requests += [pipeline.create(f'numbered/file-{number:02}', impersonation=9) for number in range(FILES)]
        outcomes(connection, requests)

    pid = smb.serving_process(directory)
    work()
    time.sleep(0.5)
    before = len(smb.descriptors(pid))
    for _ in range(5):
        work()
    deadline = time.monotonic() + 5
    while len(smb.descriptors(pid)) > before and time.monotonic() < deadline:
        time.sleep(0.05)
    after = len(smb.descriptors(pid))
    return None if after <= before else f'{before} descriptors before, {after} after'


def changes_are_seen(directory, connection):
    """What has changed before the request is sent counts."""
    path = f'{directory}/tree/changing/mode'
    for turn in range(40):
        os.chmod(path, 0o600 if turn % 2 else 0o644)
        requests = [pipeline.create('changing/mode')] + [pipeline.create('changing/other')] * 3
        found = outcomes(connection, requests)[0].status
        if found != (hex(smb.STATUS_ACCESS_DENIED) if turn % 2 else '0x0'):
            return f'turn {turn}: {found}'
    return None


def make(path, number):
    """A file that says its number by size, by its DOS attributes and by what is in it."""
    with open(path, 'wb') as file:
        file.write(b'%d' % number + b' ' * (number - len(b'%d' % number)))
    os.setxattr(path, 'user.DOSATTRIB', bytes.fromhex('000005000500000011000000') +
                struct.pack('<IQ', 0x20 | number & 6, 132_000_000_000_000_000))


def replaced(directory, connection, seconds):
    """Files are replaced while they are opened: size, attributes and content are of one file, whichever."""
    changing = f'{directory}/tree/changing'
    for number in range(FILES):
        make(f'{changing}/file-{number:02}', number + 10)
    stop = threading.Event()

    def replace():
        number = 10
        while not stop.is_set():
            make(f'{changing}/.new', number)
            os.rename(f'{changing}/.new', f'{changing}/file-{number % FILES:02}')
            number = number % 997 + 10

    changer = threading.Thread(target=replace)
    changer.start()
    opened = 0
    problem = None
    end = time.monotonic() + seconds
    while time.monotonic() < end and problem is None:
        answers = connection.run([pipeline.create(f'changing/file-{number:02}') for number in range(FILES)])
        good = [answer for answer in answers if answer.status == 0]
        data = connection.run([pipeline.read(answer.file_id, 100) for answer in good])
        close_all(connection, answers)
        for answer, content in zip(good, data, strict=True):
            number = int(content.data)
            opened += 1
            # Behind acl_xattr and streams_xattr stock smbd finds no attributes of some that lose their name just then.
            if answer.size != number or answer.attributes not in (0x80, 0x20 | number & 6):
                problem = f'file {number}: size {answer.size}, attributes {answer.attributes:#x}'
        bad = {answer.status for answer in answers} - {0}
        if bad - {smb.STATUS_ACCESS_DENIED, pipeline.STATUS_NOT_FOUND}:
            problem = f'statuses {[hex(status) for status in bad]}'
    stop.set()
    changer.join()
    print(f'# {opened} opens')
    if problem is None and opened < 100:
        return f'only {opened} opens'
    return problem


def vanishing(directory, connection, seconds):
    """Files come and go while they are opened: each is opened or not found, and no descriptor is left."""
    names = [f'{directory}/tree/changing/gone-{number:02}' for number in range(FILES)]
    stop = threading.Event()

    def come_and_go():
        while not stop.is_set():
            for name in names:
                with open(name, 'wb'):
                    pass
            for name in names:
                os.unlink(name)

    # What the engine has of its own it has after this.
    outcomes(connection, [pipeline.create(f'numbered/file-{number:02}') for number in range(FILES)])
    pid = smb.serving_process(directory)
    before = len(smb.descriptors(pid))
    changer = threading.Thread(target=come_and_go)
    changer.start()
    found = collections.Counter()
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        answers = connection.run([pipeline.create(f'changing/gone-{number:02}') for number in range(FILES)])
        found.update(answer.status for answer in answers)
        close_all(connection, answers)
    stop.set()
    changer.join()
    print('# ' + ', '.join(f'{number} of {status:#x}' for status, number in found.items()))
    deadline = time.monotonic() + 5
    while len(smb.descriptors(pid)) > before and time.monotonic() < deadline:
        time.sleep(0.05)
    after = len(smb.descriptors(pid))
    if set(found) - {0, pipeline.STATUS_NOT_FOUND, smb.STATUS_ACCESS_DENIED} or len(found) < 2:
        return f'{dict(found)}'
    return None if after <= before else f'{before} descriptors before, {after} after'


def main():
    directory, port, stock, ours, seconds = sys.argv[1], int(sys.argv[2]), sys.argv[3], sys.argv[4], int(sys.argv[5])
    for user in (1, 2):
        smb.report(f'every way to open every kind of file, user {user}', same(directory, port, (stock, ours), user))
    connection = pipeline.connect(directory, port, 1, ours)
    smb.report('64 in flight are the right files', right_files(connection, FILES))
    smb.report('of 64 exclusive creates one succeeds',
               one_wins(connection, pipeline.CREATE_NEW, pipeline.SHARE_ALL, {2: 1}, pipeline.STATUS_COLLISION))
    smb.report('of 64 opens with no sharing one succeeds',
               one_wins(connection, pipeline.OPEN, pipeline.SHARE_NONE, {1: 1}, pipeline.STATUS_SHARING_VIOLATION))
    os.unlink(f'{directory}/tree/new/one')
    smb.report('of 64 opens or creates one creates',
               one_wins(connection, pipeline.OPEN_IF, pipeline.SHARE_ALL, {2: 1, 1: 63}, None))
    smb.report('what is cancelled is answered once', cancelled(connection))
    smb.report('what has changed before the request counts', changes_are_seen(directory, connection))
    smb.report('files are replaced while they are opened', replaced(directory, connection, seconds))
    smb.report('files come and go while they are opened', vanishing(directory, connection, seconds))
    smb.report('no descriptor is left', descriptors(directory, connection))
    connection.socket.close()
    smb.report('two users in turn on one connection', two_users(directory, port, ours))
    smb.report('an open waits for an oplock', oplock_break(directory, port, ours))
    smb.report('logoff in flight', end_in_flight(directory, port, ours, pipeline.logoff()))
    smb.report('tree disconnect in flight', end_in_flight(directory, port, ours, pipeline.tree_disconnect()))
    smb.report('a client goes while its opens are in flight', leave(directory, port, ours))


main()
