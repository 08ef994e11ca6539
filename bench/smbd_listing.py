# SPDX-License-Identifier: GPL-3.0-or-later
"""Part of bench/smbd-listing, which starts smbd: lists directories through its shares, one an engine, and reports.

A listing is timed from the command given to a smbclient that is connected already until its next prompt, so connecting
is no part of it and nothing has to be subtracted. smbclient's output has room for a whole listing and is flushed once,
with the prompt. Each repetition of each engine has a connection, and so an smbd process, of its own. All engines are
connected at once and list in turn, listing by listing: what else the machine does in the meantime it does to all alike.
"""
import argparse
import collections
import contextlib
import fcntl
import json
import os
import platform
import re
import select
import shutil
import signal
import statistics
import struct
import subprocess
import sys
import time

PROMPT = b'smb: \\> '
PERCENTILES = {'p50': 50, 'p90': 90, 'p99': 99, 'p99_9': 99.9, 'p99_99': 99.99}
SUMMARIES = {
    'smbd': 'stock smbd',
    'smbd-async': 'stock smbd, smbd async dosmode = yes',
    'smbd+pathring': 'smbd, vfs objects = pathring',
    'smbd-async+pathring': 'smbd, vfs objects = pathring, smbd async dosmode = yes',
}
BASELINE = 'smbd'
# Until the module has settled where requests run, and everything is in the caches that there are.
WARM_UP_SECONDS = 0.1
MIN_LISTINGS = 2
# Of the processors' time; above it medians of two runs differ by more than they should.
BUSY_PERCENT = 10
SPREAD_PERCENT = 25

Counts = collections.namedtuple('Counts', 'inline ring thread')


DROP_CACHES = '/proc/sys/vm/drop_caches'


class Failure(Exception):
    """Something without which nothing can be measured."""


class Interrupted(Exception):
    def __init__(self, number):
        super().__init__()
        self.number = number


def interrupt(number, _):
    for each in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM):
        signal.signal(each, signal.SIG_IGN)
    raise Interrupted(number)


# ------------------------------------------------------------------------------------------------------------ processes


def serving_processes(parent):
    """The processes of a private smbd that serve a connection: "smbd", or "smbd[ADDRESS]" since 4.22."""
    found = set()
    for entry in filter(str.isdigit, os.listdir('/proc')):
        try:
            with open(f'/proc/{entry}/stat', encoding='utf-8', errors='replace') as file:
                before, after = file.read().rsplit(') ', 1)
        except OSError:
            continue
        state, ppid = after.split()[:2]
        if int(ppid) == parent and state not in 'ZX' and before.split(' (', 1)[1].split('[')[0] == 'smbd':
            found.add(int(entry))
    return found


def cpu_ns(pid):
    """CPU time of a process with all its threads, those that have ended and the ring's kernel workers too."""
    # The kernel's number for the CPU clock of another process: linux/posix-timers.h.
    return time.clock_gettime_ns((~pid << 3) | 2)


def context_switches(pid):
    """Of the threads that a process has now."""
    total = 0
    for thread in os.listdir(f'/proc/{pid}/task'):
        with contextlib.suppress(OSError), open(f'/proc/{pid}/task/{thread}/status', encoding='utf-8') as file:
            total += sum(int(line.split()[1]) for line in file if 'voluntary_ctxt_switches' in line)
    return total


def wait_until(what, seconds=10):
    """Returns what() as soon as it is true, or its last value."""
    deadline = time.monotonic() + seconds
    while not (value := what()) and time.monotonic() < deadline:
        time.sleep(0.01)
    return value


def drop_caches():
    """Of all that is clean: twice, for inodes that their own pages have kept."""
    os.sync()
    try:
        for _ in range(2):
            with open(DROP_CACHES, 'w', encoding='ascii') as file:
                file.write('3\n')
    except OSError as error:
        raise Failure(f'{DROP_CACHES}: {error.strerror}') from None


# --------------------------------------------------------------------------------------------------------------- client


