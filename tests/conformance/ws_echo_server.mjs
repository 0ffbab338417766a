// Runs the built confab-ws-echo; a class that extends EchoServer may name another program.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

const binDir = process.env.CONFAB_BIN_DIR;
if (!binDir) throw new Error('CONFAB_BIN_DIR must name the folder of the programs, e.g. build/dev/bin');
export const programOf = (name) => join(binDir, name);

// Runs it to its end.
export async function run(args, name = EchoServer.program) {
    const child = spawn(programOf(name), args, { stdio: ['ignore', 'pipe', 'pipe'] });
    let stdout = '', stderr = '';
    child.stdout.on('data', (data) => { stdout += data; });
    child.stderr.on('data', (data) => { stderr += data; });
    const [code] = await once(child, 'close');
    return { code, stdout, stderr };
}

export class EchoServer {
    static program = 'confab-ws-echo';

    static async start(args = []) {
        const server = new this();
        server.child = spawn(programOf(this.program), ['--port', '0', ...args], { stdio: ['ignore', 'pipe', 'inherit'] });
        server.exited = once(server.child, 'exit');
        for await (const line of createInterface(server.child.stdout)) {
            server.ready = line;
            break;
        }
        server.port = Number(server.ready?.match(/:(\d+)$/)?.[1]);
        if (!server.port) throw new Error(`no ready line: ${server.ready}`);
        server.url = `ws://127.0.0.1:${server.port}`;
        return server;
    }

    // Returns [exit code, signal].
    async stop(signal = 'SIGTERM') {
        this.child.kill(signal);
        return this.exited;
    }
}
