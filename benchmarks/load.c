/*
 * Drives a milter as an MTA would, over the milter protocol (version 6), as fast as it answers.
 *
 *   load SOCKET MAIL CONNECTIONS MESSAGES SESSION     MESSAGES messages of the file MAIL, SESSION of them a connection
 *   load --null SOCKET STEPS ACTIONS                  a milter that says yes to everything: the load's own ceiling
 *
 * MAIL holds what goes over the wire: packets of a 4-byte length, a letter and data; each message ends with its `E`.
 * Steps that the milter declines are left out, steps that it does not answer are not waited for, and what needs no answer
 * goes out in one write with the next packet that does: as Postfix does it. Messages are taken from the file in order, once
 * each. One thread, epoll, no allocation while it runs. Prints one JSON object.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

enum { OUT = 1 << 18, IN = 1 << 16, EVENTS = 256, ACTIONS = 0x1FF, STEPS = 0x1FFFFF, SKIP_STEP = 0x400 };

/* By command: the bit with which a milter declines the step, and the one with which it leaves it unanswered. */
static const struct { char letter; uint32_t declined, unanswered; } STEP[] = {
    {'C', 0x01, 0x1000}, {'H', 0x02, 0x2000}, {'M', 0x04, 0x4000}, {'R', 0x08, 0x8000},  {'B', 0x10, 0x80000},
    {'L', 0x20, 0x80},   {'N', 0x40, 0x40000}, {'T', 0x200, 0x10000}, {'E', 0, 0}, {'D', 0, ~0u}, {'A', 0, ~0u},
};

static void die(const char *what) {
    fprintf(stderr, "load: %s: %s\n", what, strerror(errno));
    exit(1);
}

static double now(void) {
    struct timespec at;
    clock_gettime(CLOCK_MONOTONIC, &at);
    return at.tv_sec + at.tv_nsec / 1e9;
}

static uint32_t number(const unsigned char *at) {
    uint32_t value;
    memcpy(&value, at, 4);
    return ntohl(value);
}

static void put(unsigned char *at, uint32_t value) {
    value = htonl(value);
    memcpy(at, &value, 4);
}

static struct sockaddr_un address(const char *path) {
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof to.sun_path) {
        errno = ENAMETOOLONG;
        die(path);
    }
    strcpy(to.sun_path, path);
    return to;
}

/* ---- the load ---- */

struct connection {
    int fd;
    uint32_t steps;
    const unsigned char *next; /* the packet that goes out next; NULL between messages */
    char waiting;              /* the command whose answer is awaited */
    int skips_body, edits, left;
    double began;
    unsigned char in[IN];
    size_t have;
};

static const unsigned char *mail, *mail_end, *mail_next;
static const char *path;
static int epoll, session;
static long wanted, begun, finished, open_connections, accepted, edited, refused_rcpt, refused_eom, deferred, octets_out;
static double *seconds;
static unsigned char out[OUT];
static size_t out_length;

static uint32_t declined(char letter) {
    for (size_t i = 0; i < sizeof STEP / sizeof *STEP; i++)
        if (STEP[i].letter == letter) return STEP[i].declined;
    return 0;
}

static uint32_t unanswered(char letter) {
    for (size_t i = 0; i < sizeof STEP / sizeof *STEP; i++)
        if (STEP[i].letter == letter) return STEP[i].unanswered;
    return 0;
}

static void flush(int fd) {
    for (size_t done = 0; done < out_length;) {
        ssize_t sent = send(fd, out + done, out_length - done, MSG_NOSIGNAL);
        if (sent < 0) die("send"); /* blocking: a milter reads what was sent before it answers */
        done += sent;
    }
    octets_out += out_length;
    out_length = 0;
}

static void queue(const void *packet, size_t length) {
    if (out_length + length > OUT) {
        errno = EMSGSIZE;
        die("a run of unanswered packets");
    }
    memcpy(out + out_length, packet, length);
    out_length += length;
}

static void queue_packet(char letter, const void *data, uint32_t length) {
    unsigned char head[5];
    put(head, length + 1);
    head[4] = letter;
    queue(head, 5);
    queue(data, length);
}

/* The command that a macro packet belongs to is the first octet of its data. */
static int left_out(const struct connection *c, const unsigned char *packet) {
    char letter = packet[4] == 'D' ? (char)packet[5] : (char)packet[4];
    return (c->steps & declined(letter)) || (letter == 'B' && c->skips_body);
}

/* Send up to the next packet that is answered. The macros of a command stand right before it. */
static void go_on(struct connection *c) {
    while (c->next < mail_end) {
        const unsigned char *packet = c->next;
        uint32_t length = number(packet);
        c->next += 4 + length;
        if (left_out(c, packet)) continue;
        queue(packet, 4 + length);
        if (c->steps & unanswered(packet[4]) || packet[4] == 'D') continue;
        c->waiting = packet[4];
        flush(c->fd);
        return;
    }
    errno = EINVAL;
    die("a message without an end");
}

