// Every REST row of encrypted groups but media: shapes, rules, retries, pages.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { after, before, describe, test } from 'node:test';
import { signToken } from './lib.mjs';
import { addMember, ask, createGroup, expect, feeds, fetchSince, nowhere, removeMember, reply, say, sealed, send,
    startServer, startThread, time, timeOf, told, uuid } from './orbital_lib.mjs';
import { assertProblem, people, stopClean } from './talk_lib.mjs';

let server;
before(async () => { server = await startServer(); });
after(async () => { await stopClean(server); });

const rest = (user, method, path, json, options) => ask(server, user, method, path, json, options);
const keyed = (key) => ({ headers: { 'idempotency-key': key } });
const stampOf = ({ server_timestamp: stamp }) => stamp;

describe('groups and members', { concurrency: 4 }, () => {
    test('a group is made, and listed newest first, with one\'s role and how many there are', async () => {
        const [ann, ben] = people('ann', 'ben');
        const made = await expect(201, rest(ann, 'POST', '/groups', { name: 'The family ü' }));
        assert.deepEqual(made, { group_id: made.group_id, name: 'The family ü', created_by: ann,
            created_at: made.created_at, member_count: 1, role: 'creator' });
        assert.match(made.group_id, uuid);
        assert.match(made.created_at, time);
        assert.ok(Math.abs(Date.parse(made.created_at) - Date.now()) < 5000);
        const nameless = await expect(201, rest(ann, 'POST', '/groups', {}));
        assert.equal(nameless.name, '');
        assert.deepEqual(await expect(200, rest(ann, 'GET', '/groups')), { groups: [nameless, made], has_more: false });
        assert.deepEqual(await expect(200, rest(ben, 'GET', '/groups')), { groups: [], has_more: false });
        await addMember(server, ann, made.group_id, ben);
        assert.deepEqual(await expect(200, rest(ben, 'GET', '/groups')),
            { groups: [{ ...made, member_count: 2, role: 'member' }], has_more: false });
        assert.deepEqual(await fetchSince(server, ann, 0, { group: nameless.group_id }), [], 'making a group is no event');
    });

    test('many groups come in pages, by the last one of the page before', async () => {
        const [ann, ben] = people('ann', 'ben');
        const made = [];
        for (let i = 0; i < 250; i++) made.unshift(await createGroup(server, ann));
        const list = async (query) => {
            const { groups, has_more: hasMore } = await expect(200, rest(ann, 'GET', `/groups${query}`));
            return [groups.map(({ group_id: group }) => group), hasMore];
        };
        assert.deepEqual(await list(''), [made.slice(0, 100), true]);
        assert.deepEqual(await list('?limit=100'), [made.slice(0, 100), true]);
        assert.deepEqual(await list(`?before=${made[99]}&limit=100`), [made.slice(100, 200), true]);
        assert.deepEqual(await list(`?before=${made[199].toUpperCase()}&limit=100`), [made.slice(200), false]);
        assert.deepEqual(await list(`?before=${made[249]}`), [[], false]);
        assert.deepEqual(await list('?limit=500'), [made, false]);
        const refused = async (user, query, field) =>
            assertProblem(await rest(user, 'GET', `/groups?${query}`), 422, 'invalid', field);
        for (const limit of ['0', '501', 'x', '']) await refused(ann, `limit=${limit}`, 'limit');
        for (const before of ['', 'x', '1767454200000', nowhere]) await refused(ann, `before=${before}`, 'before');
        await refused(ben, `before=${made[0]}`, 'before');
        await removeMember(server, ann, made[99], ann);
        await refused(ann, `before=${made[99]}`, 'before');
        assert.deepEqual(await list(`?before=${made[98]}&limit=100`), [made.slice(100, 200), true]);
    });

    test('members: any member adds, whose name the server knows better; who is in already is answered 200', async () => {
        const [ann, ben, cal, dan] = people('ann', 'ben', 'cal', 'dan');
        const group = await createGroup(server, ann);
        await rest(dan, 'GET', '/groups'); // the first sight of a user stores the name
        const path = `/groups/${group}/members`;
        const first = await expect(201, rest(ann, 'POST', path, { user_id: ben, username: 'Benny' }));
        assert.deepEqual(first, { group_id: group, user_id: ben, username: 'Benny', joined_at: first.joined_at });
        const second = await expect(201, rest(ben, 'POST', path, { user_id: cal, username: null }));
        assert.equal(second.username, cal);
        const third = await expect(201, rest(ben, 'POST', path, { user_id: dan, username: 'Impostor' }));
        assert.equal(third.username, dan.toUpperCase());
        // ben has named himself since
        assert.deepEqual(await expect(200, rest(cal, 'POST', path, { user_id: ben, username: 'Other' })),
            { ...first, username: ben.toUpperCase() });
        const { members } = await expect(200, rest(cal, 'GET', path));
        assert.deepEqual(members.map(({ user_id: user, role }) => [user, role]),
            [[ann, 'creator'], [ben, 'member'], [cal, 'member'], [dan, 'member']]);
        for (const member of members) {
            assert.deepEqual(Object.keys(member), ['user_id', 'username', 'role', 'joined_at']);
            assert.match(member.joined_at, time);
        }
        assert.equal(members[1].joined_at, first.joined_at);
        assert.equal((await fetchSince(server, ann, 0, { group })).length, 3, 'who was in joined again');
    });

    test('removal: by who made the group, or oneself; not by others, not twice', async () => {
        const [ann, ben, cal, zoe] = people('ann', 'ben', 'cal', 'zoe');
        const group = await createGroup(server, ann, [ben, cal]);
        const path = (user) => `/groups/${group}/members/${user}`;
        assertProblem(await rest(ben, 'DELETE', path(cal)), 403, 'forbidden');
        assertProblem(await rest(ben, 'DELETE', path(ann)), 403, 'forbidden');
        assertProblem(await rest(zoe, 'DELETE', path(ben)), 403, 'not_member', 'group_id');
        assertProblem(await rest(ann, 'DELETE', path(zoe)), 404, 'not_found', 'user_id');
        const removed = await rest(ann, 'DELETE', path(ben));
        assert.deepEqual([removed.status, removed.text], [204, '']);
        assertProblem(await rest(ann, 'DELETE', path(ben)), 404, 'not_found', 'user_id');
        assertProblem(await rest(ben, 'DELETE', path(ben)), 403, 'not_member', 'group_id');
        await removeMember(server, cal, group, cal);
        assert.deepEqual(await expect(200, rest(cal, 'GET', '/groups')), { groups: [], has_more: false });
        const odd = `ü? ${crypto.randomUUID()}`; // an id that must be escaped in a path
        await addMember(server, ann, group, odd);
        await removeMember(server, ann, group, encodeURIComponent(odd));
        await removeMember(server, ann, group, ann);
        assertProblem(await rest(ann, 'POST', `/groups/${group}/members`, { user_id: ann }), 403, 'not_member', 'group_id');
    });
});

