// kill -9 during a load of posts, twenty times on one database: after each restart every message that got a 201 is there
// exactly once, in order, and a retry of what was in flight stores it once.
import assert from 'node:assert/strict';
import http from 'node:http';
import { rmSync } from 'node:fs';
import { test } from 'node:test';
import { Server, makeDir, tokenFor } from '../lib.mjs';

const rounds = 20, posters = 32;

// A generator of its own, so that a run can be repeated: CONFAB_TEST_SEED=n.
function random(seed) {
    let state = seed >>> 0;
    return () => {
        state = (state * 1664525 + 1013904223) >>> 0;
        return state / 2 ** 32;
    };
}

async function readAll(server, shop) {
    const all = new Map();
    let since = '2000-01-01T00:00:00Z', previous = '';
    for (;;) {
        const { status, json } = await server.request('GET',
            `/api/v1/shops/${shop}/messages/paginated?since=${since}&limit=100`, { token: tokenFor('ann') });
        assert.equal(status, 200);
        for (const message of json.messages) {
            if (all.has(message.id)) continue; // since is inclusive
            assert.ok(message.created_at > previous, 'strictly increasing');
            previous = message.created_at;
            all.set(message.id, message);
        }
        if (!json.has_more) return all;
        since = previous;
    }
}

test('kill -9 under load, twenty times', { timeout: 600000 }, async (context) => {
    const seed = Number(process.env.CONFAB_TEST_SEED ?? 20261121);
    context.diagnostic(`seed ${seed}`);
    const next = random(seed);
    const dir = makeDir();
    const acknowledged = new Map(); // client id → message
    const uncertain = new Map();    // client id → text, no answer came
    let server = await Server.start({}, { dir });
    const shop = await server.createShop('ann');
    for (let round = 0; round < rounds; round++) {
        const agent = new http.Agent({ keepAlive: true, maxSockets: posters });
        let running = true, count = 0;
        const poster = async (number) => {
            for (let i = 0; running; i++) {
                const client = `${round}-${number}-${i}`, text = `message ${client}`;
                uncertain.set(client, text);
                try {
                    const { status, json } = await server.request('POST', '/api/v1/shops/messages',
                        { token: tokenFor('ann'), agent, json: { shop_id: shop, message: text, client_message_id: client } });
                    assert.equal(status, 201);
                    acknowledged.set(client, json);
                    uncertain.delete(client);
                    count++;
                } catch (error) {
                    if (error.code === undefined) throw error;
                    return; // the server is gone
                }
            }
        };
        const load = Promise.all(Array.from({ length: posters }, (_, number) => poster(number)));
        await new Promise((done) => { setTimeout(done, 100 + next() * 400); });
        server.child.kill('SIGKILL');
        running = false;
        await load;
        await server.closed;
        agent.destroy();
        assert.ok(count > 0, 'the load was there');
        const killed = Date.now();
        server = await Server.start({}, { dir });
        assert.ok(Date.now() - killed < 5000);

        const stored = await readAll(server, shop);
        for (const [client, message] of acknowledged)
            assert.deepEqual(stored.get(message.id), message, `${client} was acknowledged`);
        for (const [client, text] of uncertain) {
            const { status, json } = await server.post('ann', shop, text, { client_message_id: client });
            assert.ok(status === 200 || status === 201, `${status}`);
            acknowledged.set(client, json);
        }
        uncertain.clear();
        const texts = [...(await readAll(server, shop)).values()].map(({ message }) => message);
        assert.equal(new Set(texts).size, texts.length, 'nothing is twice');
        assert.equal(texts.length, acknowledged.size, 'nothing is missing, nothing is too much');
    }
    context.diagnostic(`${acknowledged.size} messages over ${rounds} kills`);
    assert.equal(await server.stop(), 0);
    rmSync(dir, { recursive: true });
});
