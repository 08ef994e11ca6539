# SPDX-License-Identifier: GPL-3.0-or-later
"""Part of test_idle.sh: what an idle connection has, through the shares "stock" and "ours". Arguments: SMBD_DIR PORT."""
import os
import re
import sys

import smb

# KiB of memory that nobody else has: not the pages of files, which all smbd processes share.
MOST_MORE = 256


def memory(pid):
    with open(f'/proc/{pid}/smaps_rollup', encoding='ascii') as file:
        return int(re.search(r'^Anonymous: +(\d+) kB', file.read(), re.MULTILINE)[1])


def idle(directory, port, share, work):
    """KiB, threads, rings."""
    before = smb.serving_processes(directory)
    connection = smb.Connection(directory, port)
    session = connection.login(1)
    session.connect(share)
    work(session)
    pid, = smb.serving_processes(directory) - before
    found = memory(pid), len(os.listdir(f'/proc/{pid}/task')), len(smb.rings(pid))
    connection.close()
    return found


def nothing(_):
    pass


def little(session):
    session.list('files')
    session.read('files\\file-00001.txt')


def main():
    directory, port = sys.argv[1], int(sys.argv[2])
    for what, work in (('connected', nothing), ('ten files listed, one read', little)):
        stock = idle(directory, port, 'stock', work)
        ours = idle(directory, port, 'ours', work)
        print(f'# {what}: {stock[0]} KiB without, {ours[0]} KiB with the module')
        smb.report(f'{what}: no more than {MOST_MORE} KiB more', None if ours[0] <= stock[0] + MOST_MORE
                   else f'{stock[0]} KiB without, {ours[0]} KiB with the module')
        smb.report(f'{what}: no thread more', None if ours[1] <= stock[1] else f'{stock[1]} and {ours[1]} threads')
        smb.report(f'{what}: no ring', None if ours[2] == 0 else f'{ours[2]} rings')


main()
