#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""What test_report.sh needs to know of documents: whether the schema takes them, and broken ones of each kind."""

import copy
import csv
import io
import json
import pathlib
import re
import sys

import jsonschema

HOSTILE = '<script>alert(1)</script>\'; set output "|touch pwned"; `touch pwned` \\ @x {/Bold "$(touch pwned)" \x1b[2J'


def load(path):
    with open(path, encoding='utf-8') as file:
        return json.load(file)


def store(document, path):
    with open(path, 'w', encoding='utf-8') as file:
        json.dump(document, file)


def validator(schema):
    document = load(schema)
    jsonschema.Draft7Validator.check_schema(document)
    return jsonschema.Draft7Validator(document)


def changed(document, path, value=None, remove=False):
    """A copy with one field changed; path: names and numbers with dots between them."""
    copied = copy.deepcopy(document)
    *way, last = [int(step) if step.isdigit() else step for step in path.split('.')]
    at = copied
    for step in way:
        at = at[step]
    if remove:
        del at[last]
    else:
        at[last] = value
    return copied


def break_documents(sample, directory):
    """Each is refused by the schema and by the program. Prints the name of each, and the text that its error has."""
    document = load(sample)
    broken = {
        'no_schema': ('schema', changed(document, 'schema', remove=True)),
        'other_schema': ('schema', changed(document, 'schema', 'pathring-bench/0')),
        'no_host': ('host', changed(document, 'host', remove=True)),
        'host_text': ('host', changed(document, 'host', 'here')),
        'results_object': ('results', changed(document, 'results', {})),
        'result_null': ('results[1]', changed(document, 'results.1', None)),
        'engine_number': ('results[0].engine', changed(document, 'results.0.engine', 7)),
        'engine_empty': ('results[0]', changed(document, 'results.0.engine', '')),
        'no_p99': ('results[2].latency_ns.p99', changed(document, 'results.2.latency_ns.p99', remove=True)),
        'p50_text': ('results[0].latency_ns.p50', changed(document, 'results.0.latency_ns.p50', '4 us')),
        'p50_null': ('results[0].latency_ns.p50', changed(document, 'results.0.latency_ns.p50', None)),
        'ops_negative': ('results[0].ops', changed(document, 'results.0.ops', -1)),
        'ops_fraction': ('results[0].ops', changed(document, 'results.0.ops', 1.5)),
        'ops_huge': ('results[0].ops', changed(document, 'results.0.ops', 2 ** 62)),
        'cpu_huge': ('results[0].cpu_ns_per_op', changed(document, 'results.0.cpu_ns_per_op', 1e300)),
        'depth_zero': ('results[0]', changed(document, 'results.0.depth', 0)),
        'load_unknown': ('results[0]', changed(document, 'results.0.load', 'ajar')),
        'cache_unknown': ('results[0]', changed(document, 'results.0.cache', 'warm')),
        'closed_rate': ('results[0]', changed(document, 'results.0.rate', 5.0)),
        'open_no_rate': ('results[0]', changed(document, 'results.0.load', 'open')),
        'round_text': ('results[0].rounds[1]', changed(document, 'results.0.rounds.1', 'second')),
        'round_ops': ('results[0].rounds[1].ops', changed(document, 'results.0.rounds.1.ops', True)),
        'ratio_list': ('results[0].ratios', changed(document, 'results.0.ratios.smbd', [])),
        'bucket_short': ('results[0].histogram.latency[0]', changed(document, 'results.0.histogram.latency.0', [5])),
        'bucket_empty': ('results[0].histogram.latency[0]', changed(document, 'results.0.histogram.latency.0', [5, 0])),
        'no_buckets': ('results[0].histogram.latency', changed(document, 'results.0.histogram', {})),
        'warning_number': ('warnings[0]', changed(document, 'warnings', [1])),
        'text_long': ('results[0].summary', changed(document, 'results.0.summary', 'x' * 5000)),
    }
    for name, (text, each) in broken.items():
        store(each, directory / f'{name}.json')
        print(name, text)


