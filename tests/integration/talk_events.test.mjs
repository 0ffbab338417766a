// The whole table of events, with unmodified clients: the newest and the oldest, over each transport.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { signToken, tokenFor } from './lib.mjs';
import { Device, ask, assertRefused, byName, clients, createTalk, devices, history, people, sleep, startServer,
    stopClean, until, within, withoutReceipts } from './talk_lib.mjs';

const time = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/;
const inAnHour = () => Math.floor(Date.now() / 1000) + 3600;

let server;
before(async () => { server = await startServer(); });
after(async () => { await stopClean(server); });

for (const client of clients) {
    describe(`connecting: ${client.title}`, { concurrency: 4 }, () => {
        test('2.1.1 2.1.3 2.1.4 3.4.1 a token lets in by auth, ?token= and header', async (context) => {
            const connect = devices(context, server, client);
            const [ann] = people('ann');
            const token = tokenFor(ann);
            const talk = await createTalk(server, ann);
            for (const options of [{ auth: { token } }, { auth: {}, query: { token } },
                { auth: {}, extraHeaders: { authorization: `Bearer ${token}` } },
                { auth: {}, extraHeaders: { authorization: `bEARER ${token}` } },
                { auth: (give) => give({ token }) }]) {
                const device = await connect(ann, options);
                assert.equal((await device.say(talk, 'hello')).senderId, ann);
            }
        });

        test('2.1.3 the user id is user_id, userId or sub, the name username, name, preferred_username or the id',
            async (context) => {
                const connect = devices(context, server, client);
                const [a, b, c, d] = people('a', 'b', 'c', 'd');
                for (const [claims, id, name] of [
                    [{ user_id: a, userId: 'x', sub: 'y', username: 'A', name: 'N' }, a, 'A'],
                    [{ userId: b, sub: 'y', name: 'B', preferred_username: 'P' }, b, 'B'],
                    [{ sub: c, preferred_username: 'C' }, c, 'C'], [{ sub: d }, d, d]]) {
                    const token = signToken({ ...claims, exp: inAnHour() });
                    const device = await connect(id, { token });
                    const talk = await createTalk(server, 'maker', [id]);
                    const { senderId, senderName } = await device.say(talk, 'hello');
                    assert.deepEqual([senderId, senderName], [id, name]);
                }
            });

        test('2.1.2 refusals: the texts of the design and the codes', async () => {
            const [ann] = people('ann');
            const good = { user_id: ann, exp: inAnHour() };
            const unsigned = signToken(good, { header: { alg: 'none', typ: 'JWT' } });
            const none = unsigned.slice(0, unsigned.lastIndexOf('.') + 1);
            const invalid = 'Invalid or expired token', missing = 'Authentication token required';
            for (const [options, text, code] of [
                [{}, missing, 'token_required'],
                [{ auth: {} }, missing, 'token_required'],
                [{ auth: { token: '' } }, missing, 'token_required'],
                [{ auth: { token: 'garbage' } }, invalid, 'token_invalid'],
                [{ auth: { token: 12345 } }, invalid, 'token_invalid'],
                [{ auth: { token: signToken(good, { key: 'another key, long enough: 0123456789' }) } },
                    invalid, 'token_invalid'],
                [{ auth: { token: none } }, invalid, 'token_invalid'],
                [{ auth: { token: signToken({ user_id: ann }) } }, invalid, 'token_invalid'],
                [{ auth: { token: signToken({ exp: inAnHour() }) } }, invalid, 'token_invalid'],
                [{ auth: { token: signToken({ user_id: ann, exp: 1000 }) } }, invalid, 'token_expired'],
                [{ query: { token: signToken({ user_id: ann, exp: 1000 }) } }, invalid, 'token_expired'],
                [{ auth: { token: 'garbage' }, query: { token: signToken(good) } }, invalid, 'token_invalid']]) {
                const error = await Device.refusal(server, undefined, { client, ...options });
                assert.equal(error.message, text);
                assert.deepEqual(error.data, { code });
            }
        });

        test('another namespace is refused, and / goes on over the same connection', async (context) => {
            const connect = devices(context, server, client);
            const [ann] = people('ann');
            const device = await connect(ann);
            const other = device.socket.io.socket('/admin', { auth: { token: tokenFor(ann) } });
            const error = await within(new Promise((done) => { other.once('connect_error', done); }), 'a refusal');
            assert.equal(error.message, 'Invalid namespace');
            const talk = await createTalk(server, ann);
            assert.equal((await device.say(talk, 'still here')).seq, 1);
            const again = await Device.refusal(server, ann, { client, namespace: '/admin' });
            assert.equal(again.message, 'Invalid namespace');
        });

        test('3.1.2 3.5.2 it connects within 3 s, over the transport that was asked for', async (context) => {
            const connect = devices(context, server, client);
            const [ann] = people('ann');
            const start = Date.now();
            const device = await connect(ann);
            assert.ok(Date.now() - start < 3000);
            await device.settled();
            assert.equal(device.transport, client.transport === 'polling' ? 'polling' : 'websocket');
        });

        test('nothing is lost or reordered while the transport is upgraded', async (context) => {
            const connect = devices(context, server, client);
            const [ann] = people('ann');
            const talk = await createTalk(server, ann);
            const device = await connect(ann);
            const order = [];
            const joins = Array.from({ length: 200 }, (_, i) =>
                device.ask(i % 2 ? 'conversation:leave' : 'conversation:join', talk).then(() => order.push(i)));
            await Promise.all(joins);
            assert.deepEqual(order, Array.from({ length: 200 }, (_, i) => i));
            await device.settled();
        });

        test('a token that expires ends the socket', async (context) => {
            const connect = devices(context, server, client);
            const [ann] = people('ann');
            const talk = await createTalk(server, ann);
            const device = await connect(ann, { token: tokenFor(ann, { exp: Math.floor(Date.now() / 1000) + 2 }) });
            await device.join(talk);
            assert.equal(await device.disconnected, 'io server disconnect');
        });
    });

    describe(`conversations: ${client.title}`, { concurrency: 4 }, () => {
        test('2.2.4 2.2.5 2.9.1 2.9.2 join and leave: acks with who is there, and the others hear of it',
            async (context) => {
                const connect = devices(context, server, client);
                const [ann, ben] = people('ann', 'ben');
                const talk = await createTalk(server, ann, [ben]);
                const a = await connect(ann), b = await connect(ben);
                assert.deepEqual(await a.ask('conversation:join', talk), { success: true, online: [ann] });
                assert.deepEqual(await a.next('presence:state'), [{ conversationId: talk, online: [ann] }]);
                const joined = await b.ask('conversation:join', talk);
                assert.equal(joined.success, true);
                assert.deepEqual(byName(joined.online), [ann, ben]);
                const [state] = await b.next('presence:state');
                assert.deepEqual({ ...state, online: byName(state.online) },
                    { conversationId: talk, online: [ann, ben] });
                assert.deepEqual(await a.next('user:online'), [ben, talk]);

                await b.join(talk);
                assert.equal((await b.leave(talk)).success, true);
                assert.deepEqual(await a.next('user:offline'), [ben, talk]);
                assert.equal((await b.leave(talk)).success, true);
                await b.join(talk);
                assert.deepEqual(await a.next('user:online'), [ben, talk]);
                await b.say(talk, 'the fence');
                await a.message();
                assert.deepEqual(a.left(), []);
                assert.deepEqual(b.left('user:online', 'user:offline'), []);
            });

        test('who leaves and comes back over the same connection comes back to nothing', async (context) => {
            const connect = devices(context, server, client);
            const [ann] = people('ann');
            const talk = await createTalk(server, ann);
            const a = await connect(ann);
            await a.settled();
            a.raw(`21["conversation:join",${talk}]`);
            a.raw('1');
            a.raw(`0${JSON.stringify({ token: tokenFor(ann) })}`);
            await until(() => a.connects === 2, 'the second connection');
            await ask(server, ann, 'POST', `/${talk}/messages`, { text: 'x', clientMessageId: crypto.randomUUID() });
            assert.deepEqual(await a.join(talk), [ann]);
            assert.deepEqual(a.left('message:new'), []);
        });

        test('who joins and sends at once hears of it', async (context) => {
            const connect = devices(context, server, client);
            const [ann] = people('ann');
            const a = await connect(ann);
            for (let i = 0; i < 5; i++) {
                const talk = await createTalk(server, ann);
                a.emit('conversation:join', talk);
                const said = await a.say(talk, 'at once');
                assert.deepEqual(await a.message(), said);
            }
        });

        test('2.3.1 2.4.2 a message: the ack, message:ack, message:new', async (context) => {
            const connect = devices(context, server, client);
            const [ann, ben] = people('ann', 'ben');
            const talk = await createTalk(server, ann, [ben]);
            const a = await connect(ann), a2 = await connect(ann), b = await connect(ben);
            const unjoined = await connect(ann);
            for (const device of [a, a2, b]) await device.join(talk);
            for (const device of [a, a2]) assert.deepEqual(await device.next('user:online'), [ben, talk]);
            const clientMessageId = crypto.randomUUID();
            const ack = await a.send(talk, 'Hello!', clientMessageId);
            const { messageId, message } = ack;
            assert.deepEqual(ack, { success: true, messageId, message: { id: messageId, conversationId: talk,
                senderId: ann, senderName: ann.toUpperCase(), text: 'Hello!', clientMessageId,
                createdAt: message.createdAt, seq: 1 } });
            assert.ok(Number.isSafeInteger(messageId) && messageId > 0);
            assert.match(message.createdAt, time);
            assert.ok(Math.abs(Date.parse(message.createdAt) - Date.now()) < 60000);
            assert.deepEqual(await a.next('message:ack'), [{ clientMessageId, messageId, success: true }]);
            for (const device of [a, a2, b]) assert.deepEqual(await device.message(), message);

            const second = await b.say(talk, 'Hi.');
            assert.ok(second.id > messageId);
            assert.equal(second.seq, 2);
            for (const device of [a, a2, b]) assert.deepEqual(await device.message(), second);
            const third = await unjoined.say(talk, 'from a socket that has not joined');
            for (const device of [a, a2, b]) assert.deepEqual(await device.message(), third);
            await b.next('message:ack');
            for (const device of [a, a2, b]) assert.deepEqual(device.left(), []);
            await unjoined.next('message:ack');
            assert.deepEqual(unjoined.left(), []);
        });

        test('what an app sends beside the text does not come out again', async (context) => {
            const connect = devices(context, server, client);
            const [ann] = people('ann');
            const talk = await createTalk(server, ann);
            const a = await connect(ann);
            const { message } = await a.ask('message:send', talk, { text: 'x', clientMessageId: crypto.randomUUID(),
                id: 99, senderId: 'mallory', conversationId: 1, createdAt: 'never', seq: 7, status: 'sending' });
            assert.deepEqual([message.senderId, message.conversationId, message.seq], [ann, talk, 1]);
            assert.deepEqual(Object.keys(message).sort(), ['clientMessageId', 'conversationId', 'createdAt', 'id',
                'senderId', 'senderName', 'seq', 'text']);
        });

        test('no ack is asked for: the message is sent all the same', async (context) => {
            const connect = devices(context, server, client);
            const [ann] = people('ann');
            const talk = await createTalk(server, ann);
            const a = await connect(ann);
            await a.join(talk);
            const clientMessageId = crypto.randomUUID();
            a.emit('message:send', talk, { text: 'x', clientMessageId });
            const message = await a.message();
            assert.equal(message.clientMessageId, clientMessageId);
            assert.deepEqual(await a.next('message:ack'), [{ clientMessageId, messageId: message.id, success: true }]);
        });

        test('a user id that is all digits is a JSON number, everywhere', async (context) => {
            const connect = devices(context, server, client);
            const [ann, ben] = people('10', '20');
            const [one, two] = [Number(ann), Number(ben)];
            const talk = await createTalk(server, ann, [two]);
            const a = await connect(ann);
            const b = await connect(ben, { token: signToken({ user_id: two, exp: inAnHour() }) });
            assert.deepEqual(await a.join(talk), [one]);
            await b.join(talk);
            assert.deepEqual(await a.next('user:online'), [two, talk]);
            b.emit('typing:start', talk);
            assert.deepEqual(await a.next('typing:start'), [two, talk]);
            b.emit('typing:stop', talk);
            assert.deepEqual(await a.next('typing:stop'), [two, talk]);
            const { id } = await a.say(talk, 'x');
            assert.equal((await b.message()).senderId, one);
            await b.ask('message:delivered', id);
            assert.equal((await a.next('message:delivered'))[0].deliveredTo, two);
            await b.ask('message:read', id);
            assert.equal((await a.next('message:read'))[0].readBy, two);
            await b.leave(talk);
            assert.deepEqual(await a.next('user:offline'), [two, talk]);
        });

        test('a user id of digits that no number holds stays a string', async (context) => {
            const connect = devices(context, server, client);
            for (const [user] of [people('00'), people('9007199254740993'), people('-')]) {
                const talk = await createTalk(server, user);
                const device = await connect(user);
                assert.deepEqual(await device.join(talk), [user]);
                assert.equal((await device.say(talk, 'x')).senderId, user);
            }
        });

        test('3.4.3 what goes out is HTML-escaped, names too', async (context) => {
            const connect = devices(context, server, client);
            const [ann, ben] = people('ann', 'ben');
            const name = '<b onclick="x">&\'';
            const talk = await createTalk(server, ann, [ben]);
            const a = await connect(ann, { token: tokenFor(ann, { username: name }) }), b = await connect(ben);
            await b.join(talk);
            const escaped = '&lt;script&gt;alert(&quot;1&quot;)&lt;/script&gt; &amp;amp; &#39;x&#39;';
            const message = await a.say(talk, '<script>alert("1")</script> &amp; \'x\'');
            assert.equal(message.text, escaped);
            assert.equal(message.senderName, '&lt;b onclick=&quot;x&quot;&gt;&amp;&#39;');
            assert.deepEqual(await b.message(), message);
            const { messages } = await history(server, ben, talk);
            assert.deepEqual(messages.map(withoutReceipts), [message]);
        });

        test('text: 1 to 1000 code points', async (context) => {
            const connect = devices(context, server, client);
            const [ann] = people('ann');
            const talk = await createTalk(server, ann);
            const a = await connect(ann);
            for (const text of ['x', 'ä'.repeat(1000), '\u{1F600}'.repeat(1000), '<'.repeat(1000), ' ',
                '\u2028\n\t"\\'])
                assert.equal((await a.say(talk, text)).text, text.replaceAll('<', '&lt;').replaceAll('"', '&quot;'));
            for (const text of ['x'.repeat(1001), '\u{1F600}'.repeat(1001), 'x'.repeat(100000)])
                assertRefused(await a.send(talk, text), 'too_long');
            for (const text of ['', 'a\0b', 5, null, ['x'], { x: 1 }, true, undefined])
                assertRefused(await a.send(talk, text), 'invalid');
            assert.equal((await history(server, ann, talk)).messages.length, 6);
        });

        test('2.4.3 2.4.4 2.4.5 3.3.2 property 1: an id seen again is acked with the first message, told to nobody',
            async (context) => {
                const connect = devices(context, server, client);
                const [ann, ben] = people('ann', 'ben');
                const talk = await createTalk(server, ann, [ben]), other = await createTalk(server, ann, [ben]);
                const a = await connect(ann), a2 = await connect(ann), b = await connect(ben);
                await b.join(talk);
                await b.join(other);
                const clientMessageId = crypto.randomUUID();
                const first = await a.send(talk, 'once', clientMessageId);
                for (const [device, text] of [[a, 'once'], [a2, 'once'], [a, 'another text']])
                    assert.deepEqual(await device.send(talk, text, clientMessageId), first);
                for (const device of [a, a, a, a2]) {
                    assert.deepEqual(await device.next('message:ack'),
                        [{ clientMessageId, messageId: first.messageId, success: true }]);
                }
                assertRefused(await a.send(other, 'once', clientMessageId), 'conflict');
                const own = await b.send(talk, 'mine', clientMessageId);
                assert.equal(own.success, true);
                assert.deepEqual([own.message.senderId, own.message.seq, own.message.text], [ben, 2, 'mine']);
                await a.say(other, 'the fence');
                for (const text of ['once', 'mine', 'the fence']) assert.equal((await b.message()).text, text);
                await b.next('message:ack');
                assert.deepEqual(b.left(), []);
                assert.equal((await history(server, ann, talk)).messages.length, 2);
            });

        test('2.4.2 a clientMessageId is a UUID', async (context) => {
            const connect = devices(context, server, client);
            const [ann] = people('ann');
            const talk = await createTalk(server, ann);
            const a = await connect(ann);
            for (const id of ['', 'x', 'not-a-uuid', '01890a5dac96774bbcceb302099a8057', 7, null, {},
                '01890a5d-ac96-774b-bcce-b302099a805g', '01890a5d-ac96-774b-bcce-b302099a80577', '\''.repeat(36)])
                assertRefused(await a.ask('message:send', talk, { text: 'x', clientMessageId: id }), 'invalid');
            assertRefused(await a.ask('message:send', talk, { text: 'x' }), 'invalid');
            assert.deepEqual((await history(server, ann, talk)).messages, []);
        });

        test('2.4.3 a clientMessageId is the same in upper case; message:ack has it as sent', async (context) => {
            const connect = devices(context, server, client);
            const [ann] = people('ann');
            const talk = await createTalk(server, ann);
            const a = await connect(ann);
            const id = crypto.randomUUID();
            const first = await a.send(talk, 'x', id.toUpperCase());
            assert.deepEqual(await a.send(talk, 'x', id), first);
            for (const clientMessageId of [id.toUpperCase(), id]) {
                assert.deepEqual(await a.next('message:ack'),
                    [{ clientMessageId, messageId: first.messageId, success: true }]);
            }
        });

        test('2.10.1 2.10.2 2.10.3 receipts reach every device of the sender, and nobody else', async (context) => {
            const connect = devices(context, server, client);
            const [ann, ben, cal] = people('ann', 'ben', 'cal');
            const talk = await createTalk(server, ann, [ben, cal]);
            const a = await connect(ann), a2 = await connect(ann), b = await connect(ben), c = await connect(cal);
            for (const device of [a, b, c]) await device.join(talk);
            const { id } = await a.say(talk, 'seen?');
            assert.deepEqual(await b.ask('message:delivered', id), { success: true });
            for (const device of [a, a2]) {
                const [receipt, offset] = await device.next('message:delivered');
                assert.deepEqual(receipt, { messageId: id, conversationId: talk, deliveredTo: ben,
                    deliveredAt: receipt.deliveredAt });
                assert.match(receipt.deliveredAt, time);
                assert.ok(Number(offset) > id, offset);
            }
            assert.deepEqual(await b.ask('message:read', id), { success: true });
            const reads = [];
            for (const device of [a, a2]) {
                const [receipt, offset] = await device.next('message:read');
                assert.deepEqual(receipt, { messageId: id, conversationId: talk, readBy: ben, readAt: receipt.readAt });
                assert.match(receipt.readAt, time);
                assert.equal(typeof offset, 'string');
                reads.push(receipt);
            }
            assert.deepEqual(reads[0], reads[1]);
            // again: acknowledged, and told to nobody
            assert.deepEqual(await b.ask('message:delivered', id), { success: true });
            assert.deepEqual(await b.ask('message:read', id), { success: true });
            // an own message
            assert.deepEqual(await a.ask('message:read', id), { success: true });
            assert.deepEqual(await a.ask('message:delivered', id), { success: true });
            await c.say(talk, 'the fence');
            for (const device of [a, b, c]) assert.equal((await device.next('message:new', ({ text }) =>
                text === 'the fence'))[0].seq, 2);
            for (const device of [a, a2, b, c])
                assert.deepEqual(device.left('message:delivered', 'message:read'), []);
            const [stored] = (await history(server, cal, talk)).messages;
            assert.equal(stored.receipts.length, 1);
            assert.equal(stored.receipts[0].readAt, reads[0].readAt);
        });

        test('3.1.1 a message arrives within 500 ms', async (context) => {
            const connect = devices(context, server, client);
            const [ann, ben] = people('ann', 'ben');
            const talk = await createTalk(server, ann, [ben]);
            const a = await connect(ann), b = await connect(ben);
            await a.settled();
            await b.join(talk);
            await b.settled();
            const times = [];
            for (let i = 0; i < 9; i++) {
                const start = performance.now();
                a.emit('message:send', talk, { text: 'x', clientMessageId: crypto.randomUUID() });
                await b.message();
                times.push(performance.now() - start);
            }
            assert.ok(times.sort((x, y) => x - y)[4] < 500, `${times}`);
        });

        test('3.4.4 ten messages a second over all sockets of a user; a wait as told helps', async (context) => {
            const connect = devices(context, server, client);
            const [ann, ben] = people('ann', 'ben');
            const talk = await createTalk(server, ann, [ben]);
            const a = await connect(ann), a2 = await connect(ann), b = await connect(ben);
            await Promise.all([a.settled(), a2.settled(), b.settled()]);
            const start = Date.now();
            const answers = await Promise.all(Array.from({ length: 40 },
                (_, i) => (i % 2 ? a : a2).send(talk, `m${i}`)));
            const seconds = (Date.now() - start) / 1000;
            const sent = answers.filter(({ success }) => success).length;
            assert.ok(sent >= 10 && sent <= 11 + seconds * 10, `${sent} in ${seconds} s`);
            const refused = answers.filter(({ success }) => !success);
            assert.notEqual(refused.length, 0);
            for (const answer of refused) {
                assertRefused(answer, 'rate_limited', ['retryAfterMs']);
                const wait = answer.retryAfterMs;
                assert.ok(Number.isInteger(wait) && wait > 0 && wait <= 1000, `${wait}`);
            }
            assert.equal((await b.say(talk, 'another user is not slowed')).seq, sent + 1);
            await sleep(refused.at(-1).retryAfterMs + 10);
            assert.equal((await a.say(talk, 'after the wait')).seq, sent + 2);
        });
    });
}