describe('the log', { concurrency: 4 }, () => {
    test('messages and events are the same things, in lists, answers and on the stream', async (context) => {
        const [ann, ben] = people('ann', 'ben');
        const group = await createGroup(server, ann);
        const feed = await feeds(context, server)(ann, group);
        await addMember(server, ann, group, ben);
        const said = [await say(server, ann, group, 'one'), await say(server, ben, group, 'two')];
        const thread = await startThread(server, ben, group);
        assert.equal(Object.keys(thread).at(-1), 'server_timestamp');
        assert.equal(thread.created_at, timeOf(stampOf(thread)));
        const answers = [await reply(server, ann, thread.thread_id, 'r1'), await reply(server, ben, thread.thread_id, 'r2')];
        const events = await expect(200, rest(ann, 'GET', `/events?since=0&group_id=${group}`));
        assert.equal(events.has_more, false);
        assert.deepEqual(events.events, await feed.take(6));
        assert.deepEqual(events.events.map(({ type }) => type), ['member_joined', 'new_message', 'new_message',
            'new_thread', 'new_reply', 'new_reply']);
        assert.deepEqual(await expect(200, rest(ann, 'GET', `/messages?since=0&conversation_id=${group}`)),
            { messages: said, has_more: false });
        assert.deepEqual(await expect(200, rest(ann, 'GET', `/groups/${group}/threads`)),
            { threads: [thread], has_more: false });
        assert.deepEqual(await expect(200, rest(ann, 'GET', `/threads/${thread.thread_id}/replies`)),
            { replies: answers, has_more: false });
        assert.deepEqual(await expect(200, rest(ann, 'GET', `/events?since=0&group_id=${group.toUpperCase()}`)), events);
    });

    test('since: inclusive, by limit, over all groups or one; missing or unreadable: the newest hundred', async () => {
        const [ann] = people('ann');
        const groups = [await createGroup(server, ann), await createGroup(server, ann)];
        const said = [];
        for (let i = 0; i < 130; i++) said.push(await say(server, ann, groups[i % 2], `${i}`));
        const list = (query) => expect(200, rest(ann, 'GET', `/messages?${query}`));
        const is = async (query, messages, more) => {
            assert.deepEqual(await list(query), { messages, has_more: more }, query);
            const { events, has_more: hasMore } = await expect(200,
                rest(ann, 'GET', `/events?${query.replace('conversation_id', 'group_id')}`));
            assert.deepEqual([events.map(({ data }) => data), hasMore], [messages, more], query);
        };
        // Messages of one stamp go together; here they are far enough apart to be counted if all stamps differ.
        const apart = new Set(said.map(stampOf)).size === said.length;
        await is('', said.slice(-100), true);
        for (const unreadable of ['x', '', '-', '1e3', '12.5', ' ', 'null', '99999999999999999999999'])
            await is(`since=${encodeURIComponent(unreadable)}`, said.slice(-100), true);
        await is('limit=130', said, false);
        await is('limit=500', said, false);
        if (apart) await is('limit=7', said.slice(-7), true);
        await is('since=0', said.slice(0, 100), true);
        await is('since=0&limit=500', said, false);
        await is('since=0&limit=130', said, false);
        await is('since=0&limit=129', said.slice(0, 129), true);
        await is(`since=${stampOf(said[60])}&limit=500`, said.filter((each) => stampOf(each) >= stampOf(said[60])), false);
        await is(`since=${stampOf(said[60]) + 1}&limit=500`, said.filter((each) => stampOf(each) > stampOf(said[60])), false);
        if (apart) await is(`since=${stampOf(said[60])}&limit=1`, [said[60]], true);
        await is(`since=${stampOf(said[129])}`, said.filter((each) => stampOf(each) === stampOf(said[129])), false);
        await is(`since=${stampOf(said[129]) + 1}`, [], false);
        const evens = said.filter((_, i) => i % 2 === 0);
        await is(`since=0&conversation_id=${groups[0]}`, evens, false);
        await is(`conversation_id=${groups[0]}&limit=10`, evens.slice(-10), true);
        await is(`since=${stampOf(evens[3])}&conversation_id=${groups[0]}&limit=4`, evens.slice(3, 7), true);
    });

    test('threads and replies: before, exclusive, the newest first asked for, oldest first within the page', async () => {
        const [ann] = people('ann');
        const group = await createGroup(server, ann);
        const threads = [];
        for (let i = 0; i < 60; i++) threads.push(await startThread(server, ann, group, `${i}`));
        const { thread_id: thread } = threads[30];
        const replies = [];
        for (let i = 0; i < 60; i++) replies.push(await reply(server, ann, thread, `${i}`));
        await reply(server, ann, threads[31].thread_id, 'elsewhere');
        await say(server, ann, group, 'no thread');
        for (const [path, name, all] of [[`/groups/${group}/threads`, 'threads', threads],
            [`/threads/${thread}/replies`, 'replies', replies]]) {
            const is = async (query, items, more) => assert.deepEqual(
                await expect(200, rest(ann, 'GET', `${path}${query}`)), { [name]: items, has_more: more }, query);
            await is('', all.slice(10), true);
            await is('?limit=60', all, false);
            await is('?limit=59', all.slice(1), true);
            await is('?limit=1', all.slice(59), true);
            await is(`?before=${stampOf(all[50])}`, all.slice(0, 50), false);
            await is(`?before=${stampOf(all[51])}`, all.slice(1, 51), true);
            await is(`?before=${stampOf(all[50]) + 1}&limit=2`, all.slice(49, 51), true);
            await is(`?before=${stampOf(all[0])}`, [], false);
            await is('?before=0', [], false);
            await is(`?before=${Number.MAX_SAFE_INTEGER}&limit=500`, all, false);
            const pages = [];
            for (let before = Number.MAX_SAFE_INTEGER, more = true; more;) {
                const page = await expect(200, rest(ann, 'GET', `${path}?before=${before}&limit=7`));
                pages.unshift(...page[name]);
                [before, more] = [stampOf(page[name][0]), page.has_more];
            }
            assert.deepEqual(pages, all);
        }
    });
});