def hostile(sample, path):
    """Valid, and every string in it is an attempt."""
    def spoil(value, key=None):
        if isinstance(value, dict):
            return {name: spoil(each, name) for name, each in value.items()}
        if isinstance(value, list):
            return [spoil(each) for each in value]
        if isinstance(value, str) and key not in ('schema', 'load', 'cache', 'engine'):
            return HOSTILE
        if isinstance(value, str) and key == 'engine':
            return f'../../{HOSTILE}\n{value}'
        return value
    document = spoil(load(sample))
    for result in document['results']:
        result['ratios'] = {HOSTILE: next(iter(result['ratios'].values()))}
    document['warnings'] = [HOSTILE]
    store(document, path)


def check_csv(document, text):
    """Every row has what the document has."""
    results = load(document)['results']
    rows = list(csv.DictReader(io.StringIO(text, newline=''), strict=True))
    assert len(rows) == len(results), 'not a row a result'
    assert text.endswith('\r\n') and '\r\n' in text, 'lines end otherwise'
    for row, result in zip(rows, results):
        assert None not in row and None not in row.values(), 'rows of different lengths'
        assert row['engine'] == result['engine'], row['engine']
        for name, cell in row.items():
            value = {'rounds': len(result['rounds'])}.get(name)
            if value is None:
                value = result
                for step in name.split('.', 1) if not name.startswith('ratios.') else ():
                    value = value.get(step) if value else None
                if name.startswith('ratios.'):
                    baseline, figure = name.removeprefix('ratios.').rsplit('.', 1)
                    value = result['ratios'].get(baseline, {}).get(figure)
            if value is None:
                assert cell == '', f'{name}: {cell!r} for null'
            elif isinstance(value, str):
                assert cell == value, f'{name}: {cell!r}'
            else:
                assert abs(float(cell) - value) <= abs(value) * 1e-9, f'{name}: {cell}'


def check_hgrm(document, engine, depth, path):
    """Against the document's own buckets."""
    result = next(each for each in load(document)['results'] if each['engine'] == engine and each['depth'] == int(depth))
    buckets = result['histogram']['latency']
    total = sum(count for _, count in buckets)
    lines = pathlib.Path(path).read_text(encoding='utf-8').splitlines()
    assert re.fullmatch(r' +Value +Percentile +TotalCount +1/\(1-Percentile\)', lines[0]) and lines[1] == '', lines[0]
    rows = [[float(word) for word in line.split()] for line in lines[2:] if not line.startswith('#')]
    assert rows[0][1] == 0 and rows[-1][1] == 1 and rows[-1][2] == total, 'ends'
    assert rows == sorted(rows, key=lambda row: row[:3]), 'not rising'
    for value, percentile, count, *rest in rows[:-1]:
        seen = 0
        for bucket, number in buckets:
            seen += number
            if seen / total >= percentile - 1e-12:
                break
        assert abs(value - min(bucket, result['latency_ns']['max']) / 1e3) < 0.001 and count == seen, f'{percentile}: {value}, {count}'
        assert abs(rest[0] - 1 / (1 - percentile)) <= rest[0] * 1e-3 + 0.01, rest
    assert abs(rows[-1][0] - result['latency_ns']['max'] / 1e3) < 0.001, 'the last value'
    match = re.search(rf'#\[Max +=  *{rows[-1][0]:.3f}, Total count +=  *{total}\]', '\n'.join(lines))
    assert match and re.search(r'#\[Mean +=.*StdDeviation +=', '\n'.join(lines)), 'the footer'


def main():
    command, *arguments = sys.argv[1:]
    if command == 'valid':
        for error in validator(arguments[0]).iter_errors(load(arguments[1])):
            sys.exit(f'{"/".join(map(str, error.absolute_path))}: {error.message[:200]}')
    elif command == 'break':
        break_documents(arguments[0], pathlib.Path(arguments[1]))
    elif command == 'hostile':
        hostile(*arguments)
    elif command == 'change':
        store(changed(load(arguments[0]), arguments[2], json.loads(arguments[3])), arguments[1])
    elif command == 'csv':
        with open(arguments[1], encoding='utf-8', newline='') as file:
            check_csv(arguments[0], file.read())
    elif command == 'hgrm':
        check_hgrm(*arguments)
    else:
        sys.exit(f'unknown command {command}')


main()
