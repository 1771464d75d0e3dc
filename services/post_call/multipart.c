#include "post_call/multipart.h"

#include <stdio.h>

#include "base/crypto.h"

void multipart_init(struct multipart *m, size_t max_bytes)
{
    *m = (struct multipart){ .body = BUF_INIT(max_bytes) };
}

void multipart_release(struct multipart *m)
{
    buf_release(&m->body);
}

void multipart_begin(struct multipart *m)
{
    buf_reset(&m->body);
    m->bad = false;
    random_id(m->boundary, MULTIPART_BOUNDARY_LEN);
    m->boundary[MULTIPART_BOUNDARY_LEN] = 0;
    (void)snprintf(m->content_type, sizeof(m->content_type), "multipart/form-data; boundary=%s",
                   m->boundary); /* fits: both parts are of fixed length */
}

static bool plain(struct str s)
{
    size_t i;

    for (i = 0; i < s.n; i++) {
        if ((unsigned char)s.p[i] < ' ' || s.p[i] == '"' || s.p[i] == 0x7f)
            return false;
    }
    return true;
}

static void part(struct multipart *m, const char *name)
{
    if (m->body.n)
        buf_add_c(&m->body, "\r\n");
    buf_addf(&m->body, "--%s\r\nContent-Disposition: form-data; name=\"%s\"", m->boundary, name);
}

void multipart_field(struct multipart *m, const char *name, struct str value)
{
    m->bad = m->bad || !plain(value) || !plain(str_c(name));
    part(m, name);
    buf_add_c(&m->body, "\r\n\r\n");
    buf_add_str(&m->body, value);
}

void multipart_file(struct multipart *m, const char *name, const char *filename,
                    const char *content_type)
{
    m->bad = m->bad || !plain(str_c(filename)) || !plain(str_c(name));
    part(m, name);
    buf_addf(&m->body, "; filename=\"%s\"\r\nContent-Type: %s\r\n\r\n", filename, content_type);
}

enum errc multipart_end(struct multipart *m, struct str *ret, struct err *err)
{
    buf_addf(&m->body, "\r\n--%s--\r\n", m->boundary);
    if (m->bad)
        return err_set(err, ERR_INVALID, "form field with a quote or a control character");
    if (buf_status(&m->body))
        return err_set(err, ERR_LIMIT, "form of more than %zu bytes", m->body.max);
    *ret = buf_str(&m->body);
    return ERR_OK;
}
