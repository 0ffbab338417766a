// V1: requests as a grammar makes them, and bends them, cut by our decoder and by Node's (llhttp). What both take has to
// be the same requests with the same bodies: a proxy of that kind and this server never disagree about where one ends.
// CONFAB_REQUESTS: how many inputs (default 100,000); CONFAB_TEST_SEED repeats a run.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { test } from 'node:test';
import { HTTPParser, methods } from 'node:_http_common';
import { binDir } from '../integration/lib.mjs';

const count = Number(process.env.CONFAB_REQUESTS ?? 100_000);
const seed = Number(process.env.CONFAB_TEST_SEED ?? Date.now() % 1e9);

// mulberry32
let state = seed >>> 0;
function random(below) {
    state = state + 0x6D2B79F5 >>> 0;
    let t = Math.imul(state ^ state >>> 15, 1 | state);
    t = t + Math.imul(t ^ t >>> 7, 61 | t) ^ t;
    return ((t ^ t >>> 14) >>> 0) % below;
}
const pick = (list) => list[random(list.length)];
const chance = (percent) => random(100) < percent;

// ---- the grammar ----

const odd = ['\0', '\t', '\n', '\v', '\f', '\r', ' ', '\x7f', '\x80', '\xa0', '\xff', '\r\n', '\n\r', ',', ';', ':', '+', '-', '0', '"'];
const space = () => (chance(97) ? '' : pick([' ', '\t', '  ', ...odd]));
const eol = () => (chance(99) ? '\r\n' : pick(['\n', '\r', '\r\r\n', '\n\r\n', '']));
const number = (n) => (chance(92) ? String(n) : pick([`+${n}`, `-${n}`, `0${n}`, `${n} `, ` ${n}`, `${n},${n}`, `${n}, ${n}`, `0x${n.toString(16)}`,
    `${n}.0`, `${n}e0`, '', `${n}\t`, `18446744073709551616`, `${n}${pick(odd)}`, `${pick(odd)}${n}`, `4294967296${n}`]));
const size = (n) => (chance(92) ? n.toString(16) : pick([n.toString(16).toUpperCase(), `0${n.toString(16)}`, `0x${n.toString(16)}`, `${n.toString(16)} `,
    ` ${n.toString(16)}`, `+${n.toString(16)}`, `-${n.toString(16)}`, `${n.toString(16)};`, `${n.toString(16)};a=b`, `${n.toString(16)};a="b\r\n"`,
    `1000000000000000${n.toString(16)}`, `${n.toString(16)}${pick(odd)}`, `${n.toString(16)};${pick(odd)}`, '', 'g']));
const bodyText = () => pick(['', 'x', 'hello', '0\r\n\r\n', 'GET /in HTTP/1.1\r\nHost: x\r\n\r\n', '\r\n', '5\r\nabcde\r\n']);

function chunked() {
    let text = '';
    for (let i = random(4); i > 0; i--) {
        const data = bodyText() || 'y';
        text += `${size(data.length)}${eol()}${data}${eol()}`;
    }
    text += `${chance(95) ? '0' : pick(['00', '', '0;x', '-0', '0 '])}${eol()}`;
    if (chance(10)) text += pick(['T: x', 'Content-Length: 3', 'Transfer-Encoding: chunked', ' X', 'T : x', 'T']) + eol();
    return text + eol();
}

const encoding = () => (chance(80) ? 'chunked' : pick(['Chunked', 'CHUNKED', 'xchunked', 'chunkedx', 'identity', 'chunked, identity',
    'identity, chunked', 'gzip, chunked', 'chunked,chunked', 'chunked,', ',chunked', '"chunked"', 'chunked;q=1', '', ` chunked${pick(odd)}`,
    `${pick(odd)}chunked`, `chun${pick(odd)}ked`]));

function framing() {
    const text = bodyText(), lines = [];
    const length = () => lines.push(['Content-Length', number(text.length)]);
    const coding = () => lines.push(['Transfer-Encoding', encoding()]);
    switch (random(10)) {
    case 0: case 1: return { lines, body: '' };
    case 2: case 3: case 4: length(); return { lines, body: text };
    case 5: case 6: case 7: coding(); return { lines, body: chunked() };
    case 8: length(); (chance(50) ? length : coding)(); return { lines, body: chance(50) ? text : chunked() };
    default: coding(); (chance(50) ? length : coding)(); return { lines, body: chunked() };
    }
}

