// Bad input: each case answers with its code, or ends the one connection that sent it; nobody else notices.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { assertRefused, clients, createTalk, devices, history, people, random, seedOf, startServer, stopClean,
    until } from './talk_lib.mjs';

let server;
before(async () => { server = await startServer({ SOCKETIO_CONNECT_TIMEOUT_MS: '3000' }); });
after(async () => { await stopClean(server); });

// A user alone with a conversation, and a bystander in it who must not notice a thing.
async function scene(context, client) {
    const connect = devices(context, server, client);
    const [ann, ben] = people('ann', 'ben');
    const talk = await createTalk(server, ann, [ben]);
    const device = await connect(ann), bystander = await connect(ben);
    await bystander.join(talk);
    await device.settled();
    await bystander.settled();
    return { connect, ann, ben, talk, device, bystander };
}

// The bystander has heard nothing, and goes on.
async function untouched({ talk, bystander }, heard = []) {
    await bystander.say(talk, 'still here');
    assert.equal((await bystander.message()).text, 'still here');
    await bystander.next('message:ack');
    assert.deepEqual(bystander.left(), heard);
    assert.equal(bystander.connects, 1);
}

const idEvents = ['conversation:join', 'conversation:leave', 'message:delivered', 'message:read'];

const send = (text) => ({ text, clientMessageId: crypto.randomUUID() });

