// Order and recovery: every subscriber sees the log of a group, and whoever was away gets what is missing by `since`.
import assert from 'node:assert/strict';
import http from 'node:http';
import { rmSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import { makeDir } from './lib.mjs';
import { Feed, Follower, addMember, ask, createGroup, expect, feeds, fetchSince, keyOf, removeMember, reply, say,
    sealed, send, startServer, startThread, upload } from './orbital_lib.mjs';
import { people, random, seedOf, sleep, stopClean, until } from './talk_lib.mjs';

let server;
// Readers and writers share this process: the readers may be behind.
const patient = { WEBSOCKET_SEND_BUFFER: '8192' };
before(async () => { server = await startServer({ ORBITAL_PING_PERIOD_SECONDS: '1', ...patient }); });
after(async () => { await stopClean(server); });

// Stamps of one group rise strictly, over all groups they never fall.
function assertStamps(log) {
    const groups = new Map();
    let before = 0;
    for (const { data, server_timestamp: stamp } of log) {
        const group = data.conversation_id;
        assert.ok(stamp >= before, `${stamp} after ${before}`);
        assert.ok(stamp > (groups.get(group) ?? 0), `${stamp} twice in a group`);
        groups.set(group, stamp);
        before = stamp;
    }
}

// Posts without a pause until it is told to stop.
function writers(server, jobs) {
    const agent = new http.Agent({ keepAlive: true });
    let writing = true;
    const done = Promise.all(jobs.map(async ([user, groups], number) => {
        for (let i = 0; writing; i++)
            await say(server, user, groups[i % groups.length], `${number} ${i}`, { agent });
    }));
    return async () => {
        writing = false;
        await done;
        agent.destroy();
    };
}

describe('order', () => {
    test('twenty subscribers over two workers get one order, that of GET /v1/events', async (context) => {
        const connect = feeds(context, server);
        const [ann, ...others] = people('ann', 'ben', 'cal', 'dan', 'eve');
        const group = await createGroup(server, ann, others), marker = await createGroup(server, ann, others);
        const readers = await Promise.all(Array.from({ length: 20 }, (_, i) =>
            connect([ann, ...others][i % 5], group, marker)));
        const { thread_id: thread } = await startThread(server, ann, group);
        const jobs = Array.from({ length: 400 }, (_, i) => {
            const user = [ann, ...others][i % 5];
            if (i % 40 === 0) return addMember(server, user, group, `new${i}`);
            if (i % 40 === 1) return upload(server, user, thread, Buffer.alloc(i));
            if (i % 5 === 0) return startThread(server, user, group, `${i}`);
            if (i % 5 === 1) return reply(server, user, thread, `${i}`);
            return say(server, user, group, `${i}`);
        });
        await Promise.all(jobs);
        await removeMember(server, ann, group, 'new0');
        const end = await say(server, ann, marker, 'end');
        const log = (await fetchSince(server, ann, 0, { group })).slice(others.length);
        assert.equal(log.length, 402);
        assertStamps(log.map((event) => ({ ...event, data: { conversation_id: group } })));
        for (const reader of readers) {
            assert.deepEqual(await reader.take(402), log);
            assert.deepEqual((await reader.next()).data, end);
        }
    });

    test('many within one millisecond: every stamp of a group is its own, none is behind', async (context) => {
        const connect = feeds(context, server);
        const [ann] = people('ann');
        const groups = [];
        for (let i = 0; i < 8; i++) groups.push(await createGroup(server, ann));
        const readers = [await connect(ann, ...groups), await connect(ann, ...groups)];
        const said = (await Promise.all(Array.from({ length: 800 }, (_, i) =>
            say(server, ann, groups[i % 8], `${i}`)))).map((data) => data.message_id);
        const log = await fetchSince(server, ann);
        assert.deepEqual(new Set(log.map(({ data }) => data.message_id)), new Set(said));
        assert.equal(log.length, 800);
        assertStamps(log);
        const stamps = log.map(({ server_timestamp: stamp }) => stamp);
        context.diagnostic(`800 events have ${new Set(stamps).size} stamps`);
        assert.ok(new Set(stamps).size < 800, 'no two groups had one millisecond in common');
        for (const reader of readers) assert.deepEqual(await reader.take(800), log);

        // Whatever the page's size, no event of a stamp is lost between two pages, by either cursor.
        for (const limit of [1, 2, 3, 7, 100, 499, 500]) {
            assert.deepEqual(await fetchSince(server, ann, 0, { limit }), log);
            assert.deepEqual(await fetchSince(server, ann, stamps[400], { limit }),
                log.filter(({ server_timestamp: stamp }) => stamp >= stamps[400]));
        }
        const pages = [];
        for (let since = 0, more = true; more;) {
            const page = await expect(200, ask(server, ann, 'GET', `/messages?since=${since}&limit=10`));
            assert.ok(page.messages.length >= 10 || !page.has_more);
            pages.push(...page.messages);
            since = page.messages.at(-1).server_timestamp + 1;
            more = page.has_more;
        }
        assert.deepEqual(pages, log.map(({ data }) => data));
    });

    test('one group alone outruns the clock, and its stamps stay in order over a restart', async (context) => {
        const dir = makeDir();
        let own = await startServer(patient, { dir });
        context.after(() => { own.child.kill('SIGKILL'); rmSync(dir, { recursive: true, force: true }); });
        const [ann] = people('ann');
        const group = await createGroup(own, ann);
        for (const signal of ['SIGTERM', 'SIGKILL', 'SIGTERM']) {
            await Promise.all(Array.from({ length: 300 }, (_, i) => say(own, ann, group, `${signal} ${i}`)));
            own.child.kill(signal);
            await own.closed;
            own = await startServer(patient, { dir });
            const log = await fetchSince(own, ann);
            assertStamps(log);
            const feed = await Feed.open(own, ann);
            // the greeting's cursor: no event with a smaller one is still to come
            assert.ok(feed.last >= log.at(-1).server_timestamp, `${feed.last}`);
            const next = await say(own, ann, group, 'next');
            assert.ok(next.server_timestamp > log.at(-1).server_timestamp);
            assert.ok(next.server_timestamp >= feed.last);
            feed.cut();
        }
        assert.equal((await fetchSince(own, ann)).length, 903);
        await stopClean(own);
    });
});

// One connection: recovered, listened to for a while with chatter of its own, cut.
async function visit(follower, server, ms, limit) {
    await follower.connect(server, limit);
    // frames that are no events move the cursor, too
    const chatter = setInterval(() => follower.feed.socket.readyState === 1 && follower.feed.say('ping', {}), 1);
    await sleep(ms);
    clearInterval(chatter);
    follower.lose();
}

describe('recovery', () => {
    test('the cursor is the last frame\'s, whatever it was: nothing is lost, nothing out of order', { timeout: 300000 },
        async (context) => {
            const seed = seedOf(20261204);
            context.diagnostic(`seed ${seed}`);
            const next = random(seed);
            const [ann, ben, cal, dan, eve] = people('ann', 'ben', 'cal', 'dan', 'eve');
            const groups = [];
            for (let i = 0; i < 3; i++) groups.push(await createGroup(server, ann, [ben, cal, dan, eve]));
            const stop = writers(server, [[ann, groups], [ben, groups], [cal, [groups[1]]],
                [dan, [groups[2], groups[0]]]]);
            const clients = Array.from({ length: 4 }, () => new Follower(eve, groups));
            await Promise.all(clients.map(async (client) => {
                const own = random(next.below(2 ** 32));
                for (let round = 0; round < 30; round++) await visit(client, server, own.below(80), 20 + own.below(480));
            }));
            await stop();
            const log = await fetchSince(server, eve);
            for (const client of clients) {
                await visit(client, server, 0);
                assert.deepEqual(client.events.map(keyOf), log.map(keyOf));
                assert.deepEqual(client.events, log);
                assert.ok(client.recovered > 0 && client.recovered < log.length, `${client.recovered} of ${log.length}`);
            }
            context.diagnostic(`${log.length} events, ${clients.map(({ recovered }) => recovered)} recovered`);
        });

    test('a cursor of any frame fetches all that comes behind it, and of what came only its own stamp', async (context) => {
        const connect = feeds(context, server);
        const [ann] = people('ann');
        const group = await createGroup(server, ann), quiet = await createGroup(server, ann);
        const feed = await connect(ann, group, quiet);
        const cursors = [];
        const stop = writers(server, [[ann, [group]], [ann, [group, quiet]]]);
        for (let i = 0; i < 200; i++) {
            feed.say('ping', {});
            const { server_timestamp: cursor } = await feed.next('pong');
            // all events that this connection has had are in front of the pong, in the order of their coming
            cursors.push({ cursor, had: feed.arrived.length });
        }
        await stop();
        await feed.settled();
        const log = await fetchSince(server, ann);
        await until(() => feed.arrived.length === log.length, 'all events');
        const came = feed.left();
        assert.deepEqual(came, log);
        for (const { cursor, had } of cursors) {
            for (const event of came.slice(had)) assert.ok(event.server_timestamp >= cursor);
        }
        // a cursor is of use: it does not stay behind for ever
        const { cursor } = cursors.at(-1);
        assert.ok(cursor > log[0].server_timestamp, `${cursor}`);
        const since = await fetchSince(server, ann, cursor);
        assert.deepEqual(since, log.slice(log.length - since.length));
        assert.ok(since.length < log.length);
    });

    test('messages alone by since, as the seed does it, over all groups or one', async (context) => {
        const connect = feeds(context, server);
        const [ann, ben] = people('ann', 'ben');
        const one = await createGroup(server, ann, [ben]), two = await createGroup(server, ann, [ben]);
        const foreign = await createGroup(server, ann);
        const feed = await connect(ben, one, two);
        await say(server, ann, one, 'seen');
        const seen = await feed.next();
        feed.cut();
        const missed = [];
        for (let i = 0; i < 20; i++) {
            missed.push(await say(server, ann, [one, two][i % 2], `missed ${i}`));
            await say(server, ann, foreign, `foreign ${i}`);
            await startThread(server, ann, one);
        }
        const of = 'messages';
        assert.deepEqual(await fetchSince(server, ben, feed.last, { of }), [seen.data, ...missed]);
        assert.deepEqual(await fetchSince(server, ben, feed.last, { of, limit: 3 }), [seen.data, ...missed]);
        assert.deepEqual(await fetchSince(server, ben, feed.last + 1, { of }), missed);
        assert.deepEqual(await fetchSince(server, ben, feed.last, { of, group: two }),
            missed.filter((_, i) => i % 2 === 1));
        assert.deepEqual(await fetchSince(server, ben, missed.at(-1).server_timestamp + 1, { of }), []);
        assert.deepEqual(await fetchSince(server, ben, Number.MAX_SAFE_INTEGER, { of }), []);
    });

    test('kill -9: what had a 201 is there, the cursor from before it holds, retries store nothing twice',
        async (context) => {
            const dir = makeDir();
            let own = await startServer(patient, { dir });
            context.after(() => { own.child.kill('SIGKILL'); rmSync(dir, { recursive: true, force: true }); });
            const [ann] = people('ann');
            const group = await createGroup(own, ann);
            const feed = await Feed.open(own, ann);
            await feed.subscribe(group);
            const answered = [], open = [];
            const poster = async (number) => {
                for (let i = 0; ; i++) {
                    const text = `${number} ${i}`, more = { client_message_id: text };
                    try {
                        const { status, json } = await send(own, ann, group, text, more);
                        assert.equal(status, 201);
                        answered.push(json);
                        if (answered.length === 100) own.child.kill('SIGKILL');
                    } catch (error) {
                        if (error.code === 'ERR_ASSERTION') throw error;
                        open.push([text, more]);
                        return;
                    }
                }
            };
            const posting = Promise.all(Array.from({ length: 20 }, (_, number) => poster(number)));
            assert.equal((await feed.closed).code, 1006);
            await posting;
            await own.closed;
            assert.ok(answered.length >= 100);
            assert.equal(open.length, 20);
            context.diagnostic(`${answered.length} answered, ${open.length} not`);
            own = await startServer(patient, { dir });
            const streamed = feed.left();
            const log = await fetchSince(own, ann);
            const ids = new Set(log.map(({ data }) => data.message_id));
            for (const { message_id: id } of answered) assert.ok(ids.has(id), 'answered, and lost');
            // what was told was stored, and the rest comes by the cursor
            assert.deepEqual(streamed, log.slice(0, streamed.length));
            const missed = await fetchSince(own, ann, feed.last);
            const known = new Set(streamed.map(keyOf));
            assert.deepEqual([...streamed, ...missed.filter((event) => !known.has(keyOf(event)))], log);
            const again = await Promise.all(open.map(async ([text, more]) => {
                const { status, json } = await send(own, ann, group, text, more);
                assert.ok(status === 200 && ids.has(json.message_id) || status === 201 && !ids.has(json.message_id));
                return json.encrypted_envelope;
            }));
            assert.deepEqual(again, open.map(([text]) => sealed(text)));
            const texts = (await fetchSince(own, ann)).map(({ data }) => data.encrypted_envelope);
            assert.equal(texts.length, answered.length + 20);
            assert.equal(new Set(texts).size, texts.length);
            await stopClean(own);
        });
});
