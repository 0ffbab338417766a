// Two users, one of whom takes no part: whatever they try is refused, and nothing reaches them.
import assert from 'node:assert/strict';
import net from 'node:net';
import { after, before, describe, test } from 'node:test';
import { tokenFor } from './lib.mjs';
import { Device, ask, assertProblem, assertRefused, clients, createTalk, devices, history, newestClients, people,
    sleep, startServer, stopClean, until } from './talk_lib.mjs';

const send = (text) => ({ text, clientMessageId: crypto.randomUUID() });

let server;
before(async () => { server = await startServer(); });
after(async () => { await stopClean(server); });

// ann and ben talk; zoe is a stranger there, but shares another conversation with ann, by which a test knows that
// whatever was to come has come.
async function scene(context, client) {
    const connect = devices(context, server, client);
    const [ann, ben, zoe] = people('ann', 'ben', 'zoe');
    const talk = await createTalk(server, ann, [ben]), shared = await createTalk(server, ann, [zoe]);
    const a = await connect(ann), b = await connect(ben), z = await connect(zoe), z2 = await connect(zoe);
    for (const device of [a, b]) await device.join(talk);
    for (const device of [a, z, z2]) await device.join(shared);
    for (const device of [a, b, z, z2]) device.forget();
    return { connect, ann, ben, zoe, talk, shared, a, b, z, z2 };
}

// The stranger's sockets have received nothing at all but the fence.
async function heardNothing({ a, z, z2, shared }, strangers = [z, z2]) {
    const fence = await a.say(shared, 'the fence');
    for (const device of strangers) {
        assert.deepEqual(await device.message(), fence);
        assert.deepEqual(device.left(), []);
    }
}

for (const client of clients) {
    describe(`privacy: ${client.title}`, { concurrency: 4 }, () => {
        test('3.4.2 a stranger does all there is to do: refused, and those inside hear nothing', async (context) => {
            const here = await scene(context, client);
            const { a, b, z, talk } = here;
            const { id } = await a.say(talk, 'secret');
            await b.message();
            await b.ask('message:read', id);
            await a.next('message:read');
            for (const device of [a, b]) device.forget();
            assertRefused(await z.ask('conversation:join', talk), 'not_participant');
            assertRefused(await z.ask('message:send', talk, send('let me in')), 'not_participant');
            assertRefused(await z.ask('message:delivered', id), 'not_participant');
            assertRefused(await z.ask('message:read', id), 'not_participant');
            z.emit('typing:start', talk);
            z.emit('typing:stop', talk);
            const left = await z.leave(talk);
            assert.equal(left.online?.length ?? 0, 0, JSON.stringify(left));
            // what a stranger is told of a conversation is what anybody is told of none
            for (const event of ['conversation:join', 'message:delivered', 'message:read'])
                assert.deepEqual(await z.ask(event, event === 'conversation:join' ? talk : id),
                    await z.ask(event, 2 ** 40));
            assert.deepEqual(await z.ask('message:send', talk, send('x')),
                await z.ask('message:send', 2 ** 40, send('x')));
            await heardNothing(here);
            await b.say(talk, 'the fence inside');
            for (const device of [a, b]) await device.next('message:new', ({ text }) => text === 'the fence inside');
            await b.next('message:ack');
            assert.deepEqual(b.left(), []);
            assert.deepEqual(a.left('typing:start', 'typing:stop', 'user:online', 'user:offline', 'message:read',
                'message:delivered'), []);
            const { messages } = await history(server, here.ann, talk);
            assert.deepEqual(messages.map(({ text, receipts }) => [text, receipts.map(({ userId }) => userId)]),
                [['secret', [here.ben]], ['the fence inside', []]]);
        });

        test('3.4.2 2.9.1 those inside do all there is to do: a stranger hears nothing', async (context) => {
            const here = await scene(context, client);
            const { connect, ben, talk, a, b } = here;
            const { id } = await a.say(talk, 'secret');
            await b.message();
            await b.ask('message:delivered', id);
            await b.ask('message:read', id);
            await a.next('message:read');
            b.emit('typing:start', talk);
            await a.next('typing:start');
            b.emit('typing:stop', talk);
            await a.next('typing:stop');
            const another = await connect(ben);
            await another.join(talk);
            await b.leave(talk);
            await another.leave(talk);
            await a.next('user:offline');
            await b.join(talk);
            await a.next('user:online');
            b.close();
            await a.next('user:offline');
            await ask(server, ben, 'POST', `/${talk}/messages`, send('by HTTP'));
            await ask(server, here.ann, 'POST', `/${talk}/participants`, { userIds: [people('cal')[0]] });
            await ask(server, here.ann, 'DELETE', `/${talk}/participants/${ben}`);
            await heardNothing(here);
        });

        test('an event that only the server emits is not relayed', async (context) => {
            const here = await scene(context, client);
            const { a, b, z, z2, shared, talk } = here;
            for (const device of [a, z]) {
                for (const event of ['message:new', 'message:ack', 'user:online', 'user:offline', 'presence:state'])
                    device.emit(event, { id: 1, conversationId: shared, text: 'forged' }, talk);
            }
            const fence = await z.say(shared, 'the fence');
            for (const device of [a, z, z2]) assert.deepEqual(await device.message(), fence);
            await heardNothing(here, [z2]);
            assert.deepEqual(b.left(), []);
        });
    });
}