function one() {
    const { lines, body } = framing();
    lines.push(['Host', 'x']);
    while (chance(20)) lines.push(pick([['X', 'y'], ['Accept', '*/*'], ['X', `a${pick(odd)}b`], ['Content_Length', '3'], ['Connection', 'keep-alive'],
        ['X', 'y\r\n z'], ['Content-Length ', '3'], ['Transfer-Encoding\t', 'chunked'], [' X', 'y'], [`X${pick(odd)}`, 'y'], ['', 'y']]));
    if (chance(30)) lines.reverse();
    const name = (text) => (chance(98) ? text : pick([text.toLowerCase(), text.toUpperCase(), `${text}${pick(odd)}`, `${pick(odd)}${text}`]));
    const head = lines.map(([key, value]) => `${name(key)}:${chance(90) ? ' ' : space()}${value}${space()}${eol()}`).join('');
    const line = `${pick(['GET', 'POST', 'PUT', 'DELETE'])} ${pick(['/', '/a?b=c', '/x/y'])} HTTP/1.${chance(97) ? 1 : pick(['0', '2', '01', ''])}`;
    return `${chance(98) ? '' : pick(['\r\n', '\n', ' ', '\r\n\r\n'])}${chance(98) ? line : line.replace(' ', pick(['  ', '\t', '\r\n']))}${eol()}${head}${eol()}${body}`;
}

// Now and then a byte of the whole is another, missing or twice there.
function input() {
    let text = Array.from({ length: 1 + random(3) }, one).join('');
    if (chance(15)) {
        const at = random(text.length);
        text = text.slice(0, at) + pick(['', pick(odd), text[at] + text[at]]) + text.slice(at + 1);
    }
    return Buffer.from(text, 'latin1');
}

// ---- the two readers ----

// The whole requests, and whether it took all bytes.
function byNode(bytes) {
    const requests = [];
    let request, target;
    const parser = new HTTPParser();
    parser.initialize(HTTPParser.REQUEST, {}, 65536, 0);
    // Behind trailers, and headers in parts, the target comes with the first part.
    parser[HTTPParser.kOnHeaders | 0] = (headers, url) => { target = url || target; };
    parser[HTTPParser.kOnHeadersComplete | 0] = (major, minor, headers, method, url) => {
        request = { line: `${methods[method]} ${url || target}`, parts: [] };
        target = undefined;
        return 0;
    };
    parser[HTTPParser.kOnBody | 0] = (part) => { request.parts.push(Buffer.from(part)); };
    parser[HTTPParser.kOnMessageComplete | 0] = () => {
        requests.push(`${request.line} ${Buffer.concat(request.parts).toString('hex')}`);
    };
    const result = parser.execute(bytes);
    parser.close();
    return { requests, refused: result instanceof Error || result < bytes.length };
}

function byUs(line) {
    const requests = line.split('\t');
    return { end: requests.pop().split('!').at(-1), requests };
}

test(`V1 ${count} inputs cut into requests as llhttp does`, { timeout: 600_000 }, async (context) => {
    const ours = spawn(join(binDir, 'confab-http-frames'), { stdio: ['pipe', 'pipe', 'inherit'] });
    const answers = createInterface({ input: ours.stdout, crlfDelay: Infinity })[Symbol.asyncIterator]();
    const figures = { 'both take': 0, 'both refuse': 0, 'only we refuse': 0, 'only llhttp refuses': 0 };
    let whole = 0;
    for (let left = count; left > 0;) {
        const batch = Array.from({ length: Math.min(left, 1000) }, input);
        left -= batch.length;
        ours.stdin.write(Buffer.concat(batch.flatMap((bytes) => {
            const prefix = Buffer.alloc(4);
            prefix.writeUInt32BE(bytes.length);
            return [prefix, bytes];
        })));
        for (const bytes of batch) {
            const { value } = await answers.next();
            const us = byUs(value), node = byNode(bytes);
            const weTake = !/^\d/.test(us.end), both = Math.min(us.requests.length, node.requests.length);
            // Who refuses, refuses: what was whole before is compared. Who takes all, takes as many.
            const compared = weTake && !node.refused ? Infinity : both;
            assert.deepEqual(us.requests.slice(0, compared), node.requests.slice(0, compared),
                `seed ${seed}: ${JSON.stringify(bytes.toString('latin1'))}`);
            whole += both;
            if (weTake) figures[node.refused ? 'only llhttp refuses' : 'both take']++;
            else figures[node.refused ? 'both refuse' : 'only we refuse']++;
        }
    }
    ours.stdin.end();
    context.diagnostic(`figure: seed ${seed}: ${count} inputs, ${whole} whole requests in both, each the same with the same body; `
        + Object.entries(figures).map(([what, times]) => `${what}: ${times}`).join(', '));
});
