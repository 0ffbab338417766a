// A reporter of Node's test runner: the cases counted by the clause that begins their name and by the role that ends
// it. What fails is told with its error. The last line is "N cases, M failed".
const TITLES = {
    'RFC 6455 4': 'opening handshake', 'RFC 6455 5.1': 'who masks', 'RFC 6455 5.2': 'framing',
    'RFC 6455 5.3': 'masking', 'RFC 6455 5.4': 'fragmentation', 'RFC 6455 5.5': 'control frames',
    'RFC 6455 5.6': 'data frames', 'RFC 6455 7.1': 'closing handshake', 'RFC 6455 7.4': 'close codes',
    'RFC 6455 8.1': 'UTF-8', 'RFC 6455 9.1': 'extensions', 'RFC 6455 10.4': 'limits',
    'RFC 6455 11.3': 'header fields', 'RFC 7692 5': 'negotiation', 'RFC 7692 6': 'compressed messages',
    'RFC 7692 7': 'parameters', 'RFC 7692 7.1': 'windows and takeover', 'RFC 7692 7.2': 'DEFLATE',
};

// Sections 4, 5 and 6 of these documents are groups; 5 of RFC 6455 and 7 of both have groups of their own.
function groupOf(name) {
    const [, rfc, chapter, section] = name.match(/^(RFC \d+) (\d+)(\.\d+)?/) ?? [];
    if (!rfc) return 'no clause';
    const whole = `${rfc} ${chapter}`;
    return whole in TITLES && !(`${whole}${section}` in TITLES) ? whole : `${whole}${section ?? ''}`;
}

export default async function* clauses(source) {
    const groups = new Map();
    let cases = 0, failed = 0;
    for await (const { type, data } of source) {
        if (type !== 'test:pass' && type !== 'test:fail') continue;
        const suite = data.details.type === 'suite';
        if (type === 'test:fail' && !(suite && data.details.error?.failureType === 'subtestsFailed')) {
            failed++;
            yield `FAILED ${data.name}\n${data.details.error?.cause?.stack ?? data.details.error}\n`;
        }
        if (suite) continue;
        cases++;
        const group = groupOf(data.name);
        if (!groups.has(group)) groups.set(group, { server: 0, client: 0 });
        groups.get(group)[/\(client\)$/.test(data.name) ? 'client' : 'server']++;
    }
    yield `${'clause'.padEnd(16)}${''.padEnd(24)}server  client\n`;
    const order = new Intl.Collator('en', { numeric: true });
    for (const [group, { server, client }] of [...groups].sort(([a], [b]) => order.compare(a, b)))
        yield group.padEnd(16) + (TITLES[group] ?? '').padEnd(24)
            + `${`${server}`.padStart(6)}${`${client}`.padStart(8)}\n`;
    yield `${cases} cases, ${failed} failed\n`;
}
