// Every REST row of conversations, and what it shares with the sockets.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { signToken, tokenFor } from './lib.mjs';
import { ask, assertProblem, byName, createTalk, devices, fetchAfter, history, people, random, seedOf, sleep,
    startServer, stopClean, withoutReceipts } from './talk_lib.mjs';

const time = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/;
const send = (text, clientMessageId = crypto.randomUUID()) => ({ text, clientMessageId });

let server;
before(async () => { server = await startServer(); });
after(async () => { await stopClean(server); });

const rest = (user, method, path, json) => ask(server, user, method, path, json);

async function list(user) {
    const answer = await rest(user, 'GET', '');
    assert.equal(answer.status, 200, answer.text);
    return answer.json.conversations;
}

// Messages of several users, so that no rate is reached.
async function fill(talk, users, count) {
    const messages = [];
    for (let i = 0; i < count; i++) {
        const answer = await rest(users[i % users.length], 'POST', `/${talk}/messages`, send(`m${i}`));
        assert.equal(answer.status, 201, answer.text);
        messages.push(answer.json.message);
    }
    return messages;
}

describe('conversations', { concurrency: 4 }, () => {
    test('a group is made and listed; the caller takes part', async () => {
        const [ann, ben, cal] = people('ann', 'ben', 'cal');
        const made = await rest(ann, 'POST', '',
            { kind: 'group', title: 'The garage', participantIds: [ben, cal, ben] });
        assert.equal(made.status, 201);
        const { id, kind, title, createdAt, participants } = made.json;
        assert.ok(Number.isSafeInteger(id) && id > 0);
        assert.deepEqual([kind, title], ['group', 'The garage']);
        assert.match(createdAt, time);
        assert.deepEqual(byName(participants.map(({ userId }) => userId)), [ann, ben, cal]);
        for (const user of [ann, ben, cal]) {
            const [listed] = await list(user);
            assert.equal(listed.id, id);
            assert.deepEqual(byName(listed.participants.map(({ userId }) => userId)), [ann, ben, cal]);
            assert.equal(listed.unreadCount, 0);
            assert.equal(listed.lastMessage, null);
        }
        assert.deepEqual(await list(people('nobody')[0]), []);
        const alone = await rest(ann, 'POST', '', { kind: 'group', participantIds: [ann] });
        assert.equal(alone.status, 201);
        assert.ok(alone.json.id > id);
    });

    test('a direct one of the same two is answered again, from either side', async () => {
        const [ann, ben, cal] = people('ann', 'ben', 'cal');
        const first = await rest(ann, 'POST', '', { kind: 'direct', participantIds: [ben] });
        assert.equal(first.status, 201);
        assert.equal(first.json.kind, 'direct');
        for (const [user, ids] of [[ann, [ben]], [ben, [ann]], [ben, [ann, ben]], [ann, [ben, ben]]]) {
            const again = await rest(user, 'POST', '', { kind: 'direct', participantIds: ids });
            assert.equal(again.status, 200, again.text);
            assert.equal(again.json.id, first.json.id);
        }
        const group = await rest(ann, 'POST', '', { kind: 'group', participantIds: [ben] });
        assert.notEqual(group.json.id, first.json.id);
        const other = await rest(ann, 'POST', '', { kind: 'direct', participantIds: [cal] });
        assert.equal(other.status, 201);
        assert.notEqual(other.json.id, first.json.id);
        const races = await Promise.all(Array.from({ length: 20 }, (_, i) =>
            rest([ben, cal][i % 2], 'POST', '', { kind: 'direct', participantIds: [[cal, ben][i % 2]] })));
        assert.equal(new Set(races.map(({ json }) => json.id)).size, 1);
        assert.deepEqual(races.map(({ status }) => status).sort(), [...Array(19).fill(200), 201]);
    });

    test('user ids of digits go in as numbers or strings, and come out as numbers', async () => {
        const [ann, ben] = people('10', '20');
        const first = await rest(ann, 'POST', '', { kind: 'direct', participantIds: [Number(ben)] });
        const again = await rest(ann, 'POST', '', { kind: 'direct', participantIds: [ben] });
        assert.equal(again.json.id, first.json.id);
        assert.deepEqual(first.json.participants.map(({ userId }) => userId).sort(), [Number(ann), Number(ben)].sort());
        const sent = await rest(ann, 'POST', `/${first.json.id}/messages`, send('x'));
        assert.equal(sent.json.message.senderId, Number(ann));
    });

    test('what a conversation must have', async () => {
        const [ann, ben] = people('ann', 'ben');
        for (const [json, field] of [
            [{ participantIds: [ben] }, 'kind'], [{ kind: 'party', participantIds: [ben] }, 'kind'],
            [{ kind: 5, participantIds: [ben] }, 'kind'], [{ kind: 'group' }, 'participantIds'],
            [{ kind: 'group', participantIds: ben }, 'participantIds'],
            [{ kind: 'group', participantIds: [null] }, 'participantIds'],
            [{ kind: 'group', participantIds: [''] }, 'participantIds'],
            [{ kind: 'direct', participantIds: [] }, 'participantIds'],
            [{ kind: 'direct', participantIds: [ann] }, 'participantIds'],
            [{ kind: 'direct', participantIds: [ben, 'cal'] }, 'participantIds'],
            [{ kind: 'group', title: 5, participantIds: [ben] }, 'title'],
            [{ kind: 'group', title: 'two\nlines', participantIds: [ben] }, 'title']])
            assertProblem(await rest(ann, 'POST', '', json), 422, 'invalid', field);
        for (const [json, field] of [[{ kind: 'group', title: 'x'.repeat(201), participantIds: [ben] }, 'title'],
            [{ kind: 'group', participantIds: Array(1001).fill(ben) }, 'participantIds']])
            assertProblem(await rest(ann, 'POST', '', json), 422, 'too_long', field);
        assert.deepEqual(await list(ann), []);
    });

    test('3.4.3 titles and names go out escaped', async () => {
        const [ann, ben] = people('ann', 'ben');
        const token = signToken({ user_id: ann, username: '<i>&\'"', exp: Math.floor(Date.now() / 1000) + 60 });
        const made = await server.request('POST', '/api/conversations',
            { token, json: { kind: 'group', title: '<b>', participantIds: [ben] } });
        assert.equal(made.json.title, '&lt;b&gt;');
        assert.ok(!/[<>]/.test(JSON.stringify(await list(ben))), JSON.stringify(await list(ben)));
    });

    test('the list: last message, what is unread, the newest first', async () => {
        const [ann, ben] = people('ann', 'ben');
        const one = await createTalk(server, ann, [ben]), two = await createTalk(server, ann, [ben]);
        const sent = await fill(one, [ben], 3);
        const [own] = await fill(two, [ann], 1);
        let [first, second] = await list(ann);
        assert.deepEqual([first.id, first.unreadCount, first.lastMessage], [two, 0, own]);
        assert.deepEqual([second.id, second.unreadCount, second.lastMessage], [one, 3, sent[2]]);
        const connected = await server.request('GET', '/api/conversations', { token: tokenFor(ben) });
        assert.deepEqual(connected.json.conversations.map(({ id, unreadCount }) => [id, unreadCount]),
            [[two, 1], [one, 0]]);
        await fill(one, [ben], 1);
        [first, second] = await list(ann);
        assert.deepEqual([first.id, first.unreadCount, second.id], [one, 4, two]);
    });

    test('2.10.2 reading makes it read: everything up to there', async (context) => {
        const connect = devices(context, server);
        const [ann, ben] = people('ann', 'ben');
        const talk = await createTalk(server, ann, [ben]);
        const sent = await fill(talk, [ben], 4);
        const a = await connect(ann);
        const unread = async () => (await list(ann))[0].unreadCount;
        assert.equal(await unread(), 4);
        await a.ask('message:delivered', sent[3].id);
        assert.equal(await unread(), 4);
        await a.ask('message:read', sent[1].id);
        assert.equal(await unread(), 2);
        await a.ask('message:read', sent[0].id);
        assert.equal(await unread(), 2);
        await a.ask('message:read', sent[3].id);
        assert.equal(await unread(), 0);
        await a.say(talk, 'an answer');
        assert.equal(await unread(), 0);
        assert.equal((await list(ben))[0].unreadCount, 1);
    });
});

