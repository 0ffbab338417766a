// Builds what is measured; says what failed only when something does.
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';

function run(program, words, options) {
    try {
        execFileSync(program, words, { stdio: 'pipe', maxBuffer: 1 << 26, ...options });
    } catch (error) {
        process.stderr.write(`${error.stdout ?? ''}${error.stderr ?? ''}${program} ${words.join(' ')}: failed\n`);
        process.exit(1);
    }
}

// Programs of the release build: their folder.
export function buildConfab(folder, ...targets) {
    if (!existsSync(join(folder, 'CMakeCache.txt')))
        run('cmake', ['--preset', 'release', '-B', folder, '-DCONFAB_TESTS=OFF']);
    run('cmake', ['--build', folder, '--target', 'confab', ...targets]);
    return resolve(folder, 'bin');
}

export function buildPeers(folder) {
    const bin = buildConfab(folder, 'bench-limit', 'bench-lws', 'slow-sync');
    // Debian keeps Go packages where a GOPATH can name them.
    run('go', ['build', '-o', join(bin, 'bench-gorilla'), 'bench/peer/hub_gorilla.go'], { env: { ...process.env,
        GO111MODULE: 'off', GOPATH: '/usr/share/gocode', GOCACHE: resolve(folder, 'go'), GOFLAGS: '' } });
    const lock = 'bench/peer/package-lock.json', installed = 'bench/peer/node_modules/.package-lock.json';
    if (!existsSync(installed) || statSync(installed).mtimeMs < statSync(lock).mtimeMs)
        run('npm', ['ci', '--no-audit', '--no-fund'], { cwd: 'bench/peer' });
    return bin;
}

export function makeFolder(path) {
    mkdirSync(path, { recursive: true });
    return path;
}
