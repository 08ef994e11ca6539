# SPDX-License-Identifier: GPL-3.0-or-later
"""A directory with everything that a listing can trip over, for test_same.sh. Arguments: PATH USER1 USER2 [few]. What a
file system has no room for (many large xattrs on ext4) is left out there."""
import errno
import os
import pwd
import socket
import stat
import struct
import sys

DAY = 86400


def write(path, size=0, mode=0o644):
    descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, mode)
    os.write(descriptor, b'x' * size)
    os.close(descriptor)


def dos_attribute(attributes, seconds):
    """user.DOSATTRIB as smbd 4.17 stores it (see smbd_dos_attribute in scripts/smbd-lib.sh)."""
    return bytes.fromhex('000005000500000011000000') + struct.pack(
        '<IQ', attributes, (seconds + 11644473600) * 10_000_000)


def set_xattr(path, name, value):
    """False where there is no room for it."""
    try:
        os.setxattr(path, name, value, follow_symlinks=False)
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.E2BIG, errno.ERANGE, errno.EOPNOTSUPP, errno.EDQUOT):
            return False
        raise
    return True


def make_many(top, count):
    for number in range(count):
        path = f'{top}/file-{number:05}.{("txt", "doc", "Text")[number % 3]}'
        write(path, number % 700)
        if number % 7 != 1:
            os.setxattr(path, 'user.DOSATTRIB', dos_attribute(0x20 | (number & 7), 1_600_000_000 + number))
        if number % 5 == 0:
            os.setxattr(path, 'user.comment', b'y' * (number % 90))
        if number % 11 == 0:
            os.chmod(path, 0o600)


def make_names(top):
    names = ['README', 'Readme', 'readme', 'a name with spaces, and dots..txt', 'trailing dot.', 'trailing space ',
             ' leading', '.hidden', '..two dots', '...', 'CON', 'aux.txt', 'LPT1', 'colon:stream', 'back\\slash',
             'star*', 'question?', 'quote"', 'less<', 'more>', 'pipe|', 'tab\there', 'line\nfeed', 'bell\a',
             'Grüße.txt', 'GRÜSSE.TXT', 'e\u0301 decomposed', '\u00e9 composed', '日本語.txt', '\U0001f600 smile.txt',
             'averylongname1.text', 'averylongname2.text', 'AVERYLONGNAME3.TEXT', 'a.b.c.d', '12345678.123',
             '123456789.1234', '~1', 'AVERYL~1.TEX', 'desktop.ini', 'Thumbs.db', 'n' * 255, 'N' * 254 + 'x',
             '語' * 85, '\U0001f600' * 63, '@GMT-2020.01.01-00.00.00', 'vetoed.veto', 'hidden.hide', '%U', '$RECYCLE.BIN']
    names = [name.encode() for name in names]
    names += [b'\xff\xfe not utf-8', b'caf\xe9', b'\xc3', b'half \xed\xa0\x80 surrogate', b'\x80' * 255,
              b'over\xc0\xaflong']
    for number, name in enumerate(names):
        path = os.fsencode(top) + b'/' + name
        try:
            write(path, number)
        except OSError as error:
            # Only a file system that is particular about names.
            if error.errno not in (errno.EILSEQ, errno.EINVAL):
                raise
            continue
        os.setxattr(path, 'user.DOSATTRIB', dos_attribute(0x20 | (number & 7), 1_500_000_000 + number))
    for number, name in enumerate(names[::4]):
        os.mkdir(os.fsencode(top) + b'/dir ' + name[:200])


def make_kinds(top):
    write(f'{top}/file', 100)
    for number in range(5):
        os.link(f'{top}/file', f'{top}/hard link {number}')
    os.setxattr(f'{top}/file', 'user.DOSATTRIB', dos_attribute(0x27, 1_400_000_000))
    os.mkfifo(f'{top}/fifo')
    with socket.socket(socket.AF_UNIX) as listener:
        descriptor = os.open(top, os.O_PATH)
        listener.bind(f'/proc/self/fd/{descriptor}/socket')
        os.close(descriptor)
    os.mknod(f'{top}/character device', 0o666 | stat.S_IFCHR, os.makedev(1, 3))
    os.mknod(f'{top}/block device', 0o600 | stat.S_IFBLK, os.makedev(7, 250))
    os.mkdir(f'{top}/directory')
    write(f'{top}/directory/inside', 1)
    for number, size in enumerate((5 << 30, (1 << 32) - 1, 1 << 40, 4096, 4097)):
        write(f'{top}/sparse {number}')
        os.truncate(f'{top}/sparse {number}', size)
    for name, target in (('inside', 'file'), ('directory', 'directory'), ('dangling', 'nowhere'),
                         ('outside', '/etc/passwd'), ('outside directory', '/etc'), ('up', '../many/file-00000.txt'),
                         ('up and out', '../../../../../../etc/passwd'), ('loop', 'link loop'), ('self', '.'),
                         ('parent', '..'), ('fifo', 'fifo'), ('absolute', f'{top}/file'),
                         ('absolute directory', f'{top}/directory'), ('link', 'link inside'), ('long', 'x' * 1000)):
        os.symlink(target, f'{top}/link {name}')