static const unsigned char *end_of(const unsigned char *at) {
    while (at[4] != 'E') at += 4 + number(at);
    return at + 4 + number(at);
}

static int begin(struct connection *c) {
    if (begun == wanted || !c->left) return 0;
    if (mail_next >= mail_end) {
        errno = ENODATA;
        die("fewer messages in the file than asked for");
    }
    begun++, c->left--;
    c->next = mail_next;
    mail_next = end_of(mail_next);
    c->skips_body = c->edits = 0;
    c->began = now();
    go_on(c);
    return 1;
}

static void hang_up(struct connection *c) {
    queue_packet('Q', "", 0);
    flush(c->fd);
    close(c->fd);
    c->fd = -1;
    open_connections--;
}

static void call(struct connection *c) {
    struct sockaddr_un to = address(path);
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = c};
    unsigned char offer[12];
    c->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (c->fd < 0 || connect(c->fd, (struct sockaddr *)&to, sizeof to) < 0) die(path);
    if (epoll_ctl(epoll, EPOLL_CTL_ADD, c->fd, &event) < 0) die("epoll_ctl");
    c->have = 0, c->left = session, c->steps = 0, c->waiting = 'O', open_connections++;
    put(offer, 6), put(offer + 4, ACTIONS), put(offer + 8, STEPS);
    queue_packet('O', offer, 12);
    flush(c->fd);
}

static void greet(struct connection *c) {
    static const char client[] = "client.example\0004\0\031192.0.2.1";
    static const char *macros = "Cj\0mx.example\0{daemon_name}\0mx\0v\0Postfix 3.7.11\0";
    if (!(c->steps & declined('C'))) {
        queue_packet('D', macros, 1 + 2 + 11 + 14 + 3 + 2 + 15);
        queue_packet('C', client, sizeof client);
        if (!(c->steps & unanswered('C'))) {
            c->waiting = 'C';
            flush(c->fd);
            return;
        }
    }
    c->waiting = 'H';
    if (!(c->steps & declined('H'))) {
        queue_packet('H', "client.example", 15);
        if (!(c->steps & unanswered('H'))) {
            flush(c->fd);
            return;
        }
    }
    if (!begin(c)) hang_up(c);
}

static void next_message(struct connection *c) {
    seconds[finished++] = now() - c->began;
    if (begin(c)) return;
    hang_up(c);
    if (begun < wanted) call(c);
}

static void end_early(struct connection *c, long *count) {
    ++*count;
    queue_packet('A', "", 0); /* goes out with the next message, as with an SMTP client that goes on at once */
    next_message(c);
}

static void answered(struct connection *c, char code) {
    int yes = code == 'c' || code == 'a' || code == 's';
    switch (c->waiting) {
    case 'C':
        c->waiting = 'H';
        if (!(c->steps & declined('H'))) {
            queue_packet('H', "client.example", 15);
            if (!(c->steps & unanswered('H'))) {
                flush(c->fd);
                return;
            }
        }
        /* fall through */
    case 'H':
        if (!begin(c)) hang_up(c);
        return;
    case 'E':
        if (code == 't' || code == 'y') deferred += code == 't';
        if (yes) accepted++, edited += c->edits > 0;
        else refused_eom++;
        next_message(c);
        return;
    default:
        if (code == 't') deferred++;
        if (!yes) {
            end_early(c, &refused_rcpt);
            return;
        }
        if (code == 's') c->skips_body = 1;
        go_on(c);
    }
}

static void packet(struct connection *c, const unsigned char *at, uint32_t length) {
    char code = at[4];
    if (c->waiting == 'O') {
        if (code != 'O' || length < 13) {
            errno = EPROTO;
            die("negotiation");
        }
        c->steps = number(at + 13);
        greet(c);
    } else if (strchr("mih+-2q", code)) {
        c->edits++;
    } else if (code != 'p') {
        answered(c, code);
    }
}

static void readable(struct connection *c) {
    ssize_t got = recv(c->fd, c->in + c->have, IN - c->have, 0);
    if (got <= 0) {
        if (got == 0) errno = ECONNRESET;
        die("the milter hung up");
    }
    c->have += got;
    size_t used = 0;
    while (c->fd >= 0 && c->have - used >= 4) {
        uint32_t length = number(c->in + used);
        if (c->have - used < 4 + length) break;
        used += 4 + length;
        packet(c, c->in + used - 4 - length, length);
        if (c->waiting == 'O') return; /* a new connection stands in its place */
    }
    memmove(c->in, c->in + used, c->have -= used);
}

static int ascending(const void *a, const void *b) {
    double one = *(const double *)a, other = *(const double *)b;
    return (one > other) - (one < other);
}

static void load_mail(const char *file) {
    struct stat found;
    int fd = open(file, O_RDONLY);
    if (fd < 0 || fstat(fd, &found) < 0) die(file);
    mail = mmap(NULL, found.st_size, PROT_READ, MAP_PRIVATE | MAP_POPULATE, fd, 0);
    if (mail == MAP_FAILED) die(file);
    mail_next = mail, mail_end = mail + found.st_size;
}

