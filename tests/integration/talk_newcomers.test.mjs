// Sockets that have joined nothing: the store does not hear of them at once, and they are recovered all the same.
import assert from 'node:assert/strict';
import { rmSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import { makeDir, tokenFor } from './lib.mjs';
import { Device, ask, createTalk, devices, newestClients, people, startServer, stopClean,
    until, within } from './talk_lib.mjs';

let server;
before(async () => { server = await startServer(); });
after(async () => { await stopClean(server); });

const websocket = newestClients.find(({ transport }) => transport === 'websocket');

// Ann reads what ben has said over REST: a receipt for all of his sockets.
async function scene(where) {
    const [ann, ben] = people('ann', 'ben');
    const talk = await createTalk(where, ann, [ben]);
    const say = async (text) => {
        const said = await ask(where, ben, 'POST', `/${talk}/messages`, { text, clientMessageId: crypto.randomUUID() });
        assert.equal(said.status, 201, said.text);
        return said.json.messageId;
    };
    return { ann, ben, talk, say };
}

describe('what the store hears of', () => {
    test('who comes and goes costs no commit, who comes and joins costs one', async (context) => {
        const one = await startServer({ CONFAB_WORKERS: '1' }); // each worker stores names that it sees
        const counts = () => Promise.all(['writes', 'commits'].map((what) => one.metric(`confab_store_${what}_total`)));
        const { ann, ben, talk } = await scene(one);
        const connect = devices(context, one, websocket);
        context.after(() => stopClean(one));
        const a = await connect(ann);
        const b = await connect(ben); // their names are stored
        await a.join(talk);
        b.socket.disconnect();
        await a.leave(talk);
        const [writes, commits] = await counts();
        for (let i = 0; i < 5; i++) {
            const lost = await connect(ben), left = await connect(ben);
            await lost.lose();
            left.socket.disconnect();
        }
        const c = await connect(ben);
        await c.join(talk); // writes are done in their order: this is the first one
        assert.deepEqual(await counts(), [writes + 1, commits + 1]);
    });
});

describe('names', () => {
    test('a name that changes, and changes back, is stored when its user connects', async (context) => {
        const one = await startServer({ CONFAB_WORKERS: '1' });
        const { ben, ann, talk } = await scene(one);
        const connect = devices(context, one, websocket);
        context.after(() => stopClean(one));
        for (const name of ['Ben', 'Benjamin', 'Benjamin', 'Ben']) {
            (await connect(ben, { token: tokenFor(ben, { username: name }) })).socket.disconnect();
            await until(async () => {
                const { json } = await ask(one, ann, 'GET', '');
                const { participants } = json.conversations.find(({ id }) => id === talk);
                return participants.find(({ userId }) => userId === ben).name === name;
            }, name);
        }
    });
});

for (const client of newestClients) {
    describe(`newcomers: ${client.title}`, { concurrency: 4 }, () => {
        test('one who was lost is recovered, with the receipts that it missed, again and again', async (context) => {
            const { ann, ben, say } = await scene(server);
            const connect = devices(context, server, client);
            const before = await say('before');
            const a = await connect(ann);
            await a.ask('message:read', before);
            const b = await connect(ben);
            await b.settled();
            const sid = b.socket.id;
            for (let round = 0; round < 4; round++) {
                const id = await say(`${round}`);
                await b.lose();
                await a.ask('message:read', id);
                assert.equal(await b.again(), true);
                assert.equal(b.socket.id, sid);
                const [read] = await b.next('message:read');
                assert.deepEqual([read.messageId, read.readBy], [id, ann]);
                assert.deepEqual(b.left(), []);
            }
        });

        test('it joins after that, and is recovered in its conversation', async (context) => {
            const { ann, ben, talk } = await scene(server);
            const connect = devices(context, server, client);
            const a = await connect(ann), b = await connect(ben);
            await a.join(talk);
            await b.lose();
            assert.equal(await b.again(), true);
            await b.join(talk);
            await b.lose();
            const { text } = await a.say(talk, 'missed');
            assert.equal(await b.again(), true);
            assert.equal((await b.message()).text, text);
        });

        test('who was refused a conversation is recovered, too', async (context) => {
            const { ann, ben, talk } = await scene(server);
            const connect = devices(context, server, client);
            const [zoe] = people('zoe');
            const z = await connect(zoe), own = await createTalk(server, zoe, [ann]);
            assert.equal((await z.ask('conversation:join', talk)).error, 'not_participant');
            await z.lose();
            assert.equal(await z.again(), true);
            await z.join(own);
            await z.lose();
            assert.equal(await z.again(), true);
            assert.equal(ben === zoe, false);
        });

        test('who said goodbye is a new one, and so is another user by the same pid', async (context) => {
            const { ann, ben } = await scene(server);
            const connect = devices(context, server, client);
            const b = await connect(ben), a = await connect(ann);
            const pid = b.socket._pid, sid = b.socket.id;
            await b.lose();
            await a.lose();
            a.socket._pid = pid;
            assert.equal(await a.again(), false);
            assert.notEqual(a.socket.id, sid);
            assert.equal(await b.again(), true);
            const c = await connect(ben);
            c.socket.disconnect();
            assert.equal(await c.again(), false);
        });
    });
}

describe('restarts', { concurrency: 3 }, () => {
    const restart = async (context, { signal, saved, recovered }) => {
        const dir = makeDir();
        let own = await startServer({ CONFAB_WORKERS: '1' }, { dir });
        context.after(() => { own.child.kill('SIGKILL'); rmSync(dir, { recursive: true, force: true }); });
        const { ann, ben, talk, say } = await scene(own);
        const id = await say('seen?'), writes = () => own.metric('confab_store_writes_total'), before = await writes();
        const b = await Device.connect(own, ben, { client: websocket });
        context.after(() => b.close());
        const sid = b.socket.id;
        if (saved) await until(async () => await writes() === before + 2, 'its name and the socket are stored');
        await b.lose(() => own.child.kill(signal));
        await within(own.closed, 'the end of the server');
        own = await startServer({ CONFAB_LISTEN: `127.0.0.1:${own.port}` }, { dir });
        const a = await Device.connect(own, ann, { client: websocket });
        await a.ask('message:read', id);
        assert.equal(await b.again(), recovered);
        assert.equal(b.socket.id === sid, recovered);
        if (recovered) assert.equal((await b.next('message:read'))[0].messageId, id);
        await b.join(talk);
        for (const device of [a, b]) device.close();
        own.child.kill('SIGTERM');
        assert.equal((await own.closed).code, 0);
    };
    test('an orderly stop: recovered', (context) =>
        restart(context, { signal: 'SIGTERM', saved: false, recovered: true }));
    test('kill -9 after a second: recovered', (context) =>
        restart(context, { signal: 'SIGKILL', saved: true, recovered: true }));
    test('kill -9 within its first second: a new one', (context) =>
        restart(context, { signal: 'SIGKILL', saved: false, recovered: false }));
});
