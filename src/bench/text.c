#include "bench/text.h"

#include <string.h>

#include "base/assert.h"
#include "base/base64.h"

/* What people write to each other in a shop; compression is measured on it. */
static const char *const sentences[] = {
    "Good morning everybody, I opened up ten minutes early because the delivery was already here. ",
    "Two boxes of the blue ones came in today, they are behind the counter on the left. ",
    "Can somebody cover for me on Thursday afternoon? I have to be at the dentist at three. ",
    "The card reader at till two froze again, turning it off and on helped. ",
    "A customer asked whether we still carry the large size, I told her to call tomorrow. ",
    "Please don't forget to lock the back door, it was open when I came in. ",
    "Who has the key for the storage room? I looked everywhere. ",
    "We are out of receipt paper, I put it on the list for Monday. ",
    "Thanks for staying late yesterday, that was a great help! ",
    "The window display looks wonderful, three people stopped to take pictures. ",
    "Mr. Okafor's order number 4417 is ready, he said he would pick it up after five. ",
    "I counted the drawer twice and it is off by 2.50, will try again after lunch. ",
    "Is the discount on jackets still 20 percent or did that end on Sunday? ",
    "Somebody left a grey umbrella next to the fitting rooms, it is in the office now. ",
    "Running about fifteen minutes late, the bus did not come. ",
    "New price tags are printed, please swap them on the second shelf first. ",
};

size_t cf_bench_text_len(size_t bytes, bool sealed)
{
    return sealed ? cf_base64_len(CF_BASE64, bytes) : bytes;
}

static enum cf_error append_plain(struct cf_buf *out, size_t len, unsigned sender)
{
    enum cf_error error = CF_OK;
    size_t sentence = sender * 5 % CF_ARRAY_LEN(sentences);
    while (len > 0 && error == CF_OK) {
        struct cf_slice part = cf_slice_head(cf_slice_cstr(sentences[sentence]), len);
        error = cf_buf_append(out, part);
        len -= part.len;
        sentence = (sentence + 3) % CF_ARRAY_LEN(sentences);
    }
    return error;
}

/* xorshift64: no compressor finds anything in it. */
static enum cf_error append_sealed(struct cf_buf *out, size_t bytes, unsigned sender)
{
    uint8_t random[CF_BENCH_TEXT_MAX];
    uint64_t state = UINT64_C(0x9e3779b97f4a7c15) + sender;
    if (bytes > sizeof(random))
        return CF_E_TOO_LARGE;
    for (size_t i = 0; i < bytes; i++) {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        random[i] = (uint8_t)(state >> 32);
    }
    return cf_base64_encode(CF_BASE64, cf_slice_of(random, bytes), out);
}

enum cf_error cf_bench_text_append(struct cf_buf *out, size_t bytes, bool sealed, unsigned sender)
{
    return sealed ? append_sealed(out, bytes, sender) : append_plain(out, bytes, sender);
}

static void write_hex(uint8_t *out, size_t digits, uint64_t value)
{
    for (; digits > 0; value >>= 4)
        out[--digits] = (uint8_t) "0123456789abcdef"[value & 15];
}

static bool parse_hex(const uint8_t *text, size_t digits, uint64_t *out)
{
    uint64_t value = 0;
    for (size_t i = 0; i < digits; i++) {
        unsigned byte = text[i];
        bool letter = byte >= 'a' && byte <= 'f';
        if (!letter && (byte < '0' || byte > '9'))
            return false;
        value = value << 4 | (letter ? byte - 'a' + 10 : byte - '0');
    }
    *out = value;
    return true;
}

void cf_bench_text_head(uint8_t *out, unsigned sender, uint32_t counter, uint64_t sent_ns)
{
    write_hex(out, 7, sender);
    out[7] = '+';
    write_hex(out + 8, 8, counter);
    out[16] = '+';
    write_hex(out + 17, 16, sent_ns);
}

bool cf_bench_text_parse(const uint8_t *head, unsigned *out_sender, uint32_t *out_counter,
                         uint64_t *out_sent_ns)
{
    uint64_t sender, counter, sent_ns;
    if (head[7] != '+' || head[16] != '+' || !parse_hex(head, 7, &sender) ||
        !parse_hex(head + 8, 8, &counter) || !parse_hex(head + 17, 16, &sent_ns))
        return false;
    *out_sender = (unsigned)sender;
    *out_counter = (uint32_t)counter;
    *out_sent_ns = sent_ns;
    return true;
}
