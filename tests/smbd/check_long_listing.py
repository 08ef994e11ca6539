# SPDX-License-Identifier: GPL-3.0-or-later
"""Part of test_long_listing.sh: directories with more entries than smbd may have files open.

    make DIR COUNT                             files that say their number in every way; one in seven only root reads
    long SMBD_DIR PORT DIR COUNT TABLE SHARE   user 1 lists DIR in responses as long as smbd gives them
    both SMBD_DIR PORT DIR COUNT TABLE SHARE   and in short ones
    crowded SMBD_DIR PORT DIR COUNT SHARE      while nearly all descriptors are taken by files that the client has open
    users SMBD_DIR PORT DIR COUNT SHARE        both users list it, three times each at once, on one connection

COUNT is how many files DIR has, TABLE what the process's table of descriptors may have grown to.
"""
import os
import struct
import sys

import smb

LONG = 8 << 20  # the default of "smb2 max trans"
SHORT = 1 << 16
FIRST_SECOND = 1_600_000_000


def filetime(seconds):
    return (seconds + 11644473600) * 10_000_000


def make(directory, count):
    os.mkdir(directory, 0o755)
    parent = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    for number in range(count):
        file = os.open(f'{number:06}', os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o644, dir_fd=parent)
        os.fchmod(file, 0o600 if number % 7 == 0 else 0o644)
        os.ftruncate(file, number)
        # As smbd 4.17 stores it (see smbd_dos_attribute in scripts/smbd-lib.sh).
        os.setxattr(file, 'user.DOSATTRIB', bytes.fromhex('000005000500000011000000') + struct.pack(
            '<IQ', 0x20 | (number & 7), filetime(FIRST_SECOND + number)))
        os.close(file)
    os.close(parent)


def problem_of(entries, count):
    """Every file once, with what belongs to it."""
    files = [entry for entry in entries if entry[0] not in ('.', '..')]
    names = {entry[0] for entry in files}
    if len(files) != count or len(names) != count:
        return f'{len(files)} entries with {len(names)} names for {count} files'
    for name, size, _, attributes, created, *_ in files:
        number = int(name)
        expected = number, hex(0x20 | (number & 7)), filetime(FIRST_SECOND + number)
        if (size, attributes, created) != expected:
            return f'{name}: size, attributes and creation time are {size, attributes, created}, not {expected}'
    return None


def query(handle, length):
    return handle, '*', 0, smb.FILE_ID_BOTH_DIRECTORY_INFORMATION, length


def listing(session, directory, length):
    handle = session.call('create', *smb.open_directory(directory))
    entries = []
    try:
        while True:
            entries.extend(smb.records(session.call('queryDirectory', *query(handle, length))))
    except smb.SessionError as error:
        if error.get_error_code() != smb.STATUS_NO_MORE_FILES:
            raise
    finally:
        session.call('close', handle)
    return entries


def table_size(pid):
    """Room for all descriptors that the process has ever had at once, in powers of two: the table never shrinks."""
    with open(f'/proc/{pid}/status', encoding='ascii') as file:
        return next(int(line.split()[1]) for line in file if line.startswith('FDSize:'))


def list_alone(connection, directory, count, table, share, lengths):
    session = connection.login(1)
    session.connect(share)
    for length in lengths:
        problem = problem_of(listing(session, directory, length), count)
        smb.report(f'{count} of {count} files: share {share}, responses of {length >> 10} KiB', problem)
    size = table_size(smb.serving_process(connection.smbd_dir))
    smb.report(f'descriptors stay few: share {share}',
               None if size <= table else f'the table has grown to {size}, more than {table}')


def crowded(connection, directory, count, share):
    session = connection.login(1)
    session.connect(share)
    # What is opened once is opened before.
    listing(session, directory, SHORT)
    files = []
    try:
        while True:
            files.append(session.call('create', *smb.open_file(f'{directory}\\000001')))
    except smb.SessionError as error:
        print(f'# {len(files)} files are open, then {error}')
    problem = None
    for _ in range(3):
        for _ in range(4):
            session.call('close', files.pop())
        for length in (LONG, SHORT):
            problem = problem or problem_of(listing(session, directory, length), count)
    smb.report(f'{count} of {count} files, few descriptors are free: share {share}', problem)


def users(connection, directory, count, share):
    sessions = [connection.login(number) for number in (1, 2)] * 3
    for session in sessions[:2]:
        session.connect(share)
    handles = [session.call('create', *smb.open_directory(directory)) for session in sessions]
    entries = [[] for _ in sessions]
    active = list(range(len(sessions)))
    while active:
        answers = connection.overlapped([(sessions[index], 'queryDirectory', query(handles[index], SHORT))
                                         for index in active])
        for index, answer in list(zip(active, answers, strict=True)):
            if isinstance(answer, smb.SessionError):
                if answer.get_error_code() != smb.STATUS_NO_MORE_FILES:
                    raise answer
                active.remove(index)
            else:
                entries[index].extend(smb.records(answer))
    problem = next(filter(None, (problem_of(each, count) for each in entries)), None)
    smb.report(f'{count} of {count} files, two users at once: share {share}', problem)


def main():
    what, arguments = sys.argv[1], sys.argv[2:]
    if what == 'make':
        make(arguments[0], int(arguments[1]))
        return
    connection = smb.Connection(arguments[0], int(arguments[1]))
    directory, count, share = arguments[2], int(arguments[3]), arguments[-1]
    if what == 'crowded':
        crowded(connection, directory, count, share)
    elif what == 'users':
        users(connection, directory, count, share)
    else:
        lengths = (LONG,) if what == 'long' else (LONG, SHORT)
        list_alone(connection, directory, count, int(arguments[4]), share, lengths)
    connection.close()


main()