describe('messages', { concurrency: 4 }, () => {
    test('2.7.1 2.7.2 2.7.4 since is inclusive, afterSeq is not; pages', async () => {
        const users = people('a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i', 'j', 'k', 'l');
        const [ann] = users;
        const talk = await createTalk(server, ann, users.slice(1));
        const sent = await fill(talk, users, 120);
        assert.deepEqual(sent.map(({ seq }) => seq), Array.from({ length: 120 }, (_, i) => i + 1));
        const times = sent.map(({ createdAt }) => createdAt);
        assert.deepEqual(times, [...new Set(times)].sort());
        const seqs = async (query) => {
            const { messages, hasMore } = await history(server, ann, talk, query);
            assert.deepEqual(messages.map(withoutReceipts), sent.slice(messages[0].seq - 1, messages.at(-1).seq));
            return [messages[0].seq, messages.at(-1).seq, messages.length, hasMore];
        };
        assert.deepEqual(await seqs(''), [71, 120, 50, true]);
        assert.deepEqual(await seqs('?limit=100'), [21, 120, 100, true]);
        assert.deepEqual(await seqs('?limit=7'), [114, 120, 7, true]);
        assert.deepEqual(await seqs('?before=71'), [21, 70, 50, true]);
        assert.deepEqual(await seqs('?before=21&limit=20'), [1, 20, 20, false]);
        assert.deepEqual(await seqs('?before=1000&limit=1'), [120, 120, 1, true]);
        assert.deepEqual(await seqs('?afterSeq=0&limit=100'), [1, 100, 100, true]);
        assert.deepEqual(await seqs('?afterSeq=100&limit=20'), [101, 120, 20, false]);
        assert.deepEqual(await seqs('?afterSeq=119'), [120, 120, 1, false]);
        assert.deepEqual(await seqs(`?since=${sent[99].createdAt}`), [100, 120, 21, false]);
        assert.deepEqual(await seqs(`?since=${encodeURIComponent(sent[0].createdAt)}&limit=3`), [1, 3, 3, true]);
        assert.deepEqual(await seqs('?since=2000-01-01T00:00:00Z&limit=1'), [1, 1, 1, true]);
        // an app's clock: milliseconds, and a zone
        assert.deepEqual(await seqs(`?since=${new Date(Date.parse(sent[0].createdAt)).toISOString()}&limit=100`),
            [1, 100, 100, true]);
        for (const query of ['?before=1', '?afterSeq=120', '?since=2100-01-01T00:00:00%2B01:00',
            '?afterSeq=9007199254740991'])
            assert.deepEqual(await history(server, ann, talk, query), { messages: [], hasMore: false });
        assert.deepEqual((await fetchAfter(server, ann, talk, 10)).map(withoutReceipts), sent.slice(10));
    });

    test('queries against the rules', async () => {
        const [ann] = people('ann');
        const talk = await createTalk(server, ann);
        for (const [query, field] of [['limit=0', 'limit'], ['limit=101', 'limit'], ['limit=x', 'limit'],
            ['limit=-1', 'limit'], ['since=yesterday', 'since'], ['since=', 'since'], ['afterSeq=-1', 'afterSeq'],
            ['afterSeq=x', 'afterSeq'], ['before=x', 'before'], ['before=-1', 'before'],
            ['afterSeq=99999999999999999999', 'afterSeq']])
            assertProblem(await rest(ann, 'GET', `/${talk}/messages?${query}`), 422, 'invalid', field);
        for (const query of ['since=2026-01-03T15:30:00Z&afterSeq=1', 'before=5&afterSeq=1'])
            assert.equal((await rest(ann, 'GET', `/${talk}/messages?${query}`)).status, 422);
    });

    test('2.3.1 a message by HTTP: the same object, for the sockets too', async (context) => {
        const connect = devices(context, server);
        const [ann, ben] = people('ann', 'ben');
        const talk = await createTalk(server, ann, [ben]);
        const a = await connect(ann), b = await connect(ben);
        for (const device of [a, b]) await device.join(talk);
        const clientMessageId = crypto.randomUUID();
        const sent = await rest(ann, 'POST', `/${talk}/messages`, send('by HTTP <', clientMessageId));
        assert.equal(sent.status, 201);
        const { messageId, message } = sent.json;
        assert.deepEqual(sent.json, { success: true, messageId, message: { id: messageId, conversationId: talk,
            senderId: ann, senderName: ann.toUpperCase(), text: 'by HTTP &lt;', clientMessageId,
            createdAt: message.createdAt, seq: 1 } });
        for (const device of [a, b]) assert.deepEqual(await device.message(), message);
        await b.ask('message:read', messageId);
        assert.equal((await a.next('message:read'))[0].messageId, messageId);
        assert.deepEqual(a.left('message:ack'), []);
    });

    test('2.4.3 2.4.4 2.4.5 4.3.1 an id is one message, by HTTP or socket', async (context) => {
        const connect = devices(context, server);
        const [ann, ben] = people('ann', 'ben');
        const talk = await createTalk(server, ann, [ben]), other = await createTalk(server, ann, [ben]);
        const a = await connect(ann), b = await connect(ben);
        await b.join(talk);
        const ids = [crypto.randomUUID(), crypto.randomUUID()];
        const bySocket = await a.say(talk, 'socket', ids[0]);
        const retried = await rest(ann, 'POST', `/${talk}/messages`, send('socket', ids[0]));
        assert.equal(retried.status, 200);
        assert.deepEqual(retried.json, { success: true, messageId: bySocket.id, message: bySocket });
        const byHttp = await rest(ann, 'POST', `/${talk}/messages`, send('http', ids[1]));
        assert.equal(byHttp.status, 201);
        assert.deepEqual(await a.send(talk, 'http', ids[1]), byHttp.json);
        assertProblem(await rest(ann, 'POST', `/${other}/messages`, send('http', ids[1])), 409, 'conflict',
            'clientMessageId');
        assert.equal((await rest(ben, 'POST', `/${other}/messages`, send('mine', ids[1]))).status, 201);
        const race = crypto.randomUUID();
        const answers = await Promise.all(Array.from({ length: 6 }, () =>
            rest(ben, 'POST', `/${talk}/messages`, send('race', race))));
        assert.deepEqual(answers.map(({ status }) => status).sort(), [...Array(5).fill(200), 201]);
        assert.equal(new Set(answers.map(({ json }) => json.messageId)).size, 1);
        for (const text of ['socket', 'http', 'race']) assert.equal((await b.message()).text, text);
        assert.deepEqual(b.left('message:new'), []);
        assert.equal((await history(server, ann, talk)).messages.length, 3);
    });

    test('property 1: random sends with repeated ids, by both ways at once, store each id once', async (context) => {
        const seed = seedOf(20261124);
        context.diagnostic(`seed ${seed}`);
        const next = random(seed);
        const connect = devices(context, server);
        const users = people('a', 'b', 'c', 'd');
        const talk = await createTalk(server, users[0], users.slice(1));
        const sockets = await Promise.all(users.map((user) => connect(user)));
        await sockets[0].join(talk);
        const ids = Array.from({ length: 6 }, () => crypto.randomUUID());
        const acknowledged = new Map(); // user and client id → message id
        await Promise.all(Array.from({ length: 120 }, async () => {
            const i = next.below(users.length), id = ids[next.below(ids.length)], byHttp = next() < 0.5;
            let messageId;
            for (;;) {
                if (byHttp) {
                    const answer = await rest(users[i], 'POST', `/${talk}/messages`, send(id, id));
                    if (answer.status !== 429) { messageId = answer.json.messageId; break; }
                } else {
                    const answer = await sockets[i].send(talk, id, id);
                    if (answer.success) { messageId = answer.messageId; break; }
                    assert.equal(answer.error, 'rate_limited');
                }
                await sleep(100);
            }
            const key = `${users[i]} ${id}`;
            assert.equal(acknowledged.get(key) ?? messageId, messageId);
            acknowledged.set(key, messageId);
        }));
        const { messages } = await history(server, users[0], talk, '?limit=100');
        assert.deepEqual(messages.map((each) => [`${each.senderId} ${each.clientMessageId}`, each.id]).sort(),
            [...acknowledged].sort());
        const told = sockets[0].left('message:new').map(([, message]) => message);
        assert.deepEqual(told, messages.map(withoutReceipts));
    });

    test('3.4.4 the rate is one for HTTP and sockets', async (context) => {
        const connect = devices(context, server);
        const [ann] = people('ann');
        const talk = await createTalk(server, ann);
        const a = await connect(ann);
        const start = Date.now();
        const answers = await Promise.all(Array.from({ length: 40 }, (_, i) => (i % 2
            ? rest(ann, 'POST', `/${talk}/messages`, send('x')) : a.send(talk, 'x'))));
        const seconds = (Date.now() - start) / 1000;
        const sent = answers.filter(({ status, success }) => status === 201 || success).length;
        assert.ok(sent >= 10 && sent <= 11 + seconds * 10, `${sent} in ${seconds} s`);
        const refused = answers.filter(({ status }) => status !== undefined && status !== 201);
        for (const answer of refused) {
            assertProblem(answer, 429, 'rate_limited');
            assert.ok(Number(answer.headers['retry-after']) >= 1);
        }
        assert.equal((await history(server, ann, talk, '?limit=100')).messages.length, sent);
    });

    test('a text or an id against the rules', async () => {
        const [ann] = people('ann');
        const talk = await createTalk(server, ann);
        for (const [json, code, field] of [
            [send('x'.repeat(1001)), 'too_long', 'text'], [send(''), 'invalid', 'text'], [send(5), 'invalid', 'text'],
            [{ clientMessageId: crypto.randomUUID() }, 'invalid', 'text'],
            [send('x', 'no uuid'), 'invalid', 'clientMessageId'], [send('x', 5), 'invalid', 'clientMessageId'],
            [{ text: 'x' }, 'invalid', 'clientMessageId']])
            assertProblem(await rest(ann, 'POST', `/${talk}/messages`, json), 422, code, field);
    });

    test('2.10.2 history tells the receipts', async (context) => {
        const connect = devices(context, server);
        const [ann, ben, cal] = people('ann', 'ben', 'cal');
        const talk = await createTalk(server, ann, [ben, cal]);
        const [first, second] = await fill(talk, [ann], 2);
        const a = await connect(ann), b = await connect(ben), c = await connect(cal);
        await b.ask('message:delivered', first.id);
        const [{ deliveredAt }] = await a.next('message:delivered');
        await c.ask('message:read', first.id);
        const [{ readAt }] = await a.next('message:read');
        const { messages } = await history(server, cal, talk);
        assert.deepEqual(messages[0].receipts.map(({ userId }) => userId), [ben, cal]);
        assert.deepEqual(messages[0].receipts[0], { userId: ben, deliveredAt });
        assert.equal(messages[0].receipts[1].readAt, readAt);
        assert.deepEqual(messages[1], { ...second, receipts: [] });
    });

    test('4.3.2 a client that only polls sees all that the sockets saw', async (context) => {
        const connect = devices(context, server);
        const [ann, ben, cal] = people('ann', 'ben', 'cal');
        const talk = await createTalk(server, ann, [ben, cal]);
        const a = await connect(ann), b = await connect(ben);
        await b.join(talk);
        const polled = new Map();
        let since = '2000-01-01T00:00:00Z', sending = true;
        const poll = async () => {
            const { messages } = await history(server, cal, talk, `?since=${since}`);
            for (const message of messages) polled.set(message.id, withoutReceipts(message));
            since = messages.at(-1)?.createdAt ?? since;
        };
        const load = (async () => {
            for (let i = 0; i < 9; i++) await Promise.all([a.say(talk, `a${i}`), b.say(talk, `b${i}`)]);
            sending = false;
        })();
        while (sending) await poll();
        await load;
        await poll();
        const seen = [];
        while (seen.length < 18) seen.push(await b.message());
        assert.deepEqual([...polled.values()], seen);
    });
});

