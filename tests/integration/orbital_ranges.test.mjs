// Downloads of media in ranges and under conditions (RFC 9110 sections 13 and 14), over plain connections and TLS.
import assert from 'node:assert/strict';
import http from 'node:http';
import https from 'node:https';
import { rmSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import { certificate, makeDir, tokenFor } from './lib.mjs';
import { createGroup, sealed, startServer, startThread, upload } from './orbital_lib.mjs';
import { MiB, Wire, assertSame, download, noise, requestHead } from './orbital_media_lib.mjs';
import { random, seedOf, stopClean, within } from './talk_lib.mjs';

const size = 8 * MiB + 3;
const body = noise(size);

// [what, Range, first, last]: last inclusive.
const parts = [
    ['the first byte', 'bytes=0-0', 0, 0],
    ['the first ones', 'bytes=0-99', 0, 99],
    ['some in the middle', 'bytes=65530-131080', 65530, 131080],
    ['from the middle on', `bytes=${size - 70000}-`, size - 70000, size - 1],
    ['all, as a range', 'bytes=0-', 0, size - 1],
    ['the last byte', `bytes=${size - 1}-`, size - 1, size - 1],
    ['a suffix', 'bytes=-500', size - 500, size - 1],
    ['a suffix longer than all', `bytes=-${size + 1000}`, 0, size - 1],
    ['past the end, clipped', `bytes=${size - 10}-${size + 10}`, size - 10, size - 1],
    ['an end beyond any file', `bytes=${size - 3}-18446744073709551615`, size - 3, size - 1],
    ['the unit in another case', 'BYTES=3-4', 3, 4],
];
const unsatisfiable = [`bytes=${size}-`, `bytes=${size + 5}-${size + 9}`, 'bytes=-0',
    'bytes=18446744073709551615-'];
const whole = ['bytes=0-1,5-6', 'bytes=5-2', 'bytes=abc', 'bytes=', 'bytes=-', 'bytes=1', 'items=0-5', 'bytes=0x1-2',
    'bytes=--5', 'bytes=1-2-3', 'bytes 0-1', 'bytes=+1-2', 'bytes=0-99999999999999999999999999'];

for (const transport of ['plain', 'TLS']) {
    describe(`downloads, ${transport}`, () => {
        let server, dir, media, etag;
        before(async () => {
            dir = makeDir();
            const { cert, key } = transport === 'TLS' ? await certificate(dir) : {};
            server = await startServer(cert === undefined ? {} : { CONFAB_TLS_CERT: cert, CONFAB_TLS_KEY: key });
            const group = await createGroup(server, 'ann', ['ben']);
            const { thread_id: thread } = await startThread(server, 'ann', group);
            ({ media_id: media } = await upload(server, 'ann', thread, body, 'about it'));
            etag = `"${media}"`;
        });
        after(async () => {
            await stopClean(server);
            rmSync(dir, { recursive: true });
        });

        const get = (headers, more) => download(server, 'ben', media, headers, more);
        function assertWhole(got, what) {
            assert.equal(got.status, 200, what);
            assert.equal(got.headers['content-length'], String(size), what);
            assert.equal(got.headers['content-range'], undefined, what);
            assertSame(got.bytes, body, what);
        }

        test('whole, with all that a client must know', async () => {
            const got = await get();
            assertWhole(got, 'no range');
            for (const [name, value] of Object.entries({ 'accept-ranges': 'bytes', etag,
                'content-type': 'application/octet-stream', 'content-disposition': 'attachment',
                'x-content-type-options': 'nosniff', 'x-encrypted-metadata': sealed('about it') }))
                assert.equal(got.headers[name], value, name);
            assert.match(got.headers['cache-control'], /^private, /);
        });

        test('HEAD tells the same, without the bytes, and knows no ranges', async () => {
            const { headers } = await get();
            const agent = new (transport === 'TLS' ? https : http).Agent({ keepAlive: true, maxSockets: 1 });
            for (const more of [{}, { range: 'bytes=0-0' }]) {
                const asked = await server.request('HEAD', `/v1/media/${media}`,
                    { token: tokenFor('ben'), headers: more, agent });
                assert.equal(asked.status, 200);
                assert.equal(asked.bytes.length, 0);
                assert.deepEqual({ ...asked.headers, date: 0, connection: 0, 'keep-alive': 0 },
                    { ...headers, date: 0, connection: 0, 'keep-alive': 0 });
            }
            agent.destroy();
        });

        for (const [what, range, first, last] of parts) {
            test(`${what}: ${range}`, async () => {
                const got = await get({ range });
                assert.equal(got.status, 206);
                assert.equal(got.headers['content-range'], `bytes ${first}-${last}/${size}`);
                assert.equal(got.headers['content-length'], String(last - first + 1));
                assert.equal(got.headers.etag, etag);
                assertSame(got.bytes, body.subarray(first, last + 1));
            });
        }

        for (const range of unsatisfiable) {
            test(`beyond the end: ${range}`, async () => {
                const got = await get({ range });
                assert.equal(got.status, 416);
                assert.equal(got.headers['content-range'], `bytes */${size}`);
            });
        }

        test('several ranges, another unit and what is no range: the whole', async () => {
            for (const range of whole) assertWhole(await get({ range }), range);
        });

        test('If-Range: the part of what is known, else the whole', async () => {
            const got = await get({ range: 'bytes=7-9', 'if-range': etag });
            assert.equal(got.status, 206);
            assertSame(got.bytes, body.subarray(7, 10));
            for (const known of ['"other"', `W/${etag}`, media, 'Sat, 03 Jan 2026 15:30:00 GMT'])
                assertWhole(await get({ range: 'bytes=7-9', 'if-range': known }), known);
            const beyond = await get({ range: `bytes=${size}-`, 'if-range': etag });
            assert.equal(beyond.status, 416);
            assert.equal(beyond.headers['cache-control'], 'no-store');
            assertWhole(await get({ range: `bytes=${size}-`, 'if-range': '"other"' }), 'beyond, of another one');
        });

        test('If-None-Match: 304 to who has it, with or without a range', async () => {
            for (const known of [etag, '*', `W/${etag}`, `"a", ${etag}`, `"a,b" ,${etag},"c"`]) {
                for (const more of [{}, { range: 'bytes=0-9' }]) {
                    const got = await get({ 'if-none-match': known, ...more });
                    assert.equal(got.status, 304, known);
                    assert.match(got.headers['cache-control'], /^private, no-cache$/, 'what the 200 says');
                    assert.equal(got.headers.etag, etag);
                    assert.equal(got.bytes.length, 0);
                }
            }
            for (const known of ['"other"', '"a", "b"', `"${media}x"`, `"x${media}"`])
                assertWhole(await get({ 'if-none-match': known }), known);
        });

        test('64 readers of ranges at once', async (context) => {
            const seed = seedOf(20261201);
            context.diagnostic(`seed ${seed}`);
            const next = random(seed);
            const agent = new (transport === 'TLS' ? https : http).Agent({ keepAlive: true, maxSockets: 64 });
            const reader = async () => {
                for (let i = 0; i < 8; i++) {
                    const first = next.below(size), last = Math.min(size - 1, first + next.below(MiB));
                    const got = await get({ range: `bytes=${first}-${last}` }, { agent });
                    assert.equal(got.status, 206);
                    assert.equal(got.headers['content-range'], `bytes ${first}-${last}/${size}`);
                    assertSame(got.bytes, body.subarray(first, last + 1), `${first}-${last}`);
                }
            };
            await Promise.all(Array.from({ length: 64 }, reader));
            agent.destroy();
        });

        test('a reader that stalls disturbs nobody, and gets the rest when it reads again', async () => {
            const stalled = [];
            for (let i = 0; i < 8; i++) {
                const wire = await Wire.open(server);
                await wire.send(requestHead('ben', 'GET', `/v1/media/${media}`));
                stalled.push(wire);
            }
            for (let i = 0; i < 3; i++) assertWhole(await within(get(), 'a download beside them'), 'beside');
            for (const wire of stalled) {
                const answer = await within(wire.answer(), 'the rest');
                assert.equal(answer.cut, false);
                assertSame(answer.bytes, body);
                wire.cut();
            }
        });

        test('requests that come together are answered one after the other', async () => {
            const wire = await Wire.open(server);
            const ranges = [[5, 70000], [size - 200000, size - 1], [0, 0], [1, 300000]];
            await wire.send(ranges.map(([first, last]) => requestHead('ben', 'GET', `/v1/media/${media}`,
                { Range: `bytes=${first}-${last}` })).join('') + requestHead('ben', 'GET', '/v1/groups'));
            for (const [first, last] of ranges) {
                const answer = await within(wire.answer(), 'the answer');
                assert.equal(answer.status, 206);
                assertSame(answer.bytes, body.subarray(first, last + 1), `${first}-${last}`);
            }
            assert.equal(JSON.parse((await within(wire.answer(), 'the last')).text).groups.length, 1);
            wire.cut();
        });
    });
}
