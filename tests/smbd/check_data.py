# SPDX-License-Identifier: GPL-3.0-or-later
"""Part of test_data.sh: reads and writes at odd offsets, holes, reads past the end, flush. Arguments: SMBD_DIR PORT
SHARE..., each share with a directory own-1 for user 1."""
import random
import sys

import smb


def check(session, directory, share):
    session.connect(share)
    randomness = random.Random(20)
    expected = bytearray()
    pieces = []
    for _ in range(40):
        offset = randomness.randrange(300000)
        data = randomness.randbytes(randomness.randrange(1, 60000))
        pieces.append((offset, data))
        if len(expected) < offset + len(data):
            expected.extend(bytes(offset + len(data) - len(expected)))
        expected[offset:offset + len(data)] = data

    session.write('own-1\\pieces', pieces, flush=True)
    with open(f'{directory}/{share}/own-1/pieces', 'rb') as file:
        written = file.read()
    smb.report(f'pieces at odd offsets and a flush: share {share}',
               None if written == expected else f'{len(written)} bytes differ from the {len(expected)} expected')

    wrong = 0
    for _ in range(40):
        offset = randomness.randrange(len(expected) - 1)
        size = randomness.randrange(1, 65536)
        if session.read('own-1\\pieces', size, offset) != expected[offset:offset + size]:
            wrong += 1
    smb.report(f'reads at odd offsets, also past the end: share {share}', f'{wrong} of 40 differ' if wrong else None)
    session.call('disconnectTree')


def main():
    directory, port, shares = sys.argv[1], int(sys.argv[2]), sys.argv[3:]
    for share in shares:
        connection = smb.Connection(directory, port)
        check(connection.login(1), directory, share)
        connection.close()


main()
