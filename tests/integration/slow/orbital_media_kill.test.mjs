// kill -9 around the end of uploads: at random moments, and at each system call that makes a medium durable. Afterwards
// each upload is there complete and in the log once, or goes on from where it was and then is.
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { test } from 'node:test';
import { makeDir } from '../lib.mjs';
import { Wire, announced, assertSame, assertThere, begin, download, family, files, finish, head, idOf, mediaPath, noise,
    patch, patchHead, postMedia, requestHead, serve, unfinished } from '../orbital_media_lib.mjs';
import { random, seedOf, sleep, stopClean, until } from '../talk_lib.mjs';

const size = 100000, last = 10;

async function kill(server) {
    server.child.kill('SIGKILL');
    await server.closed;
}

test('at random moments around the last bytes of eight uploads', { timeout: 600000 }, async (context) => {
    const seed = seedOf(20261202);
    context.diagnostic(`seed ${seed}`);
    const next = random(seed);
    const dir = makeDir();
    let server = await serve(context, {}, { dir });
    const { ann, ben, group, thread } = await family(server);
    const expected = new Map(); // media → its bytes
    let withAnswer = 0, complete = 0, span = 0;

    // One of each kind: its last bytes, and what is true of it afterwards.
    const resumable = async (number) => {
        const body = noise(size, number);
        const path = await begin(server, ann, thread, size, { body: body.subarray(0, size - last) });
        return { wire: await Wire.open(server), status: 204, end: async (wire) => {
            await wire.send(patchHead(ann, path, size - last, last));
            await wire.send(body.subarray(-last));
        }, check: async (acknowledged) => {
            const { headers } = await head(server, ann, path);
            const there = headers['upload-offset'] === String(size);
            if (acknowledged) assert.ok(there, 'what was acknowledged is complete');
            // What is said to be complete needs no more of its client: it is announced.
            if (there) assert.ok((await announced(server, ann, group)).includes(idOf(path)), 'complete and announced');
            complete += there;
            await finish(server, ann, path, body);
            expected.set(idOf(path), body);
        } };
    };
    const direct = async (number) => {
        const body = noise(size, number);
        const key = `direct-${number}`;
        const wire = await Wire.open(server);
        await wire.send(requestHead(ann, 'POST', mediaPath(thread),
            { 'Content-Length': size, 'Idempotency-Key': key }));
        await wire.send(body.subarray(0, size - last));
        return { wire, status: 201, end: (each) => each.send(body.subarray(-last)), check: async (acknowledged) => {
            const again = await postMedia(server, ann, thread, body, { headers: { 'idempotency-key': key } });
            assert.ok(again.status === 200 || !acknowledged && again.status === 201, `${again.status} ${again.text}`);
            complete += again.status === 200;
            expected.set(again.json.media_id, body);
        } };
    };

    for (let round = 0; round < 40; round++) {
        const uploads = [];
        for (let i = 0; i < 8; i++) uploads.push(await (i < 5 ? resumable : direct)(round * 8 + i));
        const began = performance.now();
        const ends = Promise.all(uploads.map(async ({ wire, end, status }) => {
            await end(wire);
            const answer = await wire.answer();
            if (answer !== undefined) assert.equal(answer.status, status, answer.text);
            return answer !== undefined;
        }));
        if (round === 0) {
            await ends;
            span = (performance.now() - began) * 1.5;
            context.diagnostic(`kills within ${span.toFixed(1)} ms`);
        } else {
            await sleep(next() * span);
        }
        await kill(server);
        const acknowledged = await ends;
        withAnswer += acknowledged.filter(Boolean).length;
        server = await serve(context, {}, { dir });
        for (const [i, { check }] of uploads.entries()) await check(acknowledged[i]);
        const log = await announced(server, ben, group);
        assert.equal(new Set(log).size, log.length, 'nothing is announced twice');
        assert.deepEqual([...log].sort(), [...expected.keys()].sort(), 'each is announced, and nothing else');
    }
    context.diagnostic(`${expected.size} uploads: ${withAnswer} had their answer, ${complete} were complete`);
    for (const [media, body] of expected) assertSame((await download(server, ben, media)).bytes, body, media);
    assert.deepEqual(files(server), [...expected.keys()].sort());
    await until(() => unfinished(server).length === 0, 'nothing stays of what nobody wants');
    await stopClean(server);
    rmSync(dir, { recursive: true });
});

const isAlive = ({ child: { pid } }) => existsSync(`/proc/${pid}`)
    && !/State:\t[ZX]/.test(readFileSync(`/proc/${pid}/status`, 'latin1'));

// strace kills the server as a thread of it enters that system call for the nth time.
async function killAt(server, call, nth) {
    const { pid } = server.child;
    const tracer = spawn('strace', ['-f', '-qq', '-o', '/dev/null', '-e', `trace=${call}`,
        '-e', `inject=${call}:signal=KILL:when=${nth}`, '-p', String(pid)], { stdio: 'ignore' });
    const gone = once(tracer, 'close');
    await until(() => readdirSync(`/proc/${pid}/task`).every((task) =>
        /TracerPid:\t[1-9]/.test(readFileSync(`/proc/${pid}/task/${task}/status`, 'latin1'))), 'strace is attached');
    return async () => {
        tracer.kill('SIGKILL'); // asked to end, it may wait for ever for a thread that is dying
        await gone;
    };
}

test('at each system call of the end of an upload', { timeout: 600000,
    skip: spawnSync('strace', ['-V']).status !== 0 && 'there is no strace' }, async (context) => {
    const reached = [];
    for (const call of ['write', 'pwrite64', 'writev', 'pwritev', 'fsync', 'fdatasync', '/^rename', '/^link',
        'ftruncate']) {
        for (let nth = 1; ; nth++) {
            const dir = makeDir();
            // One thread for files, since strace counts the calls of each.
            let server = await serve(context, { UV_THREADPOOL_SIZE: '1', CONFAB_WORKERS: '1' }, { dir });
            const people = await family(server);
            const { ann, thread } = people;
            const body = noise(size, nth);
            const path = await begin(server, ann, thread, size, { body: body.subarray(0, size - last) });
            const detach = await killAt(server, call, nth);
            const answer = await patch(server, ann, path, size - last, body.subarray(-last)).catch(() => undefined);
            if (answer !== undefined) assert.equal(answer.status, 204, answer.text);
            await detach();
            const killed = answer === undefined || !isAlive(server);
            if (killed) {
                reached.push(`${call} ${nth}`);
                await server.closed;
                server = await serve(context, {}, { dir });
            }
            const there = (await head(server, ann, path)).headers['upload-offset'] === String(size);
            assert.ok(there || answer === undefined, 'what was acknowledged is complete');
            if (there) await assertThere(server, people, idOf(path), body);
            await finish(server, ann, path, body);
            await assertThere(server, people, idOf(path), body);
            assert.deepEqual(unfinished(server), []);
            await stopClean(server);
            rmSync(dir, { recursive: true });
            if (!killed) break;
        }
    }
    context.diagnostic(`killed at ${reached.join(', ')}`);
    assert.ok(reached.some((each) => each.startsWith('/^rename')), 'at the rename');
    assert.ok(reached.filter((each) => each.startsWith('fsync')).length >= 2, 'at the syncs of file and folder');
});
