// A database of a shop with many messages, and what it costs: the start, pages, and what came since.
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, renameSync, rmSync } from 'node:fs';
import http from 'node:http';
import { join } from 'node:path';
import { makeFolder } from './build.mjs';
import { median, processCpuMs } from './machine.mjs';
import { secret, startConfab } from './servers.mjs';
import { tokenOf } from './token.mjs';

const REQUESTS = 300; // of each query and round
const LIMIT = 50;
const user = 'bench-0000';

// ask(agent, server, path, body): its JSON; one connection of the agent's.
async function ask(agent, server, path, body) {
    const request = http.request({ agent, host: '127.0.0.1', port: server.port, path, method: body ? 'POST' : 'GET',
        headers: { Authorization: `Bearer ${tokenOf(user, secret)}`, 'Content-Type': 'application/json' } });
    request.end(body && JSON.stringify(body));
    const [response] = await once(request, 'response');
    const chunks = [];
    for await (const chunk of response) chunks.push(chunk);
    const text = Buffer.concat(chunks).toString();
    if (response.statusCode >= 300) throw new Error(`${path}: ${response.statusCode} ${text}`);
    return JSON.parse(text);
}

// The server makes the shop and its first message; SQLite's program writes the others as the server would have: ids and
// times grow, a hundred authors, 100 characters each.
function fill(path, messages) {
    const sql = `
PRAGMA synchronous = OFF; PRAGMA cache_size = -1000000;
BEGIN;
WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 99)
INSERT OR IGNORE INTO users SELECT printf('bench-%04d', i), printf('Bench %04d', i) FROM n;
CREATE TEMP TABLE shop AS SELECT key, last_created_us AS us FROM rooms;
WITH RECURSIVE n(i) AS (SELECT 2 UNION ALL SELECT i + 1 FROM n WHERE i < ${messages})
INSERT INTO shop_messages (id, room, seq, author, client_id, sent_hash, created_us, updated_us, deleted, image, text)
    SELECT CAST(printf('%016d', i) AS BLOB), key, i, printf('bench-%04d', i % 100), NULL, 0, us + i * 1000, 0, 0, NULL,
        printf('%0100d', i)
    FROM shop, n;
UPDATE rooms SET message_count = ${messages}, last_seq = ${messages}, last_created_us = last_created_us + ${messages} * 1000;
COMMIT;
PRAGMA wal_checkpoint(TRUNCATE); ANALYZE;
`;
    execFileSync('sqlite3', ['-bail', path], { input: sql, stdio: ['pipe', 'pipe', 'inherit'] });
}

// Made once a build folder, and kept.
async function database({ bin, build, messages }) {
    const folder = join(build, `stored-${messages}`);
    if (existsSync(folder)) return folder;
    const half = makeFolder(`${folder}.half`);
    const server = await startConfab(bin, half);
    const agent = new http.Agent({ keepAlive: true });
    const shop = await ask(agent, server, '/api/v1/shops', { name: 'Bench' });
    await ask(agent, server, '/api/v1/shops/messages', { shop_id: shop.id, message: 'the first' });
    agent.destroy();
    await server.stop();
    fill(join(half, 'data', 'confab.db'), messages);
    rmSync(join(half, 'log'), { force: true });
    renameSync(half, folder);
    return folder;
}

export async function measureStart(context) {
    const server = await startConfab(context.bin, await database(context));
    await server.stop();
    return { start_ms: server.ms };
}

const page = (number) => `page=${number}&limit=${LIMIT}`;
const since = (at) => `since=${encodeURIComponent(at)}&limit=${LIMIT}`;

// Each is a query string, of the number of pages and the times of the first and the last message.
export const pageQueries = {
    'page 1': () => page(1),
    'page 100': () => page(100),
    'page in the middle': ({ pages }) => page(Math.ceil(pages / 2)),
    'last page': ({ pages }) => page(pages),
    'since the beginning': ({ first }) => since(new Date(first).toISOString()),
    'since the middle': ({ first, last }) => since(new Date((first + last) / 2).toISOString()),
    'since almost the end': ({ last }) => since(new Date(last - LIMIT).toISOString()),
};

async function extent(agent, server, shop, messages) {
    const pages = Math.ceil(messages / LIMIT);
    const read = async (number) => (await ask(agent, server, `/api/v1/shops/${shop}/messages/paginated?${page(number)}`)).messages;
    return { pages, first: Date.parse((await read(pages))[0].created_at), last: Date.parse((await read(1)).at(-1).created_at) };
}

// One connection, one request at a time. The round trip holds all that a client waits for: both ways through the kernel, the
// token's check, the store's thread, the JSON, and the client's own part in it. The CPU is the server's alone.
export async function measurePages(context, row) {
    const server = await startConfab(context.bin, await database(context));
    const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
    try {
        const [{ id }] = (await ask(agent, server, '/api/v1/shops')).shops;
        const query = pageQueries[row](await extent(agent, server, id, context.messages));
        const trips = [];
        const before = processCpuMs(server.pid);
        for (let i = 0; i < REQUESTS; i++) {
            const start = performance.now();
            const { messages } = await ask(agent, server, `/api/v1/shops/${id}/messages/paginated?${query}`);
            trips.push(performance.now() - start);
            if (messages.length !== LIMIT) throw new Error(`${row}: ${messages.length} messages`);
        }
        const server_ms = (processCpuMs(server.pid) - before) / REQUESTS;
        return { server_ms, trip_p50_ms: median(trips), trip_p99_ms: trips.sort((a, b) => a - b)[Math.floor(REQUESTS * 0.99)] };
    } finally {
        agent.destroy();
        await server.stop();
    }
}
