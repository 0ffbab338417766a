#include "bench/text.h"

#include <stdio.h>
#include <string.h>

#include "base/assert.h"
#include "base/base64.h"
#include "load.h"

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

size_t load_text_len(size_t bytes, bool sealed)
{
    return sealed ? cf_base64_len(CF_BASE64, bytes) : bytes;
}

static void fill_plain(char *out, size_t len, unsigned sender)
{
    size_t sentence = sender * 5 % CF_ARRAY_LEN(sentences);
    for (size_t at = 0; at < len; sentence = (sentence + 3) % CF_ARRAY_LEN(sentences)) {
        size_t part = strlen(sentences[sentence]);
        part = part < len - at ? part : len - at;
        memcpy(out + at, sentences[sentence], part);
        at += part;
    }
}

/* xorshift64: no compressor finds anything in it. */
static void fill_sealed(char *out, size_t bytes, unsigned sender)
{
    uint8_t random[LOAD_TEXT_MAX];
    struct cf_buf text;
    uint64_t state = UINT64_C(0x9e3779b97f4a7c15) + sender;
    for (size_t i = 0; i < bytes; i++) {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        random[i] = (uint8_t)(state >> 32);
    }
    cf_buf_init(&text, LOAD_TEXT_MAX);
    if (cf_base64_encode(CF_BASE64, cf_slice_of(random, bytes), &text) != CF_OK)
        load_die("no memory");
    memcpy(out, text.ptr, text.len);
    cf_buf_deinit(&text);
}

void load_text_fill(char *out, size_t bytes, bool sealed, unsigned sender)
{
    if (sealed)
        fill_sealed(out, bytes, sender);
    else
        fill_plain(out, bytes, sender);
}

void load_text_name(char *out, unsigned sender, uint32_t counter, uint64_t sent_ns)
{
    char name[64];
    snprintf(name, sizeof(name), "%04x+%08x+%016llx", sender & 0xffffu, (unsigned)counter,
             (unsigned long long)sent_ns);
    memcpy(out, name, LOAD_NAME_LEN);
}