// At once: what never comes is waited for, for a while.
describe('input', { concurrency: true }, () => {
    for (const client of clients) {
        describe(client.title, { concurrency: 4 }, () => {
            test('events with missing arguments, or arguments of another kind', async (context) => {
                const here = await scene(context, client);
                const { device, talk } = here;
                for (const event of idEvents) {
                    for (const args of [[], [null], [true], [{}], [[]], [[talk]], ['x'], [''], [1.5], [1e300],
                        [{ conversationId: talk }]])
                        assertRefused(await device.ask(event, ...args), 'invalid');
                }
                for (const args of [[], [talk], [talk, null], [talk, 'text'], [talk, 5], [talk, []], [talk, {}],
                    [null, send('x')], [send('x')], [send('x'), talk], [{}, send('x')],
                    [talk, { text: { text: 'x' } }]])
                    assertRefused(await device.ask('message:send', ...args), 'invalid');
                for (const event of ['typing:start', 'typing:stop'])
                    for (const args of [[], [null], ['x'], [{}], [[]]]) device.emit(event, ...args);
                // more arguments than there are, no harm
                const many = [1, 'two', { three: 3 }, [4], null, 5, 6, 7, 8, 9];
                assert.equal((await device.ask('conversation:join', talk, ...many)).success, true);
                assert.equal((await device.leave(talk)).success, true);
                await untouched(here, [['user:online', device.user, talk], ['user:offline', device.user, talk]]);
                assert.equal((await history(server, device.user, talk)).messages.length, 1);
            });

            test('negative, huge and unknown ids', async (context) => {
                const here = await scene(context, client);
                const { device } = here;
                for (const id of [0, -1, -(2 ** 53), 2 ** 63, 1e21, -1e300]) {
                    for (const event of idEvents)
                        assertRefused(await device.ask(event, id), 'invalid');
                    assertRefused(await device.ask('message:send', id, send('x')), 'invalid');
                    device.emit('typing:start', id);
                }
                for (const id of [2 ** 31, 2 ** 32, 2 ** 53 - 1, 2 ** 53]) {
                    for (const event of ['conversation:join', 'message:delivered', 'message:read'])
                        assertRefused(await device.ask(event, id), 'not_participant');
                    assertRefused(await device.ask('message:send', id, send('x')), 'not_participant');
                    device.emit('typing:start', id);
                }
                await untouched(here);
            });

            test('binary payloads: refused, and both ways nothing breaks', async (context) => {
                const here = await scene(context, client);
                const { device, talk } = here;
                const bytes = Buffer.from([0, 1, 0x1e, 0xff, 0x7b]);
                assertRefused(await device.ask('message:send', talk, bytes), 'invalid');
                assertRefused(await device.ask('message:send', talk, { ...send('x'), text: bytes }), 'invalid');
                for (const message of [{ ...send('x'), clientMessageId: bytes }, { ...send('x'), text: { bytes } }])
                    assertRefused(await device.ask('message:send', talk, message), 'invalid');
                assertRefused(await device.ask('message:send', bytes, send('x')), 'invalid');
                for (const event of idEvents)
                    assertRefused(await device.ask(event, new Uint8Array([1, 2, 3]).buffer), 'invalid');
                assertRefused(await device.ask('message:send', talk, [bytes, bytes, bytes, bytes, bytes]), 'invalid');
                device.emit('typing:start', bytes);
                device.emit('no such event', bytes, { bytes });
                // beside what counts, as much as else is there
                const beside = await device.ask('message:send', talk, { ...send('with bytes'), more: bytes });
                assert.equal(beside.success, true);
                assert.equal((await here.bystander.message()).text, 'with bytes');
                await device.next('message:ack');
                await untouched(here);
            });

            test('attachments that never come end their own connection', async (context) => {
                const here = await scene(context, client);
                const { connect, ann, talk } = here;
                const announce = (device, count) => {
                    const placeholders = Array.from({ length: Math.min(count, 10) },
                        (_, num) => ({ _placeholder: true, num }));
                    device.raw(`5${count}-["message:send",${talk},${JSON.stringify(placeholders)}]`);
                };
                const late = await connect(ann), mixed = await connect(ann), many = await connect(ann);
                announce(late, 2);
                late.raw(Buffer.from('only one'));
                announce(mixed, 1);
                mixed.raw('2["conversation:join",1]');
                announce(many, 10000);
                await Promise.all([mixed.disconnected, many.disconnected]);
                await late.disconnected;
                await untouched(here);
            });

            test('a packet of 1 MB is taken, of 1 MB and a byte it ends the connection', async (context) => {
                const here = await scene(context, client);
                const { device, talk } = here;
                const message = send('');
                const fill = (length) => {
                    const frame = `42${device.socket.ids}${JSON.stringify(['message:send', talk, message])}`;
                    return { ...message, text: 'x'.repeat(length - frame.length) };
                };
                assertRefused(await device.ask('message:send', talk, fill(1000000)), 'too_long');
                device.emit('message:send', talk, fill(1000001), () => assert.fail('it was acknowledged'));
                await device.disconnected;
                assert.deepEqual((await history(server, device.user, talk)).messages, []);
                await untouched(here);
            });

            test('unknown events, acks that nobody asked for, one ack id twice', async (context) => {
                const here = await scene(context, client);
                const { device, talk } = here;
                device.emit('no such event', 1, 'two', { three: [] });
                device.emit('message:new', { id: 1, text: 'forged' });
                device.emit('user:offline', here.ben, talk);
                device.emit('presence:state', { conversationId: talk, online: [] });
                for (const packet of ['3999999[]', '30[{"success":true}]', '30[{"success":true}]']) device.raw(packet);
                const acks = [];
                device.socket.io.engine.on('data', (data) => { if (/^37\[/.test(data)) acks.push(data); });
                device.raw(`27["conversation:join",${talk}]`);
                device.raw(`27["conversation:leave",${talk}]`);
                device.raw(`27["conversation:leave",-5]`);
                await until(() => acks.length === 3, 'three acks');
                assert.deepEqual(acks.map((each) => JSON.parse(each.slice(2))[0].success).sort(), [false, true, true]);
                // the biggest id that a client can count to
                const last = Number.MAX_SAFE_INTEGER;
                const big = new Promise((done) => {
                    device.socket.io.engine.on('data', (data) => { if (data.startsWith(`3${last}[`)) done(); });
                });
                device.raw(`2${last}["conversation:leave",${talk}]`);
                await big;
                await untouched(here, [['user:online', device.user, talk], ['user:offline', device.user, talk]]);
                assert.equal(device.connects, 1);
                assert.equal(device.socket.connected, true);
            });

            test('broken packets end the connection that sent them', async (context) => {
                const here = await scene(context, client);
                const { connect, ann, talk } = here;
                for (const packet of ['2', '2{}', '2[]', '2["x"', '29', '7["x"]', 'x', '4', '',
                    '2["connect"]', '2["disconnect"]', '2["connect_error",{}]',
                    '299999999999999999999["conversation:join",1]', '5-["x"]', '50x-["x"]',
                    `2["x",${'['.repeat(100000)}`,
                    `2["message:send",${talk},{"text":"a","text":"b"`, '0', '\u001e\u001e\u001e']) {
                    const device = await connect(ann);
                    await device.settled();
                    device.raw(packet);
                    await device.disconnected;
                }
                await untouched(here);
            });

            test('property 7: every message is acknowledged once, whatever it is', async (context) => {
                const here = await scene(context, client);
                const { device, talk, ben } = here;
                const seed = seedOf(20261123);
                context.diagnostic(`seed ${seed}`);
                const next = random(seed);
                const pick = (...values) => values[next.below(values.length)];
                const known = Array.from({ length: 4 }, () => crypto.randomUUID());
                const start = Date.now();
                const answers = await Promise.all(Array.from({ length: 200 }, () => device.ask('message:send',
                    ...pick([], [pick(talk, talk, talk, -1, 2 ** 40, 'x')],
                        [pick(talk, talk, talk, 2 ** 40, null), {
                            text: pick('hello', '', 'x'.repeat(1001), 7, '\u{1F600}'),
                            clientMessageId: pick(...known, crypto.randomUUID(), 'x', undefined) }]))));
                assert.ok(Date.now() - start < 5000);
                for (const answer of answers) {
                    if (answer.success) assert.equal(answer.message.conversationId, talk);
                    else if (answer.error === 'rate_limited') assertRefused(answer, 'rate_limited', ['retryAfterMs']);
                    else assertRefused(answer, answer.error);
                }
                const codes = new Set(answers.map(({ error }) => error));
                const expected = [undefined, 'invalid', 'too_long', 'not_participant', 'rate_limited'];
                for (const code of codes) assert.ok(expected.includes(code), code);
                const stored = (await history(server, ben, talk)).messages;
                const acked = new Set(answers.filter(({ success }) => success).map(({ messageId }) => messageId));
                assert.deepEqual(stored.map(({ id }) => id), [...acked].sort((x, y) => x - y));
            });
        });
    }
});