describe('retries', { concurrency: 4 }, () => {
    // Each creating request: how it is sent, what tells the thing, what another content is.
    async function creations(ann) {
        const group = await createGroup(server, ann), thread = await startThread(server, ann, group);
        const message = { conversation_id: group, encrypted_envelope: sealed('first') };
        const threaded = { encrypted_title: sealed('title'), encrypted_body: sealed('body') };
        const other = sealed('other');
        return { group, all: [
            ['/groups', { name: 'first' }, 'group_id', [{ name: 'other' }]],
            ['/messages', message, 'message_id', [{ ...message, encrypted_envelope: other }]],
            [`/groups/${group}/threads`, threaded, 'thread_id',
                [{ ...threaded, encrypted_title: other }, { ...threaded, encrypted_body: other }]],
            [`/threads/${thread.thread_id}/replies`, { encrypted_body: sealed('body') }, 'reply_id',
                [{ encrypted_body: other }]],
        ] };
    }

    test('the same id is answered 200 with the first object, and told once; another content is a conflict',
        async (context) => {
            const connect = feeds(context, server);
            const [ann, ben] = people('ann', 'ben');
            const { group, all } = await creations(ann);
            await addMember(server, ann, group, ben);
            const reader = await connect(ben, group);
            for (const [path, json, key, others] of all) {
                const id = `${path} by body`, inHeader = `${path} by header`;
                const first = await expect(201, rest(ann, 'POST', path, { ...json, client_message_id: id }));
                for (const [body, options] of [[{ ...json, client_message_id: id }], [json, keyed(id)],
                    [{ ...json, client_message_id: id }, keyed(id)], [{ ...json, client_message_id: null }, keyed(id)]])
                    assert.deepEqual(await expect(200, rest(ann, 'POST', path, body, options)), first, path);
                const second = await expect(201, rest(ann, 'POST', path, json, keyed(inHeader)));
                assert.notEqual(second[key], first[key]);
                assert.deepEqual(await expect(200, rest(ann, 'POST', path, json, keyed(inHeader))), second);
                assert.deepEqual(await expect(200, rest(ann, 'POST', path, { ...json, client_message_id: inHeader })), second);
                for (const other of others)
                    assertProblem(await rest(ann, 'POST', path, { ...other, client_message_id: id }), 409, 'conflict',
                        'client_message_id');
                assertProblem(await rest(ann, 'POST', path, { ...json, client_message_id: id }, keyed('another')), 422,
                    'invalid', 'client_message_id');
                // without an id each is a new one
                const third = await expect(201, rest(ann, 'POST', path, json));
                assert.ok(![first[key], second[key]].includes(third[key]));
                if (path === '/groups') continue;
                for (const created of [first, second, third])
                    assert.equal((await reader.next()).data[key], created[key]);
            }
            await reader.settled();
            assert.deepEqual(reader.left(), []);
        });

    test('an id is one author\'s: another may use the same; of another group, kind or thread it is no retry', async () => {
        const [ann, ben] = people('ann', 'ben');
        const group = await createGroup(server, ann, [ben]), second = await createGroup(server, ann);
        const more = { client_message_id: 'the same' };
        const first = await expect(201, send(server, ann, group, 'x', more));
        const other = await expect(201, send(server, ben, group, 'x', more));
        const elsewhere = await expect(201, send(server, ann, second, 'x', more));
        assert.equal(new Set([first, other, elsewhere].map(({ message_id: id }) => id)).size, 3);
        assertProblem(await rest(ann, 'POST', `/groups/${group}/threads`,
            { encrypted_title: sealed('x'), encrypted_body: sealed('x'), ...more }), 409, 'conflict', 'client_message_id');
        const threads = [await startThread(server, ann, group), await startThread(server, ann, group)];
        const answer = (thread) => rest(ann, 'POST', `/threads/${thread.thread_id}/replies`,
            { encrypted_body: sealed('x'), client_message_id: 'reply' });
        await expect(201, answer(threads[0]));
        assertProblem(await answer(threads[1]), 409, 'conflict', 'client_message_id');
    });

    test('the same id at once from fifty: one is stored, all have it', async (context) => {
        const [ann] = people('ann');
        const { group, all } = await creations(ann);
        const marker = await createGroup(server, ann);
        const reader = await feeds(context, server)(ann, group, marker);
        for (const [path, json, key] of all) {
            const answers = await Promise.all(Array.from({ length: 50 }, () =>
                rest(ann, 'POST', path, { ...json, client_message_id: 'race' + path })));
            assert.deepEqual(answers.map(({ status }) => status).sort(), [...Array(49).fill(200), 201], path);
            assert.equal(new Set(answers.map(({ json: each }) => each[key])).size, 1);
        }
        const [had] = await told(server, ann, marker, [reader]);
        assert.deepEqual(had.map(({ type }) => type), ['new_message', 'new_thread', 'new_reply']);
    });

    test('a retry of who was removed meanwhile is refused; adding somebody twice at once is one joining', async () => {
        const [ann, ben, cal] = people('ann', 'ben', 'cal');
        const group = await createGroup(server, ann, [ben]);
        await expect(201, send(server, ben, group, 'x', { client_message_id: 'a' }));
        await removeMember(server, ann, group, ben);
        assertProblem(await send(server, ben, group, 'x', { client_message_id: 'a' }), 403, 'not_member',
            'conversation_id');
        const answers = await Promise.all(Array.from({ length: 20 }, () =>
            rest(ann, 'POST', `/groups/${group}/members`, { user_id: cal })));
        assert.deepEqual(answers.map(({ status }) => status).sort(), [...Array(19).fill(200), 201]);
        assert.equal((await fetchSince(server, ann, 0, { group })).filter(({ data }) => data.user_id === cal).length, 1);
    });
});