class Session:
    """A connected smbclient and the process that serves it."""

    def __init__(self, setup, share):
        self._setup = setup
        self.pid = None
        before = serving_processes(setup.smbd_pid)
        # Interactive, as the prompt says when a command has ended; and it ends with us even if we are killed.
        self._process = subprocess.Popen(
            ['setpriv', '--pdeathsig', 'KILL', '--', 'stdbuf', '--output=64M', 'smbclient', f'//127.0.0.1/{share}',
             '--timeout=100', f'--port={setup.port}', f'--configfile={setup.smbd_dir}/client.conf',
             f'--authentication-file={setup.smbd_dir}/private/login.1'],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True,
            env=dict(os.environ, CLI_FORCE_INTERACTIVE='1', TERM='dumb', LC_ALL='C.UTF-8'))
        self._output = self._process.stdout.fileno()
        fcntl.fcntl(self._output, fcntl.F_SETPIPE_SZ, 1 << 20)
        try:
            self._read(b'')
            serving = serving_processes(setup.smbd_pid) - before
            if len(serving) != 1:
                raise Failure(f'{len(serving)} smbd processes serve a new connection, expected 1')
            self.pid, = serving
        except BaseException:
            self.close()
            raise

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def _read(self, end):
        """What comes until the prompt. The prompt comes after a command's echo, too, and then the answer has no end."""
        data = bytearray()
        while not (data.endswith(PROMPT) and (end in data or b'NT_STATUS' in data)):
            if not select.select([self._output], [], [], 120)[0]:
                raise Failure('smbclient has not answered for 120 seconds')
            piece = os.read(self._output, 1 << 20)
            if not piece:
                raise Failure(f'smbclient: {data.decode(errors="replace").strip() or "ended by itself"}')
            data += piece
        return data

    def list(self, directory):
        """Lists; returns the nanoseconds it took and what smbclient printed."""
        command = f'ls {directory}\\*\n'.encode()
        start = time.monotonic_ns()
        os.write(self._process.stdin.fileno(), command)
        data = self._read(b'blocks available')
        return time.monotonic_ns() - start, bytes(data)

    def warm_up(self, directory):
        deadline = time.monotonic() + WARM_UP_SECONDS
        self.list(directory)
        while time.monotonic() < deadline:
            self.list(directory)

    def close(self):
        """Ends it, and waits for its smbd: the account of the module is in the log then."""
        if self._process.returncode is not None:
            return
        with contextlib.suppress(OSError):
            if self.pid is not None:
                self._setup.own_cpu += cpu_ns(self.pid)
            os.write(self._process.stdin.fileno(), b'quit\n')
            select.select([self._output], [], [], 2)
        self._process.kill()
        self._process.communicate()
        if not wait_until(lambda: self.pid not in serving_processes(self._setup.smbd_pid)):
            raise Failure('the smbd process of a client that is gone has not ended')


class Directory:
    """A directory of the tree, and what a complete listing of it says."""

    LINE = re.compile(r'^  (.*?) +([A-Z]*) +([0-9]+)  [A-Z][a-z]{2} [A-Z][a-z]{2} [ 0-9]{2} [0-9:]{8} [0-9]{4}$')
    LETTERS = {0x01: 'R', 0x02: 'H', 0x04: 'S', 0x20: 'A'}

    def __init__(self, tree, entries):
        self.entries = entries
        self.name = str(entries)
        self._expected = {}
        self._good = None
        for entry in os.scandir(f'{tree}/{entries}'):
            attributes, = struct.unpack_from('<I', os.getxattr(entry.path, 'user.DOSATTRIB'), 12)
            letters = frozenset(letter for bit, letter in self.LETTERS.items() if attributes & bit)
            self._expected[entry.name] = (letters, entry.stat().st_size)

    def problem(self, output):
        """What is wrong with a listing, or None."""
        # Free space differs from one listing to the next.
        output = output.rpartition(b'\n\t\t')[0]
        if output == self._good:
            return None
        text = output.decode(errors='replace')
        found = {}
        count = 0
        for line in text.splitlines():
            match = self.LINE.match(line)
            if match and match[1] not in ('.', '..'):
                found[match[1]] = (frozenset(match[2]), int(match[3]))
                count += 1
        error = re.search(r'NT_STATUS_\w+.*', text)
        if error:
            return error[0].strip()
        if count != self.entries:
            return f'{count} of {self.entries} entries'
        if found != self._expected:
            name = next(iter(set(found.items()) ^ set(self._expected.items())))[0]
            return f'another entry for {name} than it should be'
        self._good = output
        return None


# --------------------------------------------------------------------------------------------------------- system calls


