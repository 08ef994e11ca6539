# SPDX-License-Identifier: GPL-3.0-or-later
"""Part of bench/smbd-opens, which starts smbd: opens files through its two shares in turn, and prints a table.
Arguments: SMBD_DIR PORT FILES IN_FLIGHT ACCESS REPEAT. A client with many requests in flight is tests/smbd/pipeline.py.
"""
import statistics
import sys
import time

import pipeline
import smb

ENGINES = ('smbd', 'smbd+pathring')
ACCESS = {'read': pipeline.READ, 'write': pipeline.READ | pipeline.WRITE, 'attributes': pipeline.READ_ATTRIBUTES}
# What the kernel has heard of a name it believes for so long.
CACHED_SECONDS = 1.1


def measure(directory, port, engine, files, in_flight, access):
    """Opens in a second, and microseconds of smbd's CPU for one."""
    connection = pipeline.connect(directory, port, 1, engine)
    pid = smb.serving_process(directory)
    requests = [pipeline.create(f'file-{number:05}.txt', access=access) for number in range(files)]
    time.sleep(CACHED_SECONDS)
    cpu = smb.cpu_ns(pid)
    start = time.monotonic()
    answers = connection.run(requests, in_flight)
    seconds = time.monotonic() - start
    cpu = smb.cpu_ns(pid) - cpu
    bad = [answer for answer in answers if answer.status]
    if bad:
        sys.exit(f'bench/smbd-opens: {engine}: {len(bad)} of {files} opens failed, one with {bad[0].status:#x}')
    connection.run([pipeline.close(answer.file_id) for answer in answers])
    connection.socket.close()
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        try:
            smb.serving_process(directory)
        except RuntimeError:
            break
        time.sleep(0.01)
    return files / seconds, cpu / files / 1000


def main():
    directory, port, files, in_flight, repeat = sys.argv[1], *(int(sys.argv[index]) for index in (2, 3, 4, 6))
    access = ACCESS[sys.argv[5]]
    results = {engine: [] for engine in ENGINES}
    for turn in range(repeat):
        for engine in ENGINES if turn % 2 == 0 else reversed(ENGINES):
            results[engine].append(measure(directory, port, engine, files, in_flight, access))
    print(f'{files} files, {in_flight} opens in flight, access: {sys.argv[5]}, {repeat} repetitions')
    print(f'{"engine":16}{"opens/s":>10}{"x smbd":>8}{"best":>8}{"worst":>8}{"CPU us":>8}')
    baseline = statistics.median(rate for rate, _ in results[ENGINES[0]])
    for engine, found in results.items():
        rates = [rate for rate, _ in found]
        median = statistics.median(rates)
        print(f'{engine:16}{median:10.0f}{median / baseline:8.2f}{max(rates):8.0f}{min(rates):8.0f}'
              f'{statistics.median(cpu for _, cpu in found):8.0f}')
    ratios = [ours[0] / stock[0] for stock, ours in zip(*results.values(), strict=True)]
    print(f'turn by turn: {statistics.median(ratios):.2f} times as many, from {min(ratios):.2f} to {max(ratios):.2f}')


main()
