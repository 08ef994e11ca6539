#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""What test_report.sh needs to know of a replay's documents: whether their figures agree, and what a schema must refuse."""

import copy
import csv
import html.parser
import io
import json
import sys

import jsonschema


def load(path):
    with open(path, encoding='utf-8') as file:
        return json.load(file)


def check_sums(path):
    """Every request is in one of replayed, skipped and failed, wherever it is counted."""
    document = load(path)

    def agrees(account, where):
        parts = account['replayed'] + account['skipped'] + account['failed']
        assert account['recorded'] == parts, f'{where}: {account}'
        assert account['mismatched'] + account['explained'] <= account['replayed'], f'{where}: {account}'

    assert document['requests'] == document['rounds'][0]['requests'], 'not the account of the first round'
    for each in document['rounds']:
        agrees(each['requests'], each['engine'])
        for name in ('recorded', 'replayed', 'skipped', 'failed', 'mismatched', 'explained'):
            total = sum(command['requests'][name] for command in each['commands'])
            assert total == each['requests'][name], f'{each["engine"]}: {name} of all commands: {total}'
        for command in each['commands']:
            agrees(command['requests'], command['command'])
            counted = sum(count for _, count in command['histogram'])
            assert counted == command['requests']['replayed'], f'{command["command"]}: {counted} times'
        outcomes = {verdict: sum(one['count'] for one in each['outcomes'] if one['verdict'] == verdict)
                    for verdict in ('same', 'different', 'explained')}
        left_out = {fate: sum(one['count'] for one in each['left_out'] if one['fate'] == fate)
                    for fate in ('skipped', 'failed')}
        assert each['unlisted'] > 0 or (
            sum(outcomes.values()) == each['requests']['replayed'] and
            outcomes['different'] == each['requests']['mismatched'] and
            outcomes['explained'] == each['requests']['explained'] and
            left_out['skipped'] == each['requests']['skipped'] and
            left_out['failed'] == each['requests']['failed']), f'{each["engine"]}: {outcomes} {left_out}'
        for name in ('due', 'finished'):
            total = sum(slot[name] for slot in each['series']['slots'])
            assert total == each['requests']['replayed'], f'{each["engine"]}: {name} in all slots: {total}'
        for operation in each['operations']:
            assert sum(operation['errors_by_name'].values()) == operation['errors'], operation['operation']
    for name, command in document['commands'].items():
        agrees(command, name)
        first = next(one for one in document['rounds'][0]['commands'] if one['command'] == name)
        assert all(command[key] == value for key, value in first['requests'].items()), name


def field(value, path):
    for step in path.split('.'):
        value = value.get(step) if isinstance(value, dict) else None
    return value


def check_csv(path, text):
    """A row a round, command and operation, each with what the document has. Columns that are empty in all of them."""
    expected = []
    for each in load(path)['rounds']:
        expected.append((each, 'all', '', each))
        expected += [(each, 'command', one['command'], one) for one in each['commands']]
        expected += [(each, 'operation', one['operation'], one) for one in each['operations']]
    rows = list(csv.DictReader(io.StringIO(text, newline=''), strict=True))
    assert len(rows) == len(expected), f'{len(rows)} rows instead of {len(expected)}'
    assert text.count('\r\n') == text.count('\n') == len(rows) + 1, 'lines end otherwise'
    for row, (each, scope, name, one) in zip(rows, expected):
        assert None not in row and None not in row.values(), 'rows of different lengths'
        head = [row.pop(key) for key in ('complete', 'engine', 'backend', 'scope', 'name')]
        assert head == ['yes' if each['complete'] else 'no', each['engine'], each['backend'] or '', scope, name], head
        for key, cell in row.items():
            value = field(one, key)
            if value is None:
                assert cell == '', f'{key}: {cell!r} for nothing'
            else:
                assert abs(float(cell) - value) <= abs(value) * 1e-9, f'{key}: {cell}'
    filled = {key for row in rows for key, cell in row.items() if cell != ''}
    return sorted(set(rows[0]) - filled)


def broken(document):
    """Copies, each of which no schema may take, and what is wrong with them."""
    def changed(path, value):
        copied = copy.deepcopy(document)
        *way, last = [int(step) if step.isdigit() else step for step in path.split('.')]
        at = copied
        for step in way:
            at = at[step]
        if value is None:
            del at[last]
        else:
            at[last] = value
        return copied

    yield 'another schema', changed('schema', 'pathring-replay/2')
    yield 'an unknown field', changed('surprise', 1)
    for name in ('requests', 'rounds', 'complete', 'trace', 'commands'):
        yield f'no {name}', changed(name, None)
    for name in ('recorded', 'replayed', 'skipped', 'mismatched', 'failed'):
        yield f'no requests.{name}', changed(f'requests.{name}', None)
        yield f'negative requests.{name}', changed(f'requests.{name}', -1)
        yield f'no {name} of a command', changed(f'rounds.0.commands.0.requests.{name}', None)
    yield 'a percentile as text', changed('rounds.0.latency_ns.p99', '4 us')
    yield 'an unknown verdict', changed('rounds.0.outcomes.0.verdict', 'odd')
    yield 'an unknown fate', changed('rounds.0.left_out.0.fate', 'lost')
    yield 'four examples', changed('rounds.0.left_out.0.examples', [{'request': 1, 'session': 1, 'user': None, 'path': 'x'}] * 4)
    yield 'an empty bucket', changed('rounds.0.commands.0.histogram.0', [5, 0])
    yield 'a source that is no text', changed('trace.source', 5)


def check_schema(schema_path, path):
    schema = load(schema_path)
    jsonschema.Draft7Validator.check_schema(schema)
    validator = jsonschema.Draft7Validator(schema)
    document = load(path)
    validator.validate(document)
    for what, each in broken(document):
        assert not validator.is_valid(each), f'takes {what}'


class Page(html.parser.HTMLParser):
    """Every element ends, and in the right order."""

    def __init__(self):
        super().__init__()
        self.open = []

    def handle_starttag(self, tag, attrs):
        if tag not in ('meta', 'br'):
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open and self.open[-1] == tag, f'</{tag}> in {self.open[-3:]}, line {self.getpos()[0]}'
        self.open.pop()

    def handle_startendtag(self, tag, attrs):
        """Begins and ends in one, in the plots."""


def check_page(path):
    page = Page()
    with open(path, encoding='utf-8') as file:
        page.feed(file.read())
    page.close()
    assert not page.open, f'not ended: {page.open}'


def main():
    command, *arguments = sys.argv[1:]
    if command == 'get':
        value = field(load(arguments[0]), arguments[1])
        print(value if isinstance(value, str) else json.dumps(value))
    elif command in ('csv', 'csv-filled'):
        with open(arguments[1], encoding='utf-8', newline='') as file:
            empty = check_csv(arguments[0], file.read())
        assert command == 'csv' or not empty, f'always empty: {empty}'
    else:
        {'sums': check_sums, 'schema': check_schema, 'page': check_page}[command](*arguments)


if __name__ == '__main__':
    main()