def end_counter(process):
    process.send_signal(signal.SIGINT)
    try:
        process.wait(timeout=10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def counted_by_perf(pid, output, work):
    """System calls of a process and its threads while work() runs."""
    control, control_w = os.pipe()
    answer, answer_w = os.pipe()
    with subprocess.Popen(['perf', 'stat', '--field-separator=,', '--delay=-1', '--event=raw_syscalls:sys_enter',
                           f'--pid={pid}', f'--control=fd:{control},{answer_w}', f'--output={output}'],
                          pass_fds=(control, answer_w), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                          start_new_session=True) as process:
        os.close(control)
        os.close(answer_w)
        try:
            def tell(word):
                os.write(control_w, word)
                if not select.select([answer], [], [], 10)[0] or not os.read(answer, 64):
                    raise OSError('perf does not count here')

            tell(b'enable\n')
            work()
            tell(b'disable\n')
        finally:
            end_counter(process)
            os.close(control_w)
            os.close(answer)
    with open(output, encoding='utf-8') as file:
        return int(re.search(r'^(\d+),.*raw_syscalls', file.read(), re.MULTILINE)[1])


def counted_by_strace(pid, output, work):
    def attached():
        with open(f'/proc/{pid}/status', encoding='utf-8') as file:
            return process.poll() is not None or 'TracerPid:\t0\n' not in file.read()

    with subprocess.Popen(['strace', '-f', '-c', '-qq', '-o', output, '-p', str(pid)], stdout=subprocess.DEVNULL,
                          stderr=subprocess.DEVNULL, start_new_session=True) as process:
        try:
            wait_until(attached)
            work()
        finally:
            end_counter(process)
    with open(output, encoding='utf-8') as file:
        return int(re.search(r'^100\.00 +\S+ +\S+ +(\d+) .*total$', file.read(), re.MULTILINE)[1])


COUNTERS = {'perf': counted_by_perf, 'strace': counted_by_strace}


# -------------------------------------------------------------------------------------------------------------- measure


class Result:
    """Of one engine on one directory."""

    def __init__(self, engine, directory):
        self.engine = engine
        self.directory = directory
        self.rounds = []
        self.latencies = []
        self.ops = 0
        self.problems = []
        self.placement = Counts(0, 0, 0)
        self.syscalls = None
        self.syscalls_per_100 = None

    def median(self, figure):
        return statistics.median(each[figure] for each in self.rounds) if self.rounds else 0

    def ratio(self, base, figure):
        """To another engine in the same repetition, the median of all."""
        pairs = list(zip(self.rounds, base.rounds))
        return statistics.median(own[figure] / other[figure] for own, other in pairs) if pairs else None

    def spread_percent(self):
        if not self.rounds:
            return 0
        values = [each['ops_per_second'] for each in self.rounds]
        return (max(values) - min(values)) / statistics.median(values) * 100


class Run:
    """The part of an engine in a repetition. Nothing of it is kept when the repetition does not come to its end."""

    def __init__(self, result, session):
        self._result = result
        self.session = session
        self.placement = None
        self._problems = []
        self._latencies = []
        self._cpu = cpu_ns(session.pid)
        self._switches = context_switches(session.pid)

    def list(self, directory):
        elapsed, output = self.session.list(directory)
        problem = self._result.directory.problem(output)
        if problem is None:
            self._latencies.append(elapsed)
        else:
            self._problems.append(problem)

    def stop(self, listings):
        self._cpu = (cpu_ns(self.session.pid) - self._cpu) / listings
        self._switches = (context_switches(self.session.pid) - self._switches) / listings

    def keep(self):
        result = self._result
        result.ops += len(self._latencies) + len(self._problems)
        result.problems += self._problems
        result.placement = Counts(*map(sum, zip(result.placement, self.placement)))
        # Times of listings that were complete; a short one is no faster for what it leaves out.
        if self._latencies:
            result.latencies += self._latencies
            result.rounds.append(self._figures())

    def _figures(self):
        values = sorted(self._latencies)
        seconds = sum(values) / 1e9
        figures = {'ops': len(values), 'seconds': seconds, 'ops_per_second': len(values) / seconds,
                   'mean_ns': statistics.fmean(values)}
        for name, percent in PERCENTILES.items():
            figures[f'{name}_ns'] = values[min(len(values) - 1, int(len(values) * percent / 100))]
        figures['p50_ns'] = statistics.median(values)
        figures['cpu_ns_per_op'] = self._cpu
        figures['context_switches_per_op'] = self._switches
        return figures


class Log:
    """What the module has logged of where its requests ran."""

    def __init__(self, path):
        self._path = path
        self._position = os.path.getsize(path)

    def placement(self):
        """Since the last time this was asked."""
        total = Counts(0, 0, 0)
        inside = False
        with open(self._path, encoding='utf-8', errors='replace') as file:
            file.seek(self._position)
            text = file.read()
            self._position = file.tell()
        for line in text.splitlines():
            words = line.split()
            if words[:1] == ['pathring:'] and len(words) > 5:
                if words[1] in ('operation', 'identity'):
                    inside = words[1] == 'operation'
                elif inside and all(map(str.isdigit, words[-5:])):
                    ring, thread, inline = map(int, words[-5:-2])
                    total = Counts(total.inline + inline, total.ring + ring, total.thread + thread)
        return total


class Progress:
    """A line on a terminal, while it runs."""

    def __init__(self):
        self._shown = sys.stderr.isatty()

    def say(self, text):
        if self._shown:
            print(f'\r\x1b[K{text}', end='', file=sys.stderr, flush=True)


def measure_round(setup, results, log):
    """One repetition of one directory, with all engines in turn; each on a connection of its own."""
    name = results[0].directory.name
    runs = []
    with contextlib.ExitStack() as stack:
        for result in results:
            session = stack.enter_context(Session(setup, result.engine))
            session.warm_up(name)
            runs.append(Run(result, session))
        deadline = time.monotonic() + setup.seconds * len(runs)
        listings = 0
        while listings < MIN_LISTINGS or time.monotonic() < deadline:
            listings += 1
            for run in runs:
                if setup.cold:
                    drop_caches()
                run.list(name)
        for run in runs:
            run.stop(listings)
        # The account of its requests is logged when a session ends.
        for run in runs:
            run.session.close()
            run.placement = log.placement()
    for run in runs:
        run.keep()


def count_syscalls(setup, counter, engine, name):
    """System calls of smbd for one listing."""
    with Session(setup, engine) as session:
        session.warm_up(name)
        return COUNTERS[counter](session.pid, f'{setup.smbd_dir}/client/syscalls', lambda: session.list(name))


def working_counter(setup):
    """The first that counts here, or None."""
    for name in COUNTERS:
        if shutil.which(name):
            with contextlib.suppress(OSError, TypeError):
                if count_syscalls(setup, name, setup.engines[0], '0') > 0:
                    return name
    return None


def measure(setup, results, progress):
    log = Log(f'{setup.smbd_dir}/log/log.smbd')
    for number in range(1, setup.repeat + 1):
        for directory in setup.directories:
            progress.say(f'{number} of {setup.repeat}: {directory.entries} entries')
            measure_round(setup, [result for result in results if result.directory is directory], log)
    setup.counter = working_counter(setup)
    if setup.counter is None:
        return
    for engine in setup.engines:
        progress.say(f'system calls: {engine}')
        empty = count_syscalls(setup, setup.counter, engine, '0')
        for result in results:
            if result.engine == engine:
                calls = count_syscalls(setup, setup.counter, engine, result.directory.name)
                result.syscalls = calls
                result.syscalls_per_100 = (calls - empty) / result.directory.entries * 100


# ----------------------------------------------------------------------------------------------------------------- host


class Machine:
    """What the processors did from its making until asked."""

    def __init__(self, helpers):
        self._helpers = helpers
        self._start = self._times()
        self._helpers_start = self._helpers_cpu()

    @staticmethod
    def _times():
        with open('/proc/stat', encoding='ascii') as file:
            return [int(word) for word in file.readline().split()[1:9]]

    def _helpers_cpu(self):
        return sum(map(cpu_ns, self._helpers))

    def percents(self, own_cpu):
        """Percent of all processors' time: stolen, and spent by anyone but us, our smbd and its file system."""
        times = [end - start for start, end in zip(self._start, self._times())]
        total = max(sum(times), 1)
        idle, waiting, steal = times[3], times[4], times[7]
        usage = os.times()
        own = sum(usage[:4]) + (own_cpu + self._helpers_cpu() - self._helpers_start) / 1e9
        other = total - idle - waiting - steal - own * os.sysconf('SC_CLK_TCK')
        return steal / total * 100, max(other / total * 100, 0)

    @staticmethod
    def describe():
        processor = 'unknown'
        with open('/proc/cpuinfo', encoding='utf-8') as file:
            for line in file:
                if line.startswith('model name'):
                    processor = line.split(':', 1)[1].strip()
                    break
        mitigations = {}
        with contextlib.suppress(OSError):
            for entry in sorted(os.scandir('/sys/devices/system/cpu/vulnerabilities'), key=lambda entry: entry.name):
                with contextlib.suppress(OSError), open(entry.path, encoding='utf-8') as file:
                    mitigations[entry.name] = file.read().strip()
        return {'kernel': platform.release(), 'machine': platform.machine(), 'processor': processor,
                'processors': os.sysconf('SC_NPROCESSORS_ONLN'), 'mitigations': mitigations}


# --------------------------------------------------------------------------------------------------------------- report


def baseline_of(result, results):
    for each in results:
        if each.engine == BASELINE and each.directory is result.directory and each.rounds:
            return each
    return None


def cache_of(setup):
    return 'cold' if setup.cold else 'hot'


def rounded(value):
    """To three digits, for a histogram."""
    return int(float(f'{value:.3g}'))


def to_json(result, results, cache):
    latency = {'min': min(result.latencies, default=0), 'mean': result.median('mean_ns')}
    latency.update({name: result.median(f'{name}_ns') for name in PERCENTILES})
    latency['max'] = max(result.latencies, default=0)
    ratios = {}
    base = baseline_of(result, results)
    if base and result.rounds:
        ratios[BASELINE] = {'ops_per_second': result.ratio(base, 'ops_per_second'),
                            'p50': result.ratio(base, 'p50_ns'), 'cpu_per_op': result.ratio(base, 'cpu_ns_per_op')}
    histogram = collections.Counter(map(rounded, result.latencies))
    return {
        'engine': result.engine, 'summary': SUMMARIES[result.engine], 'backend': None, 'op': 'smbd-listing',
        'entries': result.directory.entries, 'depth': 1, 'concurrency': 1, 'users': 1, 'cache': cache,
        'load': 'closed', 'rate': None, 'ops': result.ops, 'errors': len(result.problems), 'denied': 0, 'unissued': 0,
        'ops_per_second': result.median('ops_per_second'), 'spread_percent': result.spread_percent(),
        'latency_ns': latency, 'service_ns': None, 'slip_ns': None, 'cpu_ns_per_op': result.median('cpu_ns_per_op'),
        'context_switches_per_op': result.median('context_switches_per_op'), 'syscalls_per_op': result.syscalls,
        'syscalls_per_100_entries': result.syscalls_per_100, 'submissions_per_enter': None,
        'placement': result.placement._asdict(), 'ratios': ratios,
        'rounds': [{name: value for name, value in figures.items() if not re.match('p90|p99_9', name)}
                   for figures in result.rounds],
        'histogram': {'latency': sorted(map(list, histogram.items()))},
    }


def find_warnings(results, steal, other):
    warnings = [f'{result.engine}, {result.directory.entries} entries: {len(result.problems)} of {result.ops} listings '
                f'were wrong, the first: {result.problems[0]}' for result in results if result.problems]
    spread = max((result.spread_percent() for result in results), default=0)
    if spread > SPREAD_PERCENT:
        warnings.append(f'repetitions of the same differ by up to {spread:.0f} %: take no smaller difference for real')
    if steal + other > BUSY_PERCENT:
        warnings.append(f'others had {other:.0f} % of the processors during the run, and {steal:.0f} % were stolen')
    return warnings


def print_table(setup, results, complete):
    where = setup.file_system + (f', {setup.slow} us an operation' if setup.slow else f', {cache_of(setup)}')
    version = subprocess.run(['smbd', '--version'], stdout=subprocess.PIPE, text=True, check=False).stdout
    done = str(setup.repeat) if complete else f'{max(len(result.rounds) for result in results)} of {setup.repeat}'
    print(f'smbd {version.removeprefix("Version ").strip()}, {where}; medians, repetitions: {done}'
          f'{"" if complete else " (interrupted)"}')
    for directory in dict.fromkeys(result.directory for result in results):
        print(f'\n{directory.entries:>7} entries {"ms":>13} {"x smbd":>7} {"best":>8} {"spread":>7} {"CPU ms":>9} {"x smbd":>7} '
              f'{"calls/100":>9} {"errors":>6}')
        for result in results:
            if result.directory is not directory:
                continue
            times = ratios = ['-', '-']
            best = spread = '-'
            if result.rounds:
                base = baseline_of(result, results)
                figures = ('p50_ns', 'cpu_ns_per_op')
                times = [f'{result.median(figure) / 1e6:.2f}' for figure in figures]
                ratios = [f'{1 / result.ratio(base, figure):.2f}' if base else '-' for figure in figures]
                best = f'{min(result.latencies) / 1e6:.2f}'
                spread = f'{result.spread_percent():.0f}%'
            calls = '-' if result.syscalls_per_100 is None else f'{result.syscalls_per_100:.0f}'
            print(f'  {result.engine:<19} {times[0]:>8} {ratios[0]:>7} {best:>8} {spread:>7} {times[1]:>9} {ratios[1]:>7} '
                  f'{calls:>9} {len(result.problems):>6}')


def write_json(setup, results, machine, warnings, complete):
    steal, other = machine
    document = {
        'schema': 'pathring-bench/1', 'version': setup.version, 'complete': complete, 'warnings': warnings,
        'host': {**Machine.describe(), 'file_system': setup.file_system, 'steal_percent': steal,
                 'other_cpu_percent': other},
        'config': {'op': 'smbd-listing', 'engines': setup.engines, 'entries': setup.entries, 'repeat': setup.repeat,
                   'seconds': setup.seconds, 'slow_usec': setup.slow, 'options': setup.option, 'baselines': [BASELINE],
                   'syscalls_counted_by': setup.counter},
        'results': [to_json(result, results, cache_of(setup)) for result in results],
    }
    try:
        with open(setup.json, 'w', encoding='utf-8') as file:
            json.dump(document, file, indent=2)
            file.write('\n')
    except OSError as error:
        raise Failure(f'cannot write {setup.json}: {error.strerror}') from None


def parse_arguments():
    parser = argparse.ArgumentParser(description='Part of bench/smbd-listing.')
    for name in ('smbd-dir', 'tree', 'file-system', 'version'):
        parser.add_argument(f'--{name}', required=True)
    for name in ('smbd-pid', 'port', 'repeat'):
        parser.add_argument(f'--{name}', type=int, required=True)
    parser.add_argument('--seconds', type=float, required=True)
    parser.add_argument('--entries', type=lambda text: [int(word) for word in text.split(',')], required=True)
    parser.add_argument('--engines', type=lambda text: text.split(','), required=True)
    parser.add_argument('--cold', action='store_true')
    parser.add_argument('--slow', type=int)
    parser.add_argument('--helper', type=int, action='append', default=[])
    parser.add_argument('--option', action='append', default=[])
    parser.add_argument('--json')
    setup = parser.parse_args()
    setup.own_cpu = 0
    setup.counter = None
    return setup


def run(setup):
    """Returns the exit code."""
    for number in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM):
        signal.signal(number, interrupt)
    progress = Progress()
    machine = Machine(setup.helper)
    results = []
    interrupted = 0
    try:
        setup.directories = [Directory(setup.tree, entries) for entries in setup.entries]
        results = [Result(engine, directory) for directory in setup.directories for engine in setup.engines]
        measure(setup, results, progress)
    except Interrupted as interruption:
        interrupted = interruption.number
    finally:
        progress.say('')
    results = [result for result in results if result.ops]
    if results:
        percents = machine.percents(setup.own_cpu)
        warnings = find_warnings(results, *percents)
        print_table(setup, results, not interrupted)
        print(*(f'\nwarning: {warning}' for warning in warnings), sep='', flush=True)
        if setup.json:
            write_json(setup, results, percents, warnings, not interrupted)
    elif interrupted:
        print('bench/smbd-listing: interrupted before anything was measured', file=sys.stderr)
    if interrupted:
        return 128 + interrupted
    return 1 if any(result.problems for result in results) else 0


def main():
    try:
        sys.exit(run(parse_arguments()))
    except Failure as failure:
        sys.exit(f'bench/smbd-listing: {failure}')


if __name__ == '__main__':
    main()
