// kill -9 during a load of messages, threads and replies, again and again on one database: after each restart all that
// had a 201 is there exactly once and in order, retries of what was in flight store it once, and subscribers have by
// their cursor what is missing. CONFAB_TEST_SEED=n repeats a run.
import assert from 'node:assert/strict';
import { rmSync } from 'node:fs';
import http from 'node:http';
import { test } from 'node:test';
import { makeDir } from '../lib.mjs';
import { Follower, addMember, ask, createGroup, fetchSince, keyOf, sealed, startServer,
    startThread } from '../orbital_lib.mjs';
import { random, seedOf, sleep, stopClean } from '../talk_lib.mjs';

const rounds = 15, posters = 24, followers = 6, members = ['ann', 'ben', 'cal'];

// What a poster posts as its i-th: the path, the body, the kind of event it becomes.
function draft(scene, number, i, id) {
    const group = scene.groups[number % scene.groups.length];
    const text = sealed(`envelope ${id}`);
    if (i % 10 === 3) return [`/groups/${group}/threads`, { encrypted_title: text, encrypted_body: text }, 'new_thread'];
    if (i % 10 === 7) return [`/threads/${scene.threads[group]}/replies`, { encrypted_body: text }, 'new_reply'];
    return ['/messages', { conversation_id: group, encrypted_envelope: text }, 'new_message'];
}

// Posts until the server is gone.
async function post(scene, server, agent, round, number) {
    const user = members[number % members.length];
    for (let i = 0; ; i++) {
        const id = `${round}-${number}-${i}`;
        const [path, body, type] = draft(scene, number, i, id);
        const attempt = { user, path, json: { ...body, client_message_id: id }, type };
        scene.uncertain.set(id, attempt);
        try {
            const { status, json } = await ask(server, user, 'POST', path, attempt.json, { agent });
            assert.equal(status, 201);
            scene.acknowledged.set(id, { type, json });
            scene.uncertain.delete(id);
        } catch (error) {
            if (error.code === 'ERR_ASSERTION' || error.code === undefined) throw error;
            return;
        }
    }
}

// The object of a 201 is the event's data; threads and replies have the stamp besides.
function assertLogged(log, { type, json }, id) {
    const { server_timestamp: stamp, ...rest } = json;
    const event = { type, data: type === 'new_message' ? json : rest, server_timestamp: stamp };
    assert.deepEqual(log.get(keyOf(event)), event, `${id} was acknowledged`);
}

function assertInOrder(events) {
    const last = {};
    let before = 0;
    for (const { type, data, server_timestamp: stamp } of events) {
        assert.ok(stamp >= before, 'never decreasing');
        before = stamp;
        const group = data.conversation_id ?? data.group_id;
        if (type === 'new_reply') continue; // names its thread only
        assert.ok(stamp > (last[group] ?? 0), 'strictly increasing in a group');
        last[group] = stamp;
    }
}

test('kill -9 under load, fifteen times', { timeout: 600000 }, async (context) => {
    const seed = seedOf(20261205);
    context.diagnostic(`seed ${seed}`);
    const next = random(seed);
    const dir = makeDir();
    let server = await startServer({}, { dir });
    context.after(() => { server.child.kill('SIGKILL'); rmSync(dir, { recursive: true, force: true }); });
    const scene = { groups: [], threads: {}, acknowledged: new Map(), uncertain: new Map() };
    for (let i = 0; i < 3; i++) {
        const group = await createGroup(server, 'ann', ['ben', 'cal']);
        scene.groups.push(group);
        scene.threads[group] = (await startThread(server, 'ann', group)).thread_id;
    }
    const others = (await fetchSince(server, 'ann')).length;
    const readers = Array.from({ length: followers }, (_, i) => new Follower(members[i % 3], scene.groups));
    for (let round = 0; round < rounds; round++) {
        const agent = new http.Agent({ keepAlive: true, maxSockets: posters });
        const before = scene.acknowledged.size;
        const load = Promise.all(Array.from({ length: posters }, (_, number) => post(scene, server, agent, round, number)));
        // the readers come back in the middle of it
        await Promise.all(readers.map((reader) => reader.connect(server)));
        await sleep(next.below(400));
        server.child.kill('SIGKILL');
        await load;
        await server.closed;
        for (const reader of readers) {
            await reader.feed.closed;
            reader.lose();
        }
        agent.destroy();
        assert.ok(scene.acknowledged.size > before, 'the load was there');
        const killed = Date.now();
        server = await startServer({}, { dir });
        assert.ok(Date.now() - killed < 5000);

        const log = new Map((await fetchSince(server, 'ann')).map((event) => [keyOf(event), event]));
        for (const [id, each] of scene.acknowledged) assertLogged(log, each, id);
        for (const reader of readers) // nobody was told what was not stored
            for (const event of reader.events) assert.deepEqual(log.get(keyOf(event)), event);
        for (const [id, { user, path, json, type }] of scene.uncertain) {
            const answer = await ask(server, user, 'POST', path, json);
            assert.ok([200, 201].includes(answer.status), answer.text);
            scene.acknowledged.set(id, { type, json: answer.json });
        }
        scene.uncertain.clear();
        const events = await fetchSince(server, 'ann');
        assertInOrder(events);
        const texts = events.filter(({ type }) => type !== 'member_joined')
            .map(({ data }) => data.encrypted_envelope ?? data.encrypted_body);
        assert.equal(events.length, others + scene.acknowledged.size, 'nothing is missing, nothing is too much');
        assert.equal(new Set(texts).size, scene.acknowledged.size + 1, 'nothing is twice');
    }
    const truth = await fetchSince(server, 'ann');
    for (const reader of readers) {
        await reader.connect(server);
        assert.deepEqual(reader.events, truth);
        assert.ok(reader.recovered < truth.length, 'nothing came over the stream');
        reader.lose();
    }
    await addMember(server, 'ann', scene.groups[0], 'dan'); // it still takes what is new
    context.diagnostic(`${scene.acknowledged.size} events over ${rounds} kills; recovered by cursor: ${
        readers.map(({ recovered }) => recovered)}`);
    await stopClean(server);
});
