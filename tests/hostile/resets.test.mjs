// V13: a peer may vanish with a reset behind any byte that it sends. Every flow of every dialect, cut at every offset.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import net from 'node:net';
import { test } from 'node:test';
import { OP, frame, request } from '../conformance/ws_raw.mjs';
import { tokenFor } from '../integration/lib.mjs';
import { createGroup, startThread } from '../integration/orbital_lib.mjs';
import { createTalk } from '../integration/talk_lib.mjs';
import { figure, scale, serve, sleep, startProbe, stopWell, until } from './lib.mjs';

const abreast = 40;
const text = (value) => frame(OP.TEXT, value, { mask: Buffer.from([1, 2, 3, 4]) });
const post = (target, body, type = 'application/json') => Buffer.concat([Buffer.from(`POST ${target} HTTP/1.1\r\nHost: x\r\n`
    + `Authorization: Bearer ${tokenFor('ann')}\r\nContent-Type: ${type}\r\nContent-Length: ${body.length}\r\n\r\n`), Buffer.from(body)]);

// Sends the first bytes, lets the server see them, and resets. `answered`: waits for the first bytes back before.
async function cut(server, bytes, { answered }) {
    const socket = net.connect(server.port, '127.0.0.1');
    socket.setNoDelay(true);
    socket.on('error', () => {});
    await once(socket, 'connect');
    if (bytes.length > 0) await new Promise((done) => { socket.write(bytes, done); });
    if (answered) await Promise.race([once(socket, 'data'), sleep(5)]);
    socket.resetAndDestroy();
}

// Each flow gives the bytes of one connection; those of a session are made anew for each cut.
async function flowsOf(server) {
    const shop = await server.createShop('ann'), group = await createGroup(server, 'ann');
    const talk = await createTalk(server, 'ann');
    const { thread_id: thread } = await startThread(server, 'ann', group);
    const token = `token=${tokenFor('ann')}`;
    const session = async () => {
        const { text: opened } = await server.request('GET', '/socket.io/?EIO=4&transport=polling');
        return JSON.parse(opened.slice(1)).sid;
    };
    const polling = (sid) => `/socket.io/?EIO=4&transport=polling&sid=${sid}`;
    const connect = `40${JSON.stringify({ token: tokenFor('ann') })}`;
    const open = async (target, ...frames) => Buffer.concat([Buffer.from(request({}, { target })), ...frames.map(text)]);
    return {
        'shop: REST': () => post('/api/v1/shops/messages', JSON.stringify({ shop_id: shop, message: 'x' })),
        'shop: upgrade, v2': async () => Buffer.concat([Buffer.from(request({ 'Sec-WebSocket-Protocol': 'confab.shop.v2',
            'Sec-WebSocket-Extensions': 'permessage-deflate' }, { target: `/api/v1/shops/${shop}/messages/stream?${token}` })),
            text('{"type":"typing","data":{}}'), frame(OP.PING, 'x')]),
        'orbital: upgrade, subscribe': () => open(`/ws?${token}`, JSON.stringify({ type: 'subscribe', data: { group_ids: [group] } }),
            JSON.stringify({ type: 'typing_indicator', data: { thread_id: thread, is_typing: true } })),
        'orbital: upload': () => Buffer.from(`POST /v1/threads/${thread}/media HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer `
            + `${tokenFor('ann')}\r\nX-Encrypted-Metadata: eA==\r\nContent-Length: 40\r\n\r\n${'m'.repeat(40)}`),
        'conversations: WebSocket': () => open('/socket.io/?EIO=4&transport=websocket', connect, `420["conversation:join",${talk}]`,
            `421["message:send",${talk},{"text":"x","clientMessageId":"${crypto.randomUUID()}"}]`),
        'conversations: handshake': () => Buffer.from('GET /socket.io/?EIO=4&transport=polling HTTP/1.1\r\nHost: x\r\n\r\n'),
        'conversations: POST': async () => post(polling(await session()), `${connect}\x1e420["conversation:join",${talk}]`, 'text/plain'),
        'conversations: GET that is held': async () => {
            const sid = await session();
            return Buffer.from(`GET ${polling(sid)} HTTP/1.1\r\nHost: x\r\n\r\nGET ${polling(sid)} HTTP/1.1\r\nHost: x\r\n\r\n`);
        },
        'conversations: upgrade': async () => {
            const sid = await session();
            await server.request('POST', polling(sid), { body: connect });
            await server.request('GET', polling(sid));
            return open(`/socket.io/?EIO=4&transport=websocket&sid=${sid}`, '2probe', '5', `420["conversation:join",${talk}]`);
        },
    };
}

test('V13 resets behind every byte of every flow', { timeout: 900000 }, async (context) => {
    const server = await serve(context, { SOCKETIO_CONNECT_TIMEOUT_MS: '2000', SOCKETIO_PING_INTERVAL_MS: '1000',
        SOCKETIO_PING_TIMEOUT_MS: '1000', CONFAB_HTTP_HEADER_TIMEOUT_SECONDS: '2' });
    const probe = await startProbe(server);
    const flows = Object.entries(await flowsOf(server));
    const step = scale(5, 1);
    let cuts = 0;
    for (const [, make] of flows) {
        const { length } = await make();
        const offsets = Array.from({ length: length + 1 }, (_, i) => i).filter((i) => i % step === cuts % step || i === length);
        const next = async () => {
            for (let offset; (offset = offsets.pop()) !== undefined; cuts++)
                await cut(server, (await make()).subarray(0, offset), { answered: cuts % 2 === 0 });
        };
        await Promise.all(Array.from({ length: abreast }, next));
    }
    await until(async () => await server.metric('confab_connections') < 12, 'they are gone', 20000);
    figure(context, `${cuts} resets, behind ${step === 1 ? 'every' : `every ${step}th`} byte of ${flows.length} flows, 0 exits; `
        + await probe.stop());
    assert.ok(cuts > 500);
    await stopWell(server);
});
