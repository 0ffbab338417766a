// The arithmetic of bench/compare: medians over the rounds, ratios within a round, goals.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { median } from '../../bench/lib/machine.mjs';
import { tabulate } from '../../bench/lib/table.mjs';

const workload = { rows: ['limit', 'ours', 'peer'], columns: [{ key: 'rate', label: 'rate' }, { key: 'us', label: 'µs', digits: 1 },
    { key: 'none', label: 'nobody has it' }], ratios: [{ key: 'rate', of: 'limit', label: '× limit' }],
goals: [{ rows: /^ours$/, key: 'rate', least: 0.9, of: 'limit' }, { rows: /^ours$/, key: 'us', most: 2 }] };
const all = () => true;

test('a median is one of its values, and leaves out what is missing', () => {
    assert.equal(median([3, 1, undefined, 2]), 2);
    assert.equal(median([10, 9]), 10);
    assert.equal(median([]), undefined);
});

// The machine slows down by four from the first round to the third; ratios stay.
test('a ratio is that of a round', () => {
    const rounds = [4000, 2000, 1000].map((rate) => ({ limit: { rate, us: 1 }, ours: { rate: rate * 0.95, us: 1.5 }, peer: { rate: 123456, us: 9 } }));
    assert.deepEqual(tabulate(workload, rounds, all), [['', 'rate', 'µs', '× limit', 'goal'],
        ['limit', '2,000', '1.0', '1.00', ''],
        ['ours', '1,900', '1.5', '0.95', '≥ 0.90 × limit: 0.95 ok; ≤ 2.00: 1.50 ok'],
        ['peer', '123,456', '9.0', '62', '']]);
});

test('a goal that is missed says so', () => {
    const rounds = [{ limit: { rate: 100, us: 1 }, ours: { rate: 89, us: 2.5 } }];
    const ours = tabulate(workload, rounds, all).find(([row]) => row === 'ours');
    assert.equal(ours.at(-1), '≥ 0.90 × limit: 0.89 missed; ≤ 2.00: 2.50 missed');
});

test('what failed in a round is not in its ratios; what always failed is a dash', () => {
    const rounds = [{ limit: { rate: 100 }, ours: { rate: 50 } }, { limit: undefined, ours: { rate: 1000 } }, { limit: { rate: 100 }, ours: { rate: 40 } }];
    const [, , ours, peer] = tabulate(workload, rounds, all);
    assert.deepEqual(ours, ['ours', '50', '0.50', '≥ 0.90 × limit: 0.50 missed']);
    assert.deepEqual(peer, ['peer', '–', '–', '']);
});

test('rows that nobody asked for are not there', () => {
    assert.deepEqual(tabulate(workload, [{ ours: { rate: 1 } }], (row) => row === 'ours').map(([row]) => row), ['', 'ours']);
});
