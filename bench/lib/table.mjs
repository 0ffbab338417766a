// Tables, as text or as Markdown; judging goals.
import { median } from './machine.mjs';

const grouped = (value, digits) => value.toLocaleString('en-US', { minimumFractionDigits: digits, maximumFractionDigits: digits });
export const number = (value, digits = 0) => (value === undefined || Number.isNaN(value) ? '–' : grouped(value, digits));
const short = (value) => number(value, value >= 10 ? 0 : 2);

// Of the rounds in which both have a figure, the median of the ratio.
function ratioOf(rounds, row, key, of) {
    return median(rounds.map((round) => {
        const mine = round[row]?.[key], theirs = round[of]?.[key];
        return mine === undefined || !theirs ? undefined : mine / theirs;
    }));
}

// [ '≥ 0.9 × join: 0.95', true ]; nothing when there is nothing to compare.
function judge(goal, rounds, row) {
    const value = goal.of ? ratioOf(rounds, row, goal.key, goal.of) : median(rounds.map((round) => round[row]?.[goal.key]));
    if (value === undefined) return [];
    const reached = goal.least === undefined ? value <= goal.most : value >= goal.least;
    const limit = goal.least === undefined ? `≤ ${short(goal.most)}` : `≥ ${short(goal.least)}`;
    return [`${limit}${goal.of ? ` × ${goal.of.replace('limit: ', '')}` : ''}: ${short(value)} ${reached ? 'ok' : 'missed'}`];
}

// The lines of a workload's table, heads first. rounds: of each, the figures by row.
export function tabulate({ rows, columns, ratios = [], goals }, rounds, rowsAsked) {
    const used = columns.filter(({ key }) => rounds.some((round) => Object.values(round).some((figures) => figures?.[key] !== undefined)));
    const lines = rows.filter(rowsAsked).map((row) => [row,
        ...used.map(({ key, digits }) => number(median(rounds.map((round) => round[row]?.[key])), digits)),
        ...ratios.map(({ key, of }) => { const ratio = ratioOf(rounds, row, key, of); return ratio === undefined ? '–' : short(ratio); }),
        goals.filter((goal) => goal.rows.test(row)).flatMap((goal) => judge(goal, rounds, row)).join('; ')]);
    return [['', ...used.map(({ label }) => label), ...ratios.map(({ label, less }) => label + (less ? ' ↓' : '')), 'goal'], ...lines];
}

export function print(lines, markdown) {
    const width = lines[0].map((_, i) => Math.max(...lines.map((line) => line[i].length)));
    const pad = (cell, i) => (i === 0 || i === width.length - 1 ? cell.padEnd(width[i]) : cell.padStart(width[i]));
    lines.forEach((line, at) => {
        console.log(markdown ? `| ${line.join(' | ')} |` : line.map(pad).join('  ').trimEnd());
        if (markdown && at === 0) console.log(`|${line.map((_, i) => (i === 0 || i === width.length - 1 ? '---' : '--:')).join('|')}|`);
    });
}
