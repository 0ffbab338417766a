// Text at the edges of UTF-8 (RFC 3629), as [name, bytes]: what has to be accepted, and what refused.
const hex = (text) => [...Buffer.from(text.replaceAll(' ', ''), 'hex')];
const point = (value) => [`U+${value.toString(16).toUpperCase().padStart(4, '0')}`,
    [...Buffer.from(String.fromCodePoint(value))]];

// The first and last scalar value of each length, the neighbours of what is none, noncharacters (section 8.1 of
// RFC 6455 does not exclude them), and what decoders trip over.
const POINTS = [
    0x00, 0x01, 0x0a, 0x1f, 0x22, 0x5c, 0x7f, 0x80, 0x85, 0xa0, 0xad, 0xff, 0x100, 0x3b1, 0x7ff, 0x800, 0xfff, 0x1000,
    0x200b, 0x200d, 0x2028, 0x2029, 0x202e, 0x20ac, 0x4e2d, 0xa000, 0xcfff, 0xd000, 0xd7ff, 0xe000, 0xf8ff, 0xfdd0,
    0xfdef, 0xfeff, 0xfffd, 0xfffe, 0xffff, 0x10000, 0x1d11e, 0x1f600, 0x1fffe, 0x1ffff, 0x3ffff, 0x40000, 0x7ffff,
    0xe0001, 0xeffff, 0xf0000, 0xfffff, 0x100000, 0x10fffe, 0x10ffff,
];

const bytesOf = (text) => [...Buffer.from(text)];
export const VALID = [
    ...POINTS.map(point),
    ['κόσμε', bytesOf('κόσμε')],
    ['Hello-µ@ßöäüàá-UTF-8!!', bytesOf('Hello-µ@ßöäüàá-UTF-8!!')],
    ['right to left', bytesOf('שלום עליכם')],
    ['three scripts', bytesOf('日本語 한국어 ไทย')],
    ['a family of code points', bytesOf('👩‍👩‍👧‍👦')],
    ['a flag', bytesOf('🏴󠁧󠁢󠁥󠁮󠁧󠁿')],
    ['a letter with ten accents', bytesOf(`a${'\u0301'.repeat(10)}`)],
    ['15 ASCII bytes and a wide one', bytesOf(`${'a'.repeat(15)}€`)],
    ['16 ASCII bytes and a wide one', bytesOf(`${'a'.repeat(16)}€`)],
    ['17 ASCII bytes and a wide one', bytesOf(`${'a'.repeat(17)}😀`)],
    ['a wide one and 33 ASCII bytes', bytesOf(`😀${'a'.repeat(33)}`)],
    ['every length in turn', bytesOf('aé€😀'.repeat(20))],
    ['nothing', []],
];

export const INVALID = [
    // Continuations of nothing.
    ['a lone 80', hex('80')], ['a lone BF', hex('bf')], ['two continuations', hex('80 bf')],
    ['seven continuations', hex('80 bf 80 bf 80 bf 80')],
    ['a continuation behind ASCII', hex('61 80 61')], ['a continuation behind a whole character', hex('c3 a9 80')],
    ['a continuation behind €', hex('e2 82 ac 80')], ['a continuation behind 😀', hex('f0 9f 98 80 80')],
    // Beginnings of nothing.
    ['C3 and a space', hex('c3 20')], ['C3 and C3', hex('c3 c3')], ['E2 and a space', hex('e2 20')],
    ['E2 82 and a space', hex('e2 82 20')], ['E2 82 and E2', hex('e2 82 e2 82 ac')], ['F0 and a space', hex('f0 20')],
    ['F0 9F and a space', hex('f0 9f 20')], ['F0 9F 98 and a space', hex('f0 9f 98 20')],
    ['F0 9F 98 and F0', hex('f0 9f 98 f0')], ['C2 and FF', hex('c2 ff')], ['E1 80 and C0', hex('e1 80 c0')],
    // Cut off by the end.
    ['C2 at the end', hex('61 c2')], ['DF at the end', hex('df')], ['E0 at the end', hex('e0')],
    ['E0 A0 at the end', hex('e0 a0')], ['EF at the end', hex('ef')], ['EF BF at the end', hex('ef bf')],
    ['F0 at the end', hex('f0')], ['F0 90 at the end', hex('f0 90')], ['F0 90 80 at the end', hex('f0 90 80')],
    ['F4 8F BF at the end', hex('f4 8f bf')], ['κόσμε cut off', hex('ce ba cf 8c cf 83 ce bc ce')],
    // Bytes that never occur.
    ['C0', hex('c0')], ['C1', hex('c1')], ['F5', hex('f5')], ['F6', hex('f6')], ['F7', hex('f7')], ['F8', hex('f8')],
    ['FB', hex('fb')], ['FC', hex('fc')], ['FD', hex('fd')], ['FE', hex('fe')], ['FF', hex('ff')],
    ['FE FE FF FF', hex('fe fe ff ff')], ['FF behind 16 ASCII bytes', [...hex('61'.repeat(16)), 0xff]],
    ['FF behind 15 ASCII bytes', [...hex('61'.repeat(15)), 0xff]],
    // Longer than needed.
    ['an overlong NUL of two bytes', hex('c0 80')], ['an overlong slash of two bytes', hex('c0 af')],
    ['an overlong 7F', hex('c1 bf')], ['an overlong NUL of three bytes', hex('e0 80 80')],
    ['an overlong slash of three bytes', hex('e0 80 af')], ['an overlong 7FF', hex('e0 9f bf')],
    ['an overlong NUL of four bytes', hex('f0 80 80 80')], ['an overlong slash of four bytes', hex('f0 80 80 af')],
    ['an overlong FFFF', hex('f0 8f bf bf')], ['a slash of five bytes', hex('f8 80 80 80 af')],
    ['a slash of six bytes', hex('fc 80 80 80 80 af')],
    // Surrogates.
    ['U+D800', hex('ed a0 80')], ['U+DB7F', hex('ed ad bf')], ['U+DB80', hex('ed ae 80')],
    ['U+DBFF', hex('ed af bf')], ['U+DC00', hex('ed b0 80')], ['U+DF80', hex('ed be 80')],
    ['U+DFFF', hex('ed bf bf')], ['a pair of surrogates', hex('ed a0 80 ed b0 80')],
    ['the last pair of surrogates', hex('ed af bf ed bf bf')], ['a surrogate inside text', hex('61 ed a0 bd 62')],
    // Above U+10FFFF.
    ['U+110000', hex('f4 90 80 80')], ['U+13FFFF', hex('f4 bf bf bf')], ['U+140000', hex('f5 80 80 80')],
    ['U+1FFFFF', hex('f7 bf bf bf')], ['U+200000', hex('f8 88 80 80 80')], ['U+3FFFFFF', hex('fb bf bf bf bf')],
    ['U+4000000', hex('fc 84 80 80 80 80')], ['U+7FFFFFFF', hex('fd bf bf bf bf bf')],
];

// Where it fails: the index of the first byte that cannot be right, or null when only the end shows it.
export function firstBad(bytes) {
    const decoder = new TextDecoder('utf-8', { fatal: true });
    for (let i = 0; i < bytes.length; i++) {
        try {
            decoder.decode(Uint8Array.of(bytes[i]), { stream: true });
        } catch {
            return i;
        }
    }
    return null;
}
