# SPDX-License-Identifier: GPL-3.0-or-later
"""Part of test_readahead.sh: what happens to a directory while it is listed. Arguments: SMBD_DIR PORT SHARE
STOCK-SHARE. The shares have the directories "changing", empty, and "turns", with 2,000 files; the second is without the
module.
"""
import os
import struct
import sys
import threading
import time

import smb

FILES = 60
SECONDS = 6


def dos_attribute(attributes, seconds):
    """user.DOSATTRIB as smbd 4.17 stores it (see smbd_dos_attribute in scripts/smbd-lib.sh)."""
    return bytes.fromhex('00000500050000001100000000'[:24]) + struct.pack(
        '<IQ', attributes, (seconds + 11644473600) * 10_000_000)


def report(name, problem):
    print(f'ok {name}' if problem is None else f'not ok {name} - {problem}')


def make(path, number):
    """A file that says its number in every way: by size, attributes, creation time and EAs."""
    with open(path, 'wb') as file:
        file.write(b'x' * number)
    attributes = 0x20 | (number & 7)
    os.setxattr(path, 'user.DOSATTRIB', dos_attribute(attributes, 1_600_000_000 + number))
    if number & 8:
        os.setxattr(path, 'user.comment', b'y' * number)


def expected(number):
    attributes = hex(0x20 | (number & 7))
    created = (1_600_000_000 + number + 11644473600) * 10_000_000
    # A list of EAs has 4 bytes for itself, each EA 4, its name with a NUL and its value (estimate_ea_size()).
    ea_size = 4 + 4 + len('COMMENT') + 1 + number if number & 8 else 0
    return attributes, created, ea_size


def replace_for_ever(directory, stop):
    number = 1
    while not stop.is_set():
        make(f'{directory}/.new', number)
        os.rename(f'{directory}/.new', f'{directory}/file-{number % FILES:02}')
        number = number % 997 + 1


def swap_for_ever(directory, stop):
    """Names change places: no file is ever gone, and none is itself for long."""
    index = 0
    while not stop.is_set():
        one, other = (f'{directory}/file-{(index + i * 7) % FILES:02}' for i in range(2))
        try:
            os.rename(one, f'{directory}/.swap')
            os.rename(other, one)
            os.rename(f'{directory}/.swap', other)
        except FileNotFoundError:
            pass
        index += 1


def check_entries(entries):
    wrong = 0
    for name, size, _, attributes, created, _, _, _, ea_size, _, _ in entries:
        # Of a few in 100,000 files that lose their name at that moment stock smbd has no attributes either.
        if not name.startswith('file-') or attributes == '0x0':
            continue
        if (attributes, created, ea_size) != expected(size):
            wrong += 1
            print(f'# {name}: size {size}, attributes {attributes}, created {created}, EA size {ea_size}, expected '
                  f'{expected(size)}')
    return wrong


def changing(session, directory, change):
    """Every entry is of one file, whichever."""
    for name in os.listdir(directory):
        os.unlink(f'{directory}/{name}')
    for number in range(FILES):
        make(f'{directory}/file-{number:02}', number + 1)
    stop = threading.Event()
    changer = threading.Thread(target=change, args=(directory, stop))
    changer.start()
    listed = wrong = missing = 0
    end = time.monotonic() + SECONDS
    while time.monotonic() < end:
        entries = session.list('changing')
        listed += len(entries)
        wrong += check_entries(entries)
        if change is replace_for_ever:
            missing += FILES - len({entry[0] for entry in entries if entry[0].startswith('file-')})
    stop.set()
    changer.join()
    print(f'# {listed} entries')
    if missing:
        return f'{missing} entries are missing that were there throughout'
    if wrong:
        return f'{wrong} of {listed} entries are of two files at once'
    return None


