# SPDX-License-Identifier: GPL-3.0-or-later
"""System calls of a running process and all its threads, by strace. What they mean is the caller's business."""
import re
import signal
import subprocess


class Trace:
    """While the context lasts, calls of the given names are recorded; afterwards calls holds them in order, each as
    thread, name, arguments and result, all of them strings."""

    def __init__(self, pid, output, names):
        self.calls = []
        self._pid = pid
        self._output = output
        self._names = names
        self._strace = None

    def __enter__(self):
        command = ['strace', '-f', '-qq', '-o', self._output, '-e', 'trace=' + ','.join(self._names),
                   '-p', str(self._pid)]
        self._strace = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        # -qq silences the line that says when strace is ready; the kernel knows, too.
        while not self._attached():
            if self._strace.poll() is not None:
                raise RuntimeError(f'strace: {self._strace.stderr.read()}')
        return self

    def __exit__(self, *_):
        if self._strace.poll() is None:
            self._strace.send_signal(signal.SIGINT)
        try:
            self._strace.wait(timeout=10)
        except subprocess.TimeoutExpired:
            # strace 6.1 waits for ever for a process that has died with kernel workers of a ring.
            self._strace.kill()
            self._strace.wait()
        self._strace.stderr.close()
        with open(self._output, encoding='utf-8', errors='replace') as file:
            # A call during which another thread makes one takes two lines.
            pending = {}
            for line in file:
                started = re.match(r'(\d+) +(\w+)\((.*) <unfinished \.\.\.>$', line)
                resumed = re.match(r'(\d+) +<\.\.\. (\w+) resumed>(.*)\) += (\S+)', line)
                whole = re.match(r'(\d+) +(\w+)\((.*)\) += (\S+)', line)
                if started:
                    pending[started[1]] = started[3]
                elif resumed:
                    self.calls.append((resumed[1], resumed[2], pending.pop(resumed[1], '') + resumed[3], resumed[4]))
                elif whole:
                    self.calls.append(whole.groups())

    def _attached(self):
        with open(f'/proc/{self._pid}/status', encoding='utf-8') as file:
            return 'TracerPid:\t0\n' not in file.read()