def make_eas(top):
    write(f'{top}/none')
    write(f'{top}/empty value')
    set_xattr(f'{top}/empty value', 'user.empty', b'')
    for count in (1, 2, 10, 16, 17, 40, 100, 400, 700):
        path = f'{top}/{count} names'
        write(path, count)
        os.setxattr(path, 'user.DOSATTRIB', dos_attribute(0x21, 1_450_000_000 + count))
        for number in range(count):
            if not set_xattr(path, f'user.name number {number} ' + 'n' * (number % 180), b'v' * (number % 50)):
                break
    # Names that take just what smbd asks for first, and a byte more or less.
    for length in range(1018, 1031):
        path = f'{top}/list of {length}'
        write(path)
        left = length
        number = 0
        while left > 0:
            size = min(left, 250) if left > 260 or left <= 250 else 200
            set_xattr(path, f'user.{number:02}'.ljust(size - 1, 'x'), b'v')
            left -= size
            number += 1
    for size in (1000, 3000, 65536):
        write(f'{top}/value of {size}')
        set_xattr(f'{top}/value of {size}', 'user.large', b'l' * size)
    write(f'{top}/over 64 KiB of names')
    for number in range(330):
        if not set_xattr(f'{top}/over 64 KiB of names', f'user.{number}'.ljust(250, 'o'), b''):
            break
    write(f'{top}/other namespaces')
    set_xattr(f'{top}/other namespaces', 'trusted.ours', b't')
    set_xattr(f'{top}/other namespaces', 'security.ours', b's')
    set_xattr(f'{top}/other namespaces', 'user.SAMBA_PAI', b'p')
    os.mkdir(f'{top}/directory')
    os.setxattr(f'{top}/directory', 'user.of a directory', b'd')


def make_attributes(top):
    values = {
        'broken': bytes.fromhex('deadbeef00112233445566778899'), 'nothing': b'', 'short': bytes.fromhex('00000500'),
        'hexadecimal': b'0x22\0', 'hexadecimal without end': b'0x22', 'long': b'x' * 400, 'very long': b'x' * 2000,
        'longer': dos_attribute(0x22, 1_500_000_000) + b'trailing',
        'version 3': bytes.fromhex('00000300030000001d00000022000000000000000000000000000000000000000000000080b8c5'
                                   '0bd2c4d501') + b'\0' * 8,
        'unknown version': bytes.fromhex('0000090009000000110000002200000000000000'),
        'time of 1601': dos_attribute(0x20, -11644473600), 'time of 1960': dos_attribute(0x20, -10 * 365 * DAY),
        'time of 2200': dos_attribute(0x20, 7_258_118_400), 'all bits': dos_attribute(0xffffffff, 1_500_000_000),
        'sparse': dos_attribute(0x200, 1), 'offline': dos_attribute(0x1000, 2), 'reparse': dos_attribute(0x400, 3),
        'normal': dos_attribute(0x80, 4), 'none': dos_attribute(0, 5), 'directory': dos_attribute(0x10, 6),
    }
    for bits in range(8):
        values[f'bits {bits}'] = dos_attribute(bits | 0x20 * (bits & 1), 1_550_000_000 + bits)
    for name, value in values.items():
        write(f'{top}/{name}', len(name))
        set_xattr(f'{top}/{name}', 'user.DOSATTRIB', value)
        os.mkdir(f'{top}/directory {name}')
        set_xattr(f'{top}/directory {name}', 'user.DOSATTRIB', value)
    for mode in (0, 0o100, 0o010, 0o001, 0o200, 0o400, 0o444, 0o555, 0o777, 0o4755, 0o2755, 0o1777):
        write(f'{top}/mode {mode:04o}')
        os.chmod(f'{top}/mode {mode:04o}', mode)
    for number, seconds in enumerate((0, 1, -1, -DAY * 3650, 2**31 - 1, 2**31, 2**32, 1_234_567_890)):
        write(f'{top}/time {number}')
        try:
            os.utime(f'{top}/time {number}', ns=(seconds * 10**9 + 123456789, seconds * 10**9 + 987654321))
        except OSError as error:
            if error.errno not in (errno.EINVAL, errno.ERANGE, errno.EOVERFLOW):
                raise


def make_private(top, users):
    for number, user in enumerate(users, 1):
        owner = pwd.getpwnam(user)
        os.mkdir(f'{top}/private-{number}', 0o700)
        for mode in (0o600, 0o400, 0o000, 0o644):
            path = f'{top}/private-{number}/file {mode:03o}'
            write(path, mode, mode)
            os.setxattr(path, 'user.DOSATTRIB', dos_attribute(0x22, 1_500_000_000 + mode))
            os.chown(path, owner.pw_uid, owner.pw_gid)
            os.chmod(path, mode)
        os.mkdir(f'{top}/private-{number}/directory', 0o700)
        os.chown(f'{top}/private-{number}/directory', owner.pw_uid, owner.pw_gid)
        os.chown(f'{top}/private-{number}', owner.pw_uid, owner.pw_gid)
        os.symlink(f'../private-{number}/file 644', f'{top}/link to private-{number}')
    for mode in (0o711, 0o744, 0o755, 0o733, 0o000):
        path = f'{top}/directory {mode:03o}'
        os.mkdir(path)
        make_many(path, 20)
        os.chmod(path, mode)


def make_deep(top):
    path = top
    for number in range(12):
        path += '/' + f'{number:02} '.ljust(200, 'd')
        os.mkdir(path)
        write(f'{path}/file', number)
        os.setxattr(f'{path}/file', 'user.DOSATTRIB', dos_attribute(0x23, 1_300_000_000 + number))


def main():
    path, users, few = sys.argv[1], sys.argv[2:4], sys.argv[4:] == ['few']
    os.umask(0o022)
    for name in ('many', 'names', 'kinds', 'eas', 'attributes', 'private', 'deep', 'empty', 'one'):
        os.mkdir(f'{path}/{name}')
    make_many(f'{path}/many', 60 if few else 700)
    make_names(f'{path}/names')
    make_kinds(f'{path}/kinds')
    make_eas(f'{path}/eas')
    make_attributes(f'{path}/attributes')
    make_private(f'{path}/private', users)
    make_deep(f'{path}/deep')
    write(f'{path}/one/file', 1)
    # Sizes on disk are as they stay.
    os.sync()


main()