describe('participants', { concurrency: 4 }, () => {
    const names = async (user) => byName((await list(user))[0].participants.map(({ userId }) => userId));

    test('are added by one who takes part, and see what was said before', async (context) => {
        const connect = devices(context, server);
        const [ann, ben, cal] = people('ann', 'ben', 'cal');
        const talk = await createTalk(server, ann, [ben]);
        const [message] = await fill(talk, [ann], 1);
        assert.equal((await rest(cal, 'GET', `/${talk}/messages`)).status, 403);
        for (let i = 0; i < 2; i++) {
            const added = await rest(ann, 'POST', `/${talk}/participants`, { userIds: [cal, ben] });
            assert.equal(Math.floor(added.status / 100), 2, added.text);
        }
        assert.deepEqual(await names(cal), [ann, ben, cal]);
        assert.deepEqual((await history(server, cal, talk)).messages.map(withoutReceipts), [message]);
        const c = await connect(cal);
        await c.join(talk);
        assert.equal((await c.say(talk, 'hello')).seq, 2);
        for (const json of [{}, { userIds: [] }, { userIds: 'x' }, { userIds: [null] }, { userIds: [''] }])
            assertProblem(await rest(ann, 'POST', `/${talk}/participants`, json), 422, 'invalid', 'userIds');
        const [zoe] = people('zoe');
        assertProblem(await rest(zoe, 'POST', `/${talk}/participants`, { userIds: [zoe] }), 403, 'not_participant');
    });

    test('3.4.2 one who is removed is out at once, on every device, and hears nothing more', async (context) => {
        const connect = devices(context, server);
        const [ann, ben, cal] = people('ann', 'ben', 'cal');
        const talk = await createTalk(server, ann, [ben, cal]), fence = await createTalk(server, ann, [ben]);
        const a = await connect(ann), b = await connect(ben), b2 = await connect(ben), c = await connect(cal);
        for (const device of [a, b, b2, c]) await device.join(talk);
        for (const device of [b, b2]) await device.join(fence);
        for (const device of [a, b, b2, c]) device.forget();
        b.emit('typing:start', talk);
        assert.deepEqual(await a.next('typing:start'), [ben, talk]);
        const { id } = await a.say(talk, 'before');
        for (const device of [b, b2]) assert.equal((await device.message()).id, id);

        const removed = await rest(ann, 'DELETE', `/${talk}/participants/${ben}`);
        assert.equal(removed.status, 204, removed.text);
        assert.deepEqual(await a.next('user:offline'), [ben, talk]);
        await a.say(talk, 'after');
        a.emit('typing:start', talk);
        await c.ask('message:read', id);
        await a.leave(talk);
        await a.say(fence, 'the fence');
        for (const device of [b, b2]) {
            assert.equal((await device.message()).text, 'the fence');
            assert.deepEqual(device.left().filter(([event, user]) => event !== 'message:ack' && user !== ben), []);
        }
        for (const event of ['conversation:join', 'message:read', 'message:delivered'])
            assert.equal((await b.ask(event, event === 'conversation:join' ? talk : id)).error, 'not_participant');
        assert.equal((await b.send(talk, 'x')).error, 'not_participant');
        assertProblem(await rest(ben, 'GET', `/${talk}/messages`), 403, 'not_participant');
        assert.deepEqual((await list(ben)).map((each) => each.id), [fence]);
        assert.equal((await history(server, cal, talk)).messages.length, 2);

        // taken in again, it goes on
        await rest(ann, 'POST', `/${talk}/participants`, { userIds: [ben] });
        await b.join(talk);
        await c.say(talk, 'welcome back');
        assert.equal((await b.message()).text, 'welcome back');
    });

    test('who may remove whom', async () => {
        const [ann, ben, cal] = people('ann', 'ben', 'cal');
        const talk = await createTalk(server, ann, [ben, cal]);
        const remove = (user, whom, id = talk) => rest(user, 'DELETE', `/${id}/participants/${whom}`);
        assertProblem(await remove(ben, cal), 403, 'forbidden');
        assertProblem(await remove(people('zoe')[0], ben), 403, 'not_participant');
        assertProblem(await remove(ann, 'nobody'), 404, 'not_found', 'userId');
        assert.equal((await remove(ben, ben)).status, 204);
        assert.deepEqual(await names(cal), [ann, cal]);
        assertProblem(await remove(ben, ben), 403, 'not_participant');
        const direct = await createTalk(server, ann, [ben], { kind: 'direct' });
        assertProblem(await remove(ann, ben, direct), 409, 'conflict');
        assertProblem(await rest(ann, 'POST', `/${direct}/participants`, { userIds: [cal] }), 409, 'conflict');
    });
});