static int drive(char **argument) {
    int connections = atoi(argument[2]);
    path = argument[0], wanted = atol(argument[3]), session = atoi(argument[4]);
    load_mail(argument[1]);
    seconds = calloc(wanted, sizeof *seconds);
    struct connection *all = calloc(connections, sizeof *all);
    epoll = epoll_create1(EPOLL_CLOEXEC);
    if (!seconds || !all || epoll < 0) die("start");
    double start = now();
    for (int i = 0; i < connections; i++) call(&all[i]);
    struct epoll_event events[EVENTS];
    while (open_connections) {
        int ready = epoll_wait(epoll, events, EVENTS, 30000);
        if (ready == 0) errno = ETIMEDOUT;
        if (ready <= 0) die("no answer");
        for (int i = 0; i < ready; i++) readable(events[i].data.ptr);
    }
    double elapsed = now() - start;
    struct rusage used;
    getrusage(RUSAGE_SELF, &used);
    double cpu = used.ru_utime.tv_sec + used.ru_stime.tv_sec + (used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6;
    qsort(seconds, finished, sizeof *seconds, ascending);
    printf("{\"messages\": %ld, \"seconds\": %.6f, \"p50_ms\": %.4f, \"p99_ms\": %.4f, \"load_cpu_seconds\": %.4f, "
           "\"accepted\": %ld, \"edited\": %ld, \"refused_rcpt\": %ld, \"refused_eom\": %ld, \"deferred\": %ld, "
           "\"octets_out\": %ld}\n",
           finished, elapsed, seconds[finished / 2] * 1e3, seconds[finished * 99 / 100] * 1e3, cpu, accepted, edited,
           refused_rcpt, refused_eom, deferred, octets_out);
    return 0;
}

/* ---- the null responder ---- */

struct peer {
    int fd;
    size_t have;
    unsigned char in[OUT];
};

static void say_yes(struct peer *c, uint32_t steps, uint32_t actions) {
    unsigned char said[IN];
    size_t used = 0, length_said = 0;
    while (c->have - used >= 4) {
        uint32_t length = number(c->in + used);
        if (c->have - used < 4 + length) break;
        char letter = c->in[used + 4];
        used += 4 + length;
        if (letter == 'O') {
            put(said, 13), said[4] = 'O', put(said + 5, 6), put(said + 9, actions), put(said + 13, steps);
            length_said = 17;
        } else if (letter != 'D' && letter != 'A' && letter != 'Q' && !(steps & unanswered(letter))) {
            put(said + length_said, 1);
            said[length_said + 4] = letter == 'B' && steps & SKIP_STEP ? 's' : 'c';
            length_said += 5;
        }
    }
    memmove(c->in, c->in + used, c->have -= used);
    if (length_said && send(c->fd, said, length_said, MSG_NOSIGNAL) < 0 && errno != EPIPE) die("send");
}

static _Noreturn void respond(char **argument) {
    uint32_t steps = strtoul(argument[1], NULL, 0), actions = strtoul(argument[2], NULL, 0);
    struct sockaddr_un at = address(argument[0]);
    int listening = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct epoll_event event = {.events = EPOLLIN}, events[EVENTS];
    epoll = epoll_create1(EPOLL_CLOEXEC);
    umask(0); /* Postfix is another user */
    if (listening < 0 || bind(listening, (struct sockaddr *)&at, sizeof at) < 0 || listen(listening, 512) < 0) die("listen");
    if (epoll < 0 || epoll_ctl(epoll, EPOLL_CTL_ADD, listening, &event) < 0) die("epoll_ctl");
    for (;;) {
        int ready = epoll_wait(epoll, events, EVENTS, -1);
        if (ready < 0 && errno != EINTR) die("epoll_wait");
        for (int i = 0; i < ready; i++) {
            struct peer *c = events[i].data.ptr;
            if (c == NULL) {
                c = calloc(1, sizeof *c);
                if (!c || (c->fd = accept4(listening, NULL, NULL, SOCK_CLOEXEC)) < 0) die("accept");
                event.data.ptr = c;
                if (epoll_ctl(epoll, EPOLL_CTL_ADD, c->fd, &event) < 0) die("epoll_ctl");
                continue;
            }
            ssize_t got = recv(c->fd, c->in + c->have, OUT - c->have, 0);
            if (got <= 0) {
                close(c->fd);
                free(c);
                continue;
            }
            c->have += got;
            say_yes(c, steps, actions);
        }
    }
}

int main(int count, char **argument) {
    if (count == 5 && !strcmp(argument[1], "--null")) respond(argument + 2);
    if (count == 6) return drive(argument + 1);
    fprintf(stderr, "usage: load SOCKET MAIL CONNECTIONS MESSAGES SESSION | load --null SOCKET STEPS ACTIONS\n");
    return 64;
}
