// Runs the built confab-sio-echo, whose fixed values are here.
import { test as testWithoutLimit } from 'node:test';
import { EchoServer } from './ws_echo_server.mjs';

export const PING_INTERVAL_MS = 300;
export const PING_TIMEOUT_MS = 200;
export const CONNECT_TIMEOUT_MS = 1000;
export const MAX_PAYLOAD = 1_000_000;

// A server that does not answer fails one test, not the whole file.
export const test = (name, body) => testWithoutLimit(name, { timeout: 30_000 }, body);

export class SioEchoServer extends EchoServer {
    static program = 'confab-sio-echo';

    get http() {
        return `http://127.0.0.1:${this.port}`;
    }
}
