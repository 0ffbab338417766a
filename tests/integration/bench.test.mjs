// `confab bench` against a real server, in every dialect, and against hubs that make mistakes.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import http from 'node:http';
import { rmSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import { WebSocketServer } from 'ws';
import { Server, certificate, makeDir, run, secret } from './lib.mjs';

const roomy = { WEBSOCKET_MAX_CONNECTIONS_PER_USER: '1000', WEBSOCKET_MAX_ATTEMPTS_PER_MINUTE: '1000',
    ORBITAL_MAX_ATTEMPTS_PER_MINUTE: '0' };

// The figures of a run, which must end well.
async function bench(url, workload, ...options) {
    const { code, stdout, stderr } = await run(['bench', workload, '--json', '--url', url, '--seconds', '1', '--warm-up', '0',
        ...options.map(String)], { env: { JWT_SECRET: secret } });
    assert.equal(code, 0, `${workload} ${options.join(' ')}: ${stderr}`);
    assert.equal(stderr, '');
    return JSON.parse(stdout);
}

function assertFaultless(figures) {
    const { lost, doubled, reordered, unanswered, cut } = figures;
    assert.deepEqual({ lost, doubled, reordered, unanswered, cut },
        { lost: 0, doubled: 0, reordered: 0, unanswered: 0, cut: 0 });
}

function assertTimes(figures, name) {
    const times = ['p50', 'p90', 'p99', 'p999', 'max'].map((each) => figures[`${name}_${each}_ms`]);
    assert.ok(times.every((each, i) => each > 0 && (i === 0 || each >= times[i - 1])), `${name}: ${times}`);
}

function assertLoaded(figures, receivers) {
    assertFaultless(figures);
    assert.ok(figures.messages > 0);
    assert.equal(figures.deliveries, figures.messages * receivers);
    assert.ok(figures.messages_per_s > 0 && figures.deliveries_per_s > 0);
    assert.ok(figures.server_us_per_delivery > 0 && figures.server_cores > 0 && figures.load_cores > 0);
    assertTimes(figures, 'ack');
    assertTimes(figures, 'delivery');
}

describe('a real server', () => {
    let server;
    before(async () => { server = await Server.start(roomy); });
    after(async () => { assert.equal(await server.stop(), 0); });

    for (const dialect of ['shop', 'talk', 'orbital']) {
        test(`fanout: ${dialect}`, async () => {
            const figures = await bench(server.address, 'fanout', '--dialect', dialect, '--rooms', 2, '--receivers', 6,
                '--publishers', 2, '--in-flight', 2);
            assertLoaded(figures, 6);
            assert.deepEqual([figures.workload, figures.dialect, figures.rooms, figures.receivers, figures.in_flight],
                ['fanout', dialect, 2, 12, 4]);
        });

        test(`fanout at a rate, by three threads: ${dialect}`, async () => {
            const figures = await bench(server.address, 'fanout', '--dialect', dialect, '--receivers', 10, '--rate', 50,
                '--threads', 3);
            assertLoaded(figures, 10);
            assert.ok(figures.messages + figures.late >= 55 && figures.messages + figures.late <= 120, JSON.stringify(figures));
            assert.equal(figures.threads, 3);
        });

        test(`ack: ${dialect}`, async () => {
            const figures = await bench(server.address, 'ack', '--dialect', dialect, '--in-flight', 8, '--publishers', 20);
            assertLoaded(figures, 1);
            assert.deepEqual([figures.rooms, figures.receivers, figures.senders], [4, 4, 20]);
        });

        test(`idle: ${dialect}`, async () => {
            const figures = await bench(server.address, 'idle', '--dialect', dialect, '--connections', 100, '--deliver',
                '--hold', 1, '--rooms', 2, '--spread', 3, '--threads', 2);
            assertFaultless(figures);
            assert.deepEqual([figures.connections, figures.messages, figures.deliveries], [100, 2, 100]);
            assert.ok(figures.connects_per_s > 0 && figures.rss_before_bytes > 0 && figures.rss_after_bytes > 0);
            assert.equal(figures.rss_bytes_per_connection,
                Math.round((figures.rss_after_bytes - figures.rss_before_bytes) / 100));
            assert.ok(figures.pss_before_bytes > 0 && figures.idle_server_cores >= 0);
            assertTimes(figures, 'connect');
            assertTimes(figures, 'delivery');
        });

        test(`connect: ${dialect}`, async () => {
            const figures = await bench(server.address, 'connect', '--dialect', dialect, '--in-flight', 4, '--users', 50);
            assert.ok(figures.connects > 4 && figures.connects_per_s > 0 && figures.server_us_per_connect > 0);
            assert.equal(figures.connects_at_once, 4);
            assertTimes(figures, 'connect');
        });
    }

    test('who delivers connects when the others have been idle', async (t) => {
        const impatient = await Server.start({ ...roomy, CONFAB_HTTP_HEADER_TIMEOUT_SECONDS: '1' });
        t.after(() => impatient.stop());
        const figures = await bench(impatient.address, 'idle', '--connections', 20, '--deliver', '--hold', 2);
        assertFaultless(figures);
        assert.deepEqual([figures.messages, figures.deliveries], [1, 20]);
    });

    test('frames that are compressed', async () => {
        const figures = await bench(server.address, 'fanout', '--receivers', 5, '--size', 1000, '--deflate');
        assertLoaded(figures, 5);
        assert.ok(figures.wire_bytes_per_delivery < 0.8 * figures.text_bytes_per_delivery);
    });

    test('a table', async () => {
        const { code, stdout } = await run(['bench', 'fanout', '--url', server.address, '--receivers', '2', '--seconds', '1',
            '--warm-up', '0'], { env: { JWT_SECRET: secret } });
        assert.equal(code, 0);
        assert.match(stdout, /^workload +fanout\n/);
        assert.match(stdout, /^lost +0$/m);
        assert.match(stdout, /^delivery p99 ms +\d+\.\d{3}$/m);
    });

    test('who is refused is told what to do', async () => {
        const options = ['bench', 'fanout', '--url', server.address];
        const forged = await run(options, { env: { JWT_SECRET: 'x'.repeat(32) } });
        assert.equal(forged.code, 1);
        assert.match(forged.stderr, /^confab bench: the server refused a request of the set-up: 401 .*JWT_SECRET/);
        const none = await run(options);
        assert.equal(none.code, 2);
        assert.match(none.stderr, /JWT_SECRET/);
        const socket = await run([...options, '--dialect', 'hub']);
        assert.equal(socket.code, 1);
        assert.match(socket.stderr, /^confab bench: the server refused a .*: 404 .*--dialect/);
    });
});

test('a server with its default limits takes the defaults', async () => {
    const server = await Server.start();
    for (const dialect of ['shop', 'talk', 'orbital'])
        assertLoaded(await bench(server.address, 'fanout', '--dialect', dialect), 100);
    assert.equal(await server.stop(), 0);
});

test('over TLS, the certificate is checked', async () => {
    const dir = makeDir();
    const { cert, key } = await certificate(dir);
    const server = await Server.start({ ...roomy, CONFAB_TLS_CERT: cert, CONFAB_TLS_KEY: key });
    for (const dialect of ['shop', 'talk', 'orbital']) {
        const figures = await bench(server.address, 'fanout', '--dialect', dialect, '--ca', cert, '--receivers', 5);
        assertLoaded(figures, 5);
        assert.equal(figures.transport, 'TLS');
    }
    const idle = await bench(server.address, 'idle', '--insecure', '--connections', 50, '--deliver', '--hold', 0);
    assert.equal(idle.deliveries, 50);
    const connects = await bench(server.address, 'connect', '--insecure', '--in-flight', 2);
    assert.ok(connects.connects > 2);
    const env = { JWT_SECRET: secret };
    const stranger = await run(['bench', 'fanout', '--url', server.address], { env });
    assert.equal(stranger.code, 1);
    assert.match(stranger.stderr, /certificate is not trusted: .*--ca FILE, or --insecure/);
    const plain = await run(['bench', 'fanout', '--url', server.address.replace('https', 'http')], { env });
    assert.equal(plain.code, 1);
    assert.match(plain.stderr, /TLS/);
    assert.equal(await server.stop(), 0);
    rmSync(dir, { recursive: true });
});

// ---- others' servers ----

// A hub on `ws`. What a receiver is sent of the message of that number (from 0) is up to `spoil(number, receiver)`: how
// often it comes; `swap`: that one comes behind the next.
async function hub({ spoil = () => 1, swap = -1, paths = { sub: '/sub', pub: '/pub', key: 'room' } } = {}) {
    const rooms = new Map();
    const sockets = new WebSocketServer({ noServer: true, perMessageDeflate: false });
    let count = 0, held;
    const room = (url) => {
        const name = url.searchParams.get(paths.key);
        if (!rooms.has(name)) rooms.set(name, []);
        return rooms.get(name);
    };
    const publish = (receivers, message) => {
        const number = count++;
        receivers.forEach((receiver, i) => {
            for (let times = spoil(number, i); times > 0; times--) receiver.send(message, { binary: false });
        });
    };
    const relay = (receivers, message) => {
        if (count === swap && held === undefined) { held = message; return; }
        publish(receivers, message);
        if (held !== undefined && count === swap + 1) publish(receivers, held);
    };
    const server = http.createServer(async (request, response) => {
        const chunks = [];
        for await (const chunk of request) chunks.push(chunk);
        relay(room(new URL(request.url, 'http://x')), Buffer.concat(chunks));
        response.writeHead(201, { 'content-length': 2 });
        response.end('ok');
    });
    server.on('upgrade', (request, socket, head) => sockets.handleUpgrade(request, socket, head, (client) => {
        const url = new URL(request.url, 'http://x');
        const receivers = room(url);
        if (url.pathname === paths.sub) receivers.push(client);
        else client.on('message', (message) => {
            if (url.pathname === paths.pub) relay(receivers, message);
            client.send(message, { binary: false });
        });
    }));
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const close = () => {
        server.close();
        for (const client of sockets.clients) client.terminate();
        server.closeAllConnections();
    };
    return { url: `http://127.0.0.1:${server.address().port}`, close };
}

const faultsOf = ({ lost, doubled, reordered }) => [lost, doubled, reordered];

describe('a hub', () => {
    const few = ['--dialect', 'hub', '--receivers', 3, '--publishers', 2, '--in-flight', 2, '--rate', 100];

    test('fanout, echo, connect, idle', async () => {
        const peer = await hub();
        const figures = await bench(peer.url, 'fanout', ...few);
        assertFaultless(figures);
        assert.equal(figures.deliveries, figures.messages * 3);
        const echo = await bench(peer.url, 'echo', '--connections', 5, '--in-flight', 2);
        assertFaultless(echo);
        assert.ok(echo.round_trips > 0 && echo.round_trips === echo.messages);
        assertTimes(echo, 'echo');
        assert.ok((await bench(peer.url, 'connect', '--dialect', 'hub')).connects > 64);
        const idle = await bench(peer.url, 'idle', '--dialect', 'hub', '--connections', 20, '--hold', 0, '--deliver');
        assert.equal(idle.deliveries, 20);
        peer.close();
    });

    test('nchan', async () => {
        const peer = await hub({ paths: { sub: '/sub', pub: '/pub', key: 'id' } });
        const figures = await bench(peer.url, 'fanout', '--dialect', 'nchan', '--receivers', 3, '--publishers', 2);
        assertFaultless(figures);
        assert.ok(figures.messages > 0);
        assert.equal(figures.deliveries, figures.messages * 3);
        peer.close();
    });

    for (const threads of [1, 2]) {
        test(`that loses, doubles and swaps is found out, by ${threads}`, async () => {
            const cases = [
                [{ spoil: (number, receiver) => Number(number !== 20 || receiver !== 1) }, [1, 0, 0]],
                [{ spoil: (number) => Number(number !== 20) }, [3, 0, 0]],
                [{ spoil: (number, receiver) => (number === 20 && receiver === 2 ? 2 : 1) }, [0, 1, 0]],
                [{ spoil: (number) => (number === 20 ? 2 : 1) }, [0, 3, 0]],
            ];
            for (const [mistake, faults] of cases) {
                const peer = await hub(mistake);
                const figures = await bench(peer.url, 'fanout', ...few, '--threads', threads);
                assert.deepEqual(faultsOf(figures), faults);
                peer.close();
            }
            // One sender, two in flight: its 20th message comes behind its 21st. Who sees it first, once a thread, judges.
            const peer = await hub({ swap: 20 });
            const figures = await bench(peer.url, 'fanout', '--dialect', 'hub', '--receivers', 3, '--publishers', 1,
                '--in-flight', 2, '--threads', threads);
            assert.deepEqual(faultsOf(figures), [0, 0, threads]);
            peer.close();
        });
    }

    test('that ends is told of', async () => {
        const peer = await hub({ spoil: (number) => { if (number === 50) peer.close(); return 1; } });
        const { code, stderr, stdout } = await run(['bench', 'fanout', '--dialect', 'hub', '--url', peer.url]);
        assert.equal(code, 1);
        assert.match(stderr, /^confab bench: the server closed the connection of a publisher; see its log\n$/);
        assert.equal(stdout, '');
    });
});

test('nobody there', async () => {
    const peer = await hub();
    peer.close();
    const { code, stderr } = await run(['bench', 'echo', '--url', peer.url]);
    assert.equal(code, 1);
    assert.match(stderr, /^confab bench: cannot connect to 127\.0\.0\.1:\d+: Connection refused; is the server running\? \(--url\)\n$/);
});

test('wrong usage says what to do', async () => {
    const env = { JWT_SECRET: secret };
    for (const [args, message] of [
        [[], /which workload\?; see confab bench --help/],
        [['dance'], /no workload 'dance'/],
        [['fanout', 'ack'], /one workload at a time/],
        [['fanout', '--dialect', 'klingon'], /no dialect 'klingon'/],
        [['fanout', '--rooms', '0'], /--rooms 0: not a number from 1 to/],
        [['fanout', '--rate', 'fast'], /--rate fast: not a number from 0 to/],
        [['fanout', '--nonsense'], /nonsense/],
        [['fanout', '--url', 'ftp://x'], /--url ftp:\/\/x: not like/],
        [['fanout', '--rooms', '4', '--publishers', '2', '--in-flight', '1'], /every room needs a publisher/],
        [['fanout', '--size', '10'], /--size is 33 to 8192/],
        [['echo', '--dialect', 'shop'], /only the dialect hub has an echo/],
        [['idle', '--connections', '90000000'], /file descriptors/],
    ]) {
        const wrong = await run(['bench', ...args], { env });
        assert.equal(wrong.code, 2, args.join(' '));
        assert.match(wrong.stderr, message);
        assert.equal(wrong.stdout, '');
    }
    const help = await run(['bench', '--help']);
    assert.equal(help.code, 0);
    assert.match(help.stdout, /^Usage: confab bench WORKLOAD/);
});