describe('privacy, REST and sessions', { concurrency: 4 }, () => {
    test('3.4.2 every row refuses a stranger, as if the conversation were not there', async (context) => {
        const here = await scene(context);
        const { a, ann, ben, zoe, talk, shared } = here;
        await a.say(talk, 'secret');
        for (const [method, path, json] of [['GET', 'messages'], ['GET', 'messages?since=2000-01-01T00:00:00Z'],
            ['GET', 'messages?afterSeq=0'], ['POST', 'messages', send('x')],
            ['POST', 'participants', { userIds: [zoe] }], ['DELETE', `participants/${ben}`],
            ['DELETE', `participants/${zoe}`]]) {
            const foreign = await ask(server, zoe, method, `/${talk}/${path}`, json);
            assertProblem(foreign, 403, 'not_participant');
            const unknown = await ask(server, zoe, method, `/999999999/${path}`, json);
            assert.deepEqual([unknown.status, unknown.text], [foreign.status, foreign.text], `${method} ${path}`);
        }
        const listed = await ask(server, zoe, 'GET', '');
        assert.deepEqual(listed.json.conversations.map(({ id }) => id), [shared]);
        assert.ok(!listed.text.includes('secret'));
        assert.equal((await history(server, ann, talk)).messages.length, 1);
        await heardNothing(here);
    });

    test('V20: one who is removed while joining hears nothing, whichever comes first', async (context) => {
        const connect = devices(context, server);
        const [ann, ben] = people('ann', 'ben');
        const b = await connect(ben);
        const fence = await createTalk(server, ben);
        await b.join(fence);
        for (let i = 0; i < 60; i++) {
            const talk = await createTalk(server, ann, [ben]);
            const removed = ask(server, ben, 'DELETE', `/${talk}/participants/${ben}`);
            await sleep((i % 10) / 5); // so that both come to the store together, now and then
            await b.ask('conversation:join', talk);
            assert.equal((await removed).status, 204);
            assert.equal((await ask(server, ann, 'POST', `/${talk}/messages`, send('secret'))).status, 201);
            await ask(server, ben, 'POST', `/${fence}/messages`, send('the fence'));
            assert.equal((await b.message()).conversationId, fence);
            await sleep(100); // the rate
        }
    });

    test('a stranger learns nothing by a clientMessageId that somebody else has used', async (context) => {
        const here = await scene(context);
        const { a, z, talk, shared } = here;
        const clientMessageId = crypto.randomUUID();
        const secret = await a.say(talk, 'secret', clientMessageId);
        const own = await z.say(shared, 'own', clientMessageId);
        assert.notEqual(own.id, secret.id);
        assert.equal(own.text, 'own');
        assertRefused(await z.send(talk, 'own', crypto.randomUUID()), 'not_participant');
        // known to the sender from elsewhere: a conflict or no part, but never the other's message
        assertRefused(await z.send(talk, 'own', clientMessageId), 'not_participant');
    });

    for (const client of newestClients.slice(0, 2)) {
        test(`requests to a foreign session id, ${client.title}`, async (context) => {
            const connect = devices(context, server, client);
            const [ann, zoe] = people('ann', 'zoe');
            const talk = await createTalk(server, ann);
            const a = await connect(ann);
            await a.join(talk);
            const post = (sid, body, token) => server.request('POST', `/socket.io/?EIO=4&transport=polling&sid=${sid}`,
                { body, token, headers: { 'content-type': 'text/plain' } });
            // no id that can be guessed
            const sid = a.socket.io.engine.id;
            assert.ok(sid.length >= 20, sid);
            for (const guess of ['AAAAAAAAAAAAAAAAAAAAAAAA', `${sid.slice(0, -1)}${sid.endsWith('A') ? 'B' : 'A'}`, '',
                sid.toLowerCase() === sid ? sid.toUpperCase() : sid.toLowerCase(), `${sid}A`, sid.slice(1),
                '..%2f..%2f']) {
                const event = `42["message:send",${talk},${JSON.stringify(send('forged'))}]`;
                const answer = await post(guess, event, tokenFor(zoe));
                assert.equal(answer.status, 400, guess);
                assert.deepEqual(answer.json, guess === '' ? answer.json : { code: 1, message: 'Session ID unknown' });
            }
            // the socket's own id, which other participants could see, is no session id
            assert.notEqual(a.socket.id, sid);
            assert.equal((await post(a.socket.id, '42["x"]')).status, 400);
            assert.deepEqual((await history(server, ann, talk)).messages, []);
            assert.equal((await a.say(talk, 'still here')).seq, 1);
        });
    }

    // As a proxy's connections, that carry the requests of many.
    test('requests of several sessions over one connection have their own answers', async () => {
        const request = (method, query, body = '') => `${method} /socket.io/?EIO=4&transport=polling${query} `
            + `HTTP/1.1\r\nHost: confab\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
        for (const worker of [0, 1]) {
            const sid = Buffer.alloc(18, 7);
            sid.writeUInt16BE(worker, 16);
            const stray = request('POST', `&sid=${sid.toString('base64url')}`, '3');
            const connection = net.connect(server.port, '127.0.0.1');
            let got = '';
            connection.setEncoding('utf8').on('data', (text) => { got += text; });
            connection.write(stray + request('GET', '') + stray + request('GET', ''));
            const statuses = () => [...got.matchAll(/HTTP\/1\.1 (\d+)/g)].map(([, status]) => Number(status));
            await until(() => statuses().length === 4, 'four answers');
            assert.deepEqual(statuses(), [400, 200, 400, 200]);
            connection.destroy();
        }
    });

    test('before CONNECT, and after a refusal, a session can do nothing', async () => {
        const [ann, zoe] = people('ann', 'zoe');
        const talk = await createTalk(server, ann);
        const bystander = await Device.connect(server, ann);
        await bystander.join(talk);
        const open = async () => {
            const answer = await server.request('GET', '/socket.io/?EIO=4&transport=polling');
            return `/socket.io/?EIO=4&transport=polling&sid=${JSON.parse(answer.text.slice(1)).sid}`;
        };
        const event = `42["message:send",${talk},${JSON.stringify(send('forged'))}]`;
        for (const packets of [[event], [`40{"token":"garbage"}\x1e${event}`],
            [`40{"token":"${tokenFor(zoe)}"}\x1e${event}`]]) {
            const path = await open();
            for (const body of packets)
                await server.request('POST', path, { body, headers: { 'content-type': 'text/plain' } });
            const answer = await server.request('GET', path);
            assert.ok(!answer.text.includes('"success":true'), answer.text);
        }
        assert.deepEqual((await history(server, ann, talk)).messages, []);
        assert.equal((await bystander.say(talk, 'still here')).seq, 1);
        bystander.close();
    });

    test('tokens are neither logged nor echoed', async (context) => {
        const own = await startServer({ LOG_LEVEL: 'debug' });
        context.after(() => own.child.kill());
        const [ann] = people('ann');
        const good = tokenFor(ann), bad = `${good.slice(0, -4)}AAAA`;
        for (const client of newestClients.slice(0, 2)) {
            const device = await Device.connect(own, undefined, { client, query: { token: good } });
            device.close();
            const error = await Device.refusal(own, undefined, { client, query: { token: bad } });
            assert.ok(!JSON.stringify([error.message, error.data]).includes(bad));
            await Device.refusal(own, undefined, { client, auth: { token: bad } });
        }
        await until(() => own.log.length > 0, 'a log');
        await stopClean(own);
        for (const part of [good, bad, good.split('.')[2], bad.split('.')[1]])
            assert.ok(!own.log.includes(part), 'a token in the log');
    });
});