describe('rules', { concurrency: 4 }, () => {
    const badBase64 = ['', 'A', 'AA', 'AAA', 'AA=', 'AAA=A', 'AB==', 'AAB=', 'AA==AA==', 'AA==\n', ' AA==', 'AA ==',
        '-_-_', 'Ā===', '====', '=', 'AAAA=', '\u0000'];
    const noString = [5, null, true, {}, [], ['AA==']];

    test('envelopes, titles and bodies: base64 of one spelling, of 1 to 262,144 bytes', async () => {
        const [ann] = people('ann');
        const group = await createGroup(server, ann), { thread_id: thread } = await startThread(server, ann, group);
        const good = { encrypted_title: 'AA==', encrypted_body: 'AA==', encrypted_envelope: 'AA==' };
        for (const [path, field, more] of [['/messages', 'encrypted_envelope', { conversation_id: group }],
            [`/groups/${group}/threads`, 'encrypted_title', {}], [`/groups/${group}/threads`, 'encrypted_body', {}],
            [`/threads/${thread}/replies`, 'encrypted_body', {}]]) {
            const post = (value) => rest(ann, 'POST', path, { ...good, ...more, [field]: value });
            for (const value of [...badBase64, ...noString, undefined])
                assertProblem(await post(value), 422, 'invalid', field);
            for (const size of [262145, 262146, 262147])
                assertProblem(await post(randomBytes(size).toString('base64')), 422, 'too_long', field);
            for (const size of [1, 2, 3, 262142, 262143, 262144]) {
                const value = randomBytes(size).toString('base64');
                assert.equal((await expect(201, post(value)))[field], value);
            }
        }
        const full = randomBytes(262144).toString('base64');
        const both = await expect(201, rest(ann, 'POST', `/groups/${group}/threads`,
            { encrypted_title: full, encrypted_body: full, client_message_id: 'x'.repeat(128) }));
        assert.deepEqual([both.encrypted_title, both.encrypted_body], [full, full]);
        const { threads } = await expect(200, rest(ann, 'GET', `/groups/${group}/threads?limit=1`));
        assert.deepEqual(threads, [both]);
        assertProblem(await rest(ann, 'POST', '/messages', { conversation_id: group,
            encrypted_envelope: 'A'.repeat(768 * 1024) }), 413, 'too_large');
        // pages of many full envelopes end early, and nothing is lost
        const large = (await fetchSince(server, ann, 0, { of: 'messages' })).map(({ encrypted_envelope: text }) => text.length);
        assert.equal(large.length, 6);
    });

    test('a page ends early where its strings are large, and says that there is more', async (context) => {
        const [ann] = people('ann');
        const group = await createGroup(server, ann);
        const reader = await feeds(context, server)(ann, group);
        const said = []; // one after the other: the reader must keep up
        for (let i = 0; i < 40; i++) said.push(await expect(201, rest(ann, 'POST', '/messages',
            { conversation_id: group, encrypted_envelope: randomBytes(262144).toString('base64') })));
        assert.deepEqual((await reader.take(40)).map(({ data }) => data), said);
        const page = await expect(200, rest(ann, 'GET', '/messages?since=0&limit=500'));
        assert.ok(page.messages.length < 40 && page.messages.length >= 10 && page.has_more, `${page.messages.length}`);
        assert.deepEqual(await fetchSince(server, ann, 0, { of: 'messages' }), said);
    });

    test('ids, names, limits and bodies', async () => {
        const [ann] = people('ann');
        const group = await createGroup(server, ann), { thread_id: thread } = await startThread(server, ann, group);
        const member = `/groups/${group}/members`, envelope = { encrypted_envelope: 'AA==' };
        const client = { name: 'x' };
        const rows = [
            ['/groups', { name: 'x'.repeat(201) }, 'too_long', 'name'], ['/groups', { name: 5 }, 'invalid', 'name'],
            ['/groups', { name: 'two\nlines' }, 'invalid', 'name'], ['/groups', { name: 'a\u0000' }, 'invalid', 'name'],
            ['/groups', { ...client, client_message_id: '' }, 'invalid', 'client_message_id'],
            ['/groups', { ...client, client_message_id: 'ü' }, 'invalid', 'client_message_id'],
            ['/groups', { ...client, client_message_id: 'a\tb' }, 'invalid', 'client_message_id'],
            ['/groups', { ...client, client_message_id: 5 }, 'invalid', 'client_message_id'],
            ['/groups', { ...client, client_message_id: 'x'.repeat(129) }, 'too_long', 'client_message_id'],
            [member, {}, 'invalid', 'user_id'], [member, { user_id: '' }, 'invalid', 'user_id'],
            [member, { user_id: null }, 'invalid', 'user_id'], [member, { user_id: 'a\nb' }, 'invalid', 'user_id'],
            [member, { user_id: 'x'.repeat(129) }, 'too_long', 'user_id'],
            [member, { user_id: 'x', username: 5 }, 'invalid', 'username'],
            [member, { user_id: 'x', username: 'a\nb' }, 'invalid', 'username'],
            [member, { user_id: 'x', username: 'x'.repeat(257) }, 'too_long', 'username'],
            ['/messages', envelope, 'invalid', 'conversation_id'],
            ['/messages', { ...envelope, conversation_id: 'x' }, 'invalid', 'conversation_id'],
            ['/messages', { ...envelope, conversation_id: 5 }, 'invalid', 'conversation_id'],
            ['/messages', { ...envelope, conversation_id: `${group}0` }, 'invalid', 'conversation_id'],
        ];
        for (const [path, body] of [['/messages', { ...envelope, conversation_id: group }],
            [`/groups/${group}/threads`, { encrypted_title: 'AA==', encrypted_body: 'AA==' }],
            [`/threads/${thread}/replies`, { encrypted_body: 'AA==' }]])
            rows.push([path, { ...body, client_message_id: 'x'.repeat(129) }, 'too_long', 'client_message_id'],
                [path, { ...body, client_message_id: '' }, 'invalid', 'client_message_id']);
        for (const [path, json, code, field] of rows)
            assertProblem(await rest(ann, 'POST', path, json), 422, code, field);
        for (const json of [{ name: 'ü'.repeat(200) }, { name: '' }, { name: 'x', more: { unknown: [null] } },
            { client_message_id: `~ ${'x'.repeat(126)}` }, { client_message_id: null }])
            await expect(201, rest(ann, 'POST', '/groups', json));
        await expect(201, rest(ann, 'POST', member, { user_id: 'x'.repeat(128), username: 'x'.repeat(256) }));
        for (const path of ['/messages', '/events', `/groups/${group}/threads`, `/threads/${thread}/replies`]) {
            for (const limit of ['0', '501', '-1', '1.5', 'x', '', '1e2', '4294967297', '99999999999999999999999'])
                assertProblem(await rest(ann, 'GET', `${path}?limit=${limit}`), 422, 'invalid', 'limit');
            for (const limit of [1, 500]) await expect(200, rest(ann, 'GET', `${path}?limit=${limit}`));
        }
        for (const path of [`/groups/${group}/threads`, `/threads/${thread}/replies`]) {
            for (const value of ['-1', 'x', '', '1.5', '99999999999999999999999'])
                assertProblem(await rest(ann, 'GET', `${path}?before=${value}`), 422, 'invalid', 'before');
        }
        assertProblem(await rest(ann, 'GET', '/messages?conversation_id=x'), 422, 'invalid', 'conversation_id');
        assertProblem(await rest(ann, 'GET', '/events?group_id=x'), 422, 'invalid', 'group_id');
        for (const [method, path, json] of [['GET', '/groups/x/members'], ['POST', '/groups/x/members', { user_id: 'x' }],
            ['DELETE', '/groups/x/members/ann'], ['GET', '/groups/x/threads'],
            ['POST', '/groups/x/threads', { encrypted_title: 'AA==', encrypted_body: 'AA==' }],
            ['GET', '/threads/x/replies'], ['POST', '/threads/x/replies', { encrypted_body: 'AA==' }]])
            assert.deepEqual((({ status, json: { error } }) => [status, error.code])(await rest(ann, method, path, json)),
                [400, 'invalid_id'], `${method} ${path}`);
    });

    test('what is no JSON object is 400; who has no token 401; a wrong method 405', async () => {
        const [ann] = people('ann');
        const group = await createGroup(server, ann), { thread_id: thread } = await startThread(server, ann, group);
        const rows = { '/groups': 'GET POST', '/messages': 'GET POST', '/events': 'GET',
            [`/groups/${group}/members`]: 'GET POST', [`/groups/${group}/members/${ann}`]: 'DELETE',
            [`/groups/${group}/threads`]: 'GET POST', [`/threads/${thread}/replies`]: 'GET POST' };
        const expired = signToken({ user_id: ann, exp: 1000 });
        for (const [path, methods] of Object.entries(rows)) {
            for (const method of methods.split(' ')) {
                const without = await rest(undefined, method, path, method === 'POST' ? {} : undefined);
                assertProblem(without, 401, 'unauthorized');
                assert.equal(without.headers['www-authenticate'], 'Bearer');
                assertProblem(await rest(undefined, method, path, undefined, { token: expired }), 401, 'token_expired');
            }
            const wrong = await rest(ann, 'PATCH', path);
            assert.equal(wrong.status, 405, path);
            for (const method of methods.split(' '))
                assert.ok(wrong.headers.allow.split(', ').includes(method), `${path}: ${wrong.headers.allow}`);
            if (!methods.includes('POST')) continue;
            for (const body of ['{', '[]', '"x"', '{"a":1,"a":2}', '{} {}', '{"name":"\xff"}', "{'name':'x'}",
                `{"name":${'['.repeat(40)}${']'.repeat(40)}}`]) {
                const answer = await rest(ann, 'POST', path, undefined, { body: Buffer.from(body, 'latin1'),
                    headers: { 'content-type': 'application/json' } });
                assert.equal(answer.status, 400, `${path} ${body}: ${answer.text}`);
            }
        }
        for (const path of ['', '/nothing', `/groups/${group}`, `/groups/${group}/nothing`, `/threads/${thread}`,
            `/messages/${nowhere}`])
            assert.equal((await rest(ann, 'GET', path)).status, 404, path);
    });
});
