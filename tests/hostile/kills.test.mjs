// kill -9 again and again on one database that is loaded already, under posts in every dialect: after each restart what was
// acknowledged is there, once, and a retry of what was in flight stores it once. tests/integration/slow has the same with
// fewer kills and more that is looked at after each.
import assert from 'node:assert/strict';
import http from 'node:http';
import { rmSync } from 'node:fs';
import { test } from 'node:test';
import { makeDir, tokenFor } from '../integration/lib.mjs';
import { ask, createGroup, fetchSince } from '../integration/orbital_lib.mjs';
import { createTalk, history, random, seedOf } from '../integration/talk_lib.mjs';
import { assertWell, figure, scale, serve, sleep } from './lib.mjs';

const posters = 24, loaded = scale(3000, 30000), kills = scale(10, 1000), wholeEvery = 100;

// Each dialect: how one posts with an id of its own, and reads on from where it was. Both tell the server's ids.
function dialectsOf({ shop, group, talk }) {
    return [{
        post: async (server, id, agent) => server.request('POST', '/api/v1/shops/messages',
            { token: tokenFor('ann'), agent, json: { shop_id: shop, message: id, client_message_id: id } }),
        idOf: ({ id }) => id,
        async read(server, since = '2000-01-01T00:00:00Z') {
            const ids = [];
            for (let more = true; more;) {
                const { json } = await server.request('GET',
                    `/api/v1/shops/${shop}/messages/paginated?since=${since}&limit=100`, { token: tokenFor('ann') });
                ids.push(...json.messages.map(({ id, message }) => [message, id]));
                more = json.has_more;
                since = json.messages.at(-1)?.created_at ?? since;
            }
            return { ids, cursor: since };
        },
    }, {
        post: async (server, id, agent) => ask(server, 'ann', 'POST', '/messages',
            { conversation_id: group, encrypted_envelope: btoa(id), client_message_id: id }, { agent }),
        idOf: ({ message_id: id }) => id,
        async read(server, since = 0) {
            const messages = await fetchSince(server, 'ann', since, { group, of: 'messages' });
            return { ids: messages.map(({ encrypted_envelope: text, message_id: id }) => [atob(text), id]),
                cursor: messages.at(-1)?.server_timestamp ?? since };
        },
    }, {
        post: async (server, id, agent, user) => server.request('POST', `/api/conversations/${talk}/messages`,
            { token: tokenFor(user), agent, json: { text: id, clientMessageId: id } }),
        idOf: ({ id, message }) => id ?? message.id,
        async read(server, seq = 0) {
            const ids = [];
            for (let more = true; more;) {
                const { messages, hasMore } = await history(server, 'ann', talk, `?afterSeq=${seq}&limit=100`);
                ids.push(...messages.map(({ text, id }) => [text, id]));
                more = hasMore;
                seq = messages.at(-1)?.seq ?? seq;
            }
            return { ids, cursor: seq };
        },
    }];
}

test(`kill -9, ${kills} times on a database that is loaded`, { timeout: 3600000 }, async (context) => {
    const seed = seedOf(20261121), next = random(seed), dir = makeDir();
    context.diagnostic(`seed ${seed}`);
    context.after(() => rmSync(dir, { recursive: true, force: true }));
    let server = await serve(context, {}, { dir });
    const users = Array.from({ length: posters }, (_, i) => `user${i}`);
    const scene = { shop: await server.createShop('ann'), group: await createGroup(server, 'ann'),
        talk: await createTalk(server, 'ann', users) };
    const dialects = dialectsOf(scene).map((dialect) => ({ ...dialect, acknowledged: new Map(), cursor: undefined }));
    const uncertain = new Map(); // client id → what repeats it
    let slowest = 0, retried = 0, acknowledged = 0;

    // Until the server is gone, or `limit` are stored.
    const load = async (limit = Infinity) => {
        const agent = new http.Agent({ keepAlive: true, maxSockets: posters });
        let done = 0;
        await Promise.all(users.map(async (user, number) => {
            const dialect = dialects[number % 3];
            while (done < limit) {
                const id = crypto.randomUUID(), post = () => dialect.post(server, id, agent, user);
                uncertain.set(id, { dialect, user });
                try {
                    const { status, json } = await post();
                    if (status === 201) dialect.acknowledged.set(id, dialect.idOf(json));
                    else assert.equal(status, 429, JSON.stringify(json)); // ten a second are allowed in conversations
                    uncertain.delete(id);
                    if (status === 201) done++;
                    else await sleep(20);
                } catch (error) {
                    if (error.code === 'ERR_ASSERTION' || error.code === undefined) throw error;
                    return;
                }
            }
        }));
        agent.destroy();
        return done;
    };
    const retry = async (id, { dialect, user }) => {
        for (;;) {
            const { status, json } = await dialect.post(server, id, undefined, user);
            if (status !== 429) {
                assert.ok(status === 200 || status === 201, `${status}`);
                dialect.acknowledged.set(id, dialect.idOf(json));
                return;
            }
            await sleep(20);
        }
    };
    // What was acknowledged since the last look is there; `whole`: all that ever was, and nothing else and nothing twice.
    const check = async (dialect, whole) => {
        const { ids, cursor } = await dialect.read(server, whole ? undefined : dialect.cursor);
        dialect.cursor = cursor;
        const there = new Map(ids);
        for (const [id, own] of dialect.acknowledged) assert.equal(there.get(id), own, `${id} was acknowledged`);
        if (whole) {
            assert.equal(there.size, new Set(ids.map(([, own]) => own)).size, 'nothing is twice');
            assert.equal(there.size, dialect.acknowledged.size, 'nothing is missing, nothing is too much');
        }
    };
    const all = dialects.map(() => new Map());
    const settle = async (whole) => {
        for (const [i, dialect] of dialects.entries()) {
            await check(dialect, false);
            for (const [id, own] of dialect.acknowledged) all[i].set(id, own);
            dialect.acknowledged = whole ? all[i] : new Map();
            if (whole) {
                await check(dialect, true);
                dialect.acknowledged = new Map();
            }
        }
    };

    await load(loaded);
    await settle(true);
    for (let kill = 1; kill <= kills; kill++) {
        const running = load();
        await sleep(20 + next() * 200);
        server.child.kill('SIGKILL');
        acknowledged += await running;
        await server.closed;
        const started = performance.now();
        server = await serve(context, {}, { dir });
        slowest = Math.max(slowest, performance.now() - started);
        const open = [...uncertain];
        uncertain.clear();
        retried += open.length;
        await Promise.all(open.map(([id, how]) => retry(id, how)));
        await settle(kill % wholeEvery === 0 || kill === kills);
    }
    await assertWell(server);
    figure(context, `${kills} kills on ${loaded} messages and more: ${acknowledged} acknowledged under load, ${retried} in flight and retried, `
        + `0 lost, 0 twice, the slowest restart took ${Math.round(slowest)} ms`);
    assert.equal(await server.stop(), 0);
});