describe('errors', { concurrency: 4 }, () => {
    test('2.1.2 3.4.1 401 without a good token, on every row', async () => {
        const [ann] = people('ann');
        const talk = await createTalk(server, ann);
        for (const [method, path, json] of [['GET', ''], ['POST', '', { kind: 'group', participantIds: [] }],
            ['GET', `/${talk}/messages`], ['POST', `/${talk}/messages`, send('x')],
            ['POST', `/${talk}/participants`, { userIds: ['x'] }], ['DELETE', `/${talk}/participants/${ann}`]]) {
            for (const token of [undefined, 'garbage', signToken({ user_id: ann, exp: 1000 }),
                signToken({ user_id: ann, exp: 5e9 }, { key: 'another key, long enough: 0123456789' })]) {
                const answer = await server.request(method, `/api/conversations${path}`, { token, json });
                assert.equal(answer.status, 401, `${method} ${path}`);
                assert.match(answer.headers['www-authenticate'], /^Bearer/);
                assert.equal(answer.json.message, answer.json.error.message);
            }
        }
        const byQuery = await server.request('GET', `/api/conversations?token=${tokenFor(ann)}`);
        assert.equal(byQuery.status, 200);
    });

    test('a body that is none, too big, or of another type', async () => {
        const [ann] = people('ann');
        const talk = await createTalk(server, ann);
        const token = tokenFor(ann);
        const post = (body, headers = { 'content-type': 'application/json' }) =>
            server.request('POST', `/api/conversations/${talk}/messages`, { token, body, headers });
        const id = crypto.randomUUID();
        for (const body of ['', '{', '[]', '"x"', 'null', '{"text":"x",}',
            `{"text":"x","text":"y","clientMessageId":"${id}"}`, `${JSON.stringify(send('x'))} x`,
            `{"x":${'['.repeat(40)}${']'.repeat(40)}}`])
            assert.equal((await post(body)).status, 400, body);
        assert.equal((await post(JSON.stringify({ ...send('x'), more: 'x'.repeat(70000) }))).status, 413);
        assert.equal((await post('text=x', { 'content-type': 'application/x-www-form-urlencoded' })).status, 415);
        assert.deepEqual((await history(server, ann, talk)).messages, []);
    });

    test('unknown paths, other methods, ids that are none', async () => {
        const [ann] = people('ann');
        const talk = await createTalk(server, ann);
        for (const [method, path, allow] of [['PUT', '', /GET.*POST/], ['DELETE', '', /GET.*POST/],
            ['PUT', `/${talk}/messages`, /GET.*POST/], ['GET', `/${talk}/participants`, /POST/],
            ['POST', `/${talk}/participants/x`, /DELETE/]]) {
            const answer = await rest(ann, method, path);
            assert.equal(answer.status, 405, `${method} ${path} ${answer.text}`);
            assert.match(answer.headers.allow, allow);
        }
        for (const path of [`/${talk}/nothing`, `/${talk}/messages/5`, '/nothing/at/all'])
            assert.equal((await rest(ann, 'GET', path)).status, 404, path);
        const unknown = await rest(ann, 'GET', '/999999/messages');
        assertProblem(unknown, 403, 'not_participant');
        const foreign = await rest(people('zoe')[0], 'GET', `/${talk}/messages`);
        assert.equal(foreign.text, unknown.text);
        for (const id of ['x', '0', '-1', '1.5', '99999999999999999999', '0x1', '%31x'])
            assertProblem(await rest(ann, 'GET', `/${id}/messages`), 400, 'invalid_id', 'id');
    });
});