def turns(session, directory):
    """What changes between two responses is seen in the second. Gives the names of which that is not so, or an error.

    Since 4.19 smbd itself keeps the entry that did not fit into a response, with all that it had asked of it."""
    for name in os.listdir(directory):
        os.truncate(f'{directory}/{name}', 1)
    handle = session.call('create', *smb.open_directory('turns'))
    first = list(smb.records(session.call('queryDirectory', *smb.query(handle))))
    seen = {entry[0] for entry in first}
    rest = sorted(name for name in os.listdir(directory) if name not in seen)
    if len(rest) < 1000:
        return f'the first response has all but {len(rest)}'
    for name in rest:
        os.truncate(f'{directory}/{name}', 12345)
        os.setxattr(f'{directory}/{name}', 'user.DOSATTRIB', dos_attribute(0x22, 1_500_000_000))
    entries = []
    try:
        while True:
            entries.extend(smb.records(session.call('queryDirectory', *smb.query(handle))))
    except smb.SessionError as error:
        if error.get_error_code() != smb.STATUS_NO_MORE_FILES:
            raise
    session.call('close', handle)
    if sorted(entry[0] for entry in entries) != rest:
        return f'{len(entries)} entries after the first response, expected {len(rest)}'
    return [entry[0] for entry in entries if (entry[1], entry[3]) != (12345, '0x22')]


def turns_as_stock(session, stock, directory):
    ours, theirs = turns(session, directory), turns(stock, directory)
    if isinstance(ours, str) or ours == theirs:
        return ours if isinstance(ours, str) else None
    return f'as they were before the request: {ours}, without the module {theirs}'


def descriptors(connection, session, directory, path):
    """Listings to their end, in part, and of nothing leave no descriptor."""
    pid = smb.serving_process(directory)
    before = len(smb.descriptors(pid))
    for _ in range(5):
        session.list(path)
        handle = session.call('create', *smb.open_directory(path))
        session.call('queryDirectory', *smb.query(handle))
        session.call('close', handle)
        handle = session.call('create', *smb.open_directory(path))
        try:
            session.call('queryDirectory', handle, '*.none', 0, smb.FILE_ID_BOTH_DIRECTORY_INFORMATION, 65536)
        except smb.SessionError:
            pass
        session.call('close', handle)
    deadline = time.monotonic() + 5
    while len(smb.descriptors(pid)) > before + 4 and time.monotonic() < deadline:
        time.sleep(0.05)
    after = len(smb.descriptors(pid))
    # The ring, and what belongs to it.
    return None if after <= before + 6 else f'{before} descriptors before, {after} after'


def between(connection, sessions):
    """Two users list in turn on one connection; each sees what it sees alone."""
    alone = [session.list('') for session in sessions]
    handles = [session.call('create', *smb.open_directory('')) for session in sessions]
    entries = [[] for _ in sessions]
    active = set(range(len(sessions)))
    while active:
        for index in sorted(active):
            try:
                data = sessions[index].call('queryDirectory', *smb.query(handles[index]))
                entries[index].extend(smb.records(data))
            except smb.SessionError as error:
                if error.get_error_code() != smb.STATUS_NO_MORE_FILES:
                    raise
                active.remove(index)
    for session, handle in zip(sessions, handles, strict=True):
        session.call('close', handle)
    return None if entries == alone else 'the listings differ'


def main():
    directory, port, share, stock_share = sys.argv[1], int(sys.argv[2]), sys.argv[3], sys.argv[4]
    connection = smb.Connection(directory, port)
    sessions = [connection.login(1), connection.login(2)]
    for session in sessions:
        session.connect(share)
    stock = connection.login(1)
    stock.connect(stock_share)
    report('what changes between two responses is seen in the second',
           turns_as_stock(sessions[0], stock, f'{directory}/tree/turns'))
    report('two users in turn on one connection', between(connection, sessions))
    report('no descriptor is left', descriptors(connection, sessions[0], directory, 'many'))
    report('files are replaced while they are listed',
           changing(sessions[0], f'{directory}/tree/changing', replace_for_ever))
    report('names change places while they are listed',
           changing(sessions[0], f'{directory}/tree/changing', swap_for_ever))
    connection.close()


main()