describe('one server, many clients', () => {
    test('another path, as configured', async (context) => {
        const own = await startServer({ SOCKETIO_PATH: '/chat/live/' });
        context.after(() => own.child.kill());
        const [ann] = people('ann');
        const talk = await createTalk(own, ann);
        for (const client of clients) {
            const device = await devices(context, own, client)(ann, { path: '/chat/live/' });
            await device.settled();
            assert.deepEqual(await device.join(talk), [ann]);
            assert.notEqual((await Device.refusal(own, ann, { client })).message, undefined);
            device.close();
        }
        await stopClean(own);
    });

    test('2.7.5 3.1.4 property 2: clients of every version and transport see the same messages in the same order',
        async (context) => {
            const users = clients.map((_, i) => people(`u${i}`)[0]);
            const talk = await createTalk(server, users[0], users.slice(1));
            const all = await Promise.all(clients.map((client, i) => devices(context, server, client)(users[i])));
            for (const device of all) await device.join(talk);
            // ten a second each: a hundred and more in two seconds
            const load = async (device, i) => {
                for (let k = 0; k < 20; k++) {
                    const answer = await device.send(talk, `${i}-${k}`);
                    if (!answer.success) {
                        await sleep(answer.retryAfterMs);
                        k--;
                    }
                }
            };
            await Promise.all(all.map(load));
            const count = all.length * 20;
            const seen = await Promise.all(all.map(async (device) => {
                const messages = [];
                while (messages.length < count) messages.push(await device.message());
                return messages;
            }));
            for (const messages of seen) assert.deepEqual(messages, seen[0]);
            assert.deepEqual(seen[0].map(({ seq }) => seq), Array.from({ length: count }, (_, i) => i + 1));
            const times = seen[0].map(({ createdAt }) => createdAt);
            assert.deepEqual(times, [...new Set(times)].sort());
            const ids = seen[0].map(({ id }) => id);
            assert.deepEqual(ids, [...new Set(ids)].sort((x, y) => x - y));
        });
});
