// confab-ws-echo-client against a server of the `ws` package, and the program itself. The clauses of RFC 6455 and
// RFC 7692 are in rfc6455/.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { describe, test } from 'node:test';
import { WebSocketServer } from 'ws';
import { programOf, run } from './ws_echo_server.mjs';

const PROGRAM = 'confab-ws-echo-client';

describe('a server of the ws package', () => {
    const rows = [
        ['plain', false, ''], ['windows kept', {}, 'deflate'],
        ['no window kept', { serverNoContextTakeover: true, clientNoContextTakeover: true }, 'deflate'],
        ['windows of 9 and 10 bits', { serverMaxWindowBits: 9, clientMaxWindowBits: 10 }, 'deflate'],
    ];
    for (const [name, options, words] of rows) {
        test(`gets its messages back, ${name}`, async () => {
            const server = new WebSocketServer({ host: '127.0.0.1', port: 0,
                perMessageDeflate: options && { threshold: 0, ...options } });
            await once(server, 'listening');
            const child = spawn(programOf(PROGRAM), ['--port', String(server.address().port)],
                { stdio: ['pipe', 'ignore', 'inherit'] });
            const exit = once(child, 'exit');
            child.stdin.end(`open 1 ${words}\n`);
            const [ws] = await once(server, 'connection');
            assert.equal(ws.extensions, options ? 'permessage-deflate' : '');
            const text = Array.from({ length: 40 }, (_, i) => `${'message '.repeat(i * 9)}${i}`).join('é');
            for (const message of [text, text, randomBytes(70000), 'é€😀', '', randomBytes(1024 * 1024), text]) {
                ws.send(message);
                const [data, isBinary] = await once(ws, 'message');
                assert.equal(isBinary, typeof message !== 'string');
                assert.ok(data.equals(Buffer.from(message)));
            }
            ws.close(4000, 'done');
            assert.equal((await once(ws, 'close'))[0], 4000);
            assert.deepEqual(await exit, [0, null]);
            server.close();
        });
    }
});

test('the program tells how it is used', async () => {
    const help = await run(['--help'], PROGRAM);
    assert.equal(help.code, 0);
    assert.match(help.stdout, /^usage: confab-ws-echo-client --port N /);
    for (const args of [[], ['--port'], ['--port', '0'], ['--port', '65536'], ['--port', 'x'],
        ['--port', '1', '--max-message', '0'], ['--port', '1', '--close-wait', '0'], ['--port', '1', 'more']]) {
        const { code, stdout, stderr } = await run(args, PROGRAM);
        assert.deepEqual([args, code, stdout], [args, 2, '']);
        assert.match(stderr, /usage: /);
    }
});
