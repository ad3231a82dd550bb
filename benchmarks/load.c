/*
 * Drives a milter as an MTA would, over the milter protocol (version 6), as fast as it answers.
 *
 *   load SOCKET MAIL CONNECTIONS MESSAGES SESSION     MESSAGES messages of the file MAIL, SESSION of them a connection
 *   load --null SOCKET STEPS ACTIONS c|a              a milter that says yes to everything: the load's own ceiling.
 *                                                     To DATA it says continue or accept
 *   load --spin SECONDS                               counts, and does nothing else: what one CPU gives
 *
 * SOCKET is a path, or inet:PORT on 127.0.0.1.
 *
 * MAIL holds what goes over the wire: packets of a 4-byte length, a letter and data; each message ends with its `E`.
 * Messages are taken from the file in order, once each. What Postfix does is done here, too; a test compares the two:
 *
 * - Steps that the milter declines are left out. The macros of most of them are sent all the same.
 * - Steps that it does not answer are not waited for. They go out with the next packet that needs an answer.
 * - Writes are of 4 KiB at most, the buffer of a VSTREAM; over TCP of twice the segment size.
 * - What was said up to DATA goes out by itself, for smtpd hands the connection to cleanup then.
 * - ABORT follows each message, and precedes QUIT.
 *
 * One thread, epoll, no allocation while it runs. Prints one JSON object.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
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

enum { OUT = 1 << 18, IN = 1 << 16, EVENTS = 256, ACTIONS = 0x1FF, STEPS = 0x1FFFFF, SKIP_STEP = 0x400, PIECE = 4096 };

/* By command: the bit with which a milter declines the step, the one with which it leaves it unanswered, and whether Postfix
   sends the macros of a step that is declined. */
static const struct { char letter; uint32_t declined, unanswered; int macros; } STEP[] = {
    {'C', 0x01, 0x1000, 1},  {'H', 0x02, 0x2000, 1}, {'M', 0x04, 0x4000, 1},   {'R', 0x08, 0x8000, 1},
    {'B', 0x10, 0x80000, 0}, {'L', 0x20, 0x80, 0},   {'N', 0x40, 0x40000, 0}, {'T', 0x200, 0x10000, 1},
    {'E', 0, 0, 1},          {'A', 0, ~0u, 0},
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

union address {
    struct sockaddr any;
    struct sockaddr_un path;
    struct sockaddr_in port;
};

static socklen_t address(const char *text, union address *to) {
    memset(to, 0, sizeof *to);
    if (!strncmp(text, "inet:", 5)) {
        to->port = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons(atoi(text + 5))};
        to->port.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        return sizeof to->port;
    }
    if (strlen(text) >= sizeof to->path.sun_path) {
        errno = ENAMETOOLONG;
        die(text);
    }
    to->path.sun_family = AF_UNIX;
    strcpy(to->path.sun_path, text);
    return sizeof to->path;
}

/* ---- the load ---- */

struct connection {
    int fd;
    uint32_t steps;
    const unsigned char *next; /* the packet that goes out next; NULL between messages */
    char waiting;              /* the command whose answer is awaited */
    int skips_body, edits, left;
    size_t piece; /* most octets of one write */
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

static int macros_anyway(char letter) {
    for (size_t i = 0; i < sizeof STEP / sizeof *STEP; i++)
        if (STEP[i].letter == letter) return STEP[i].macros;
    return 0;
}

static uint32_t unanswered(char letter) {
    for (size_t i = 0; i < sizeof STEP / sizeof *STEP; i++)
        if (STEP[i].letter == letter) return STEP[i].unanswered;
    return 0;
}

static void flush(const struct connection *c) {
    for (size_t done = 0; done < out_length;) {
        ssize_t sent = send(c->fd, out + done, out_length - done, MSG_NOSIGNAL);
        if (sent < 0) die("send"); /* blocking: a milter reads what was sent before it answers */
        done += sent;
    }
    octets_out += out_length;
    out_length = 0;
}

static void queue(const struct connection *c, const void *octets, size_t length) {
    while (length) {
        if (out_length == c->piece) flush(c);
        size_t now = length < c->piece - out_length ? length : c->piece - out_length;
        memcpy(out + out_length, octets, now);
        out_length += now, length -= now, octets = (const char *)octets + now;
    }
}

static void queue_packet(const struct connection *c, char letter, const void *data, uint32_t length) {
    unsigned char head[5];
    put(head, length + 1);
    head[4] = letter;
    queue(c, head, 5);
    queue(c, data, length);
}

/* The command that a macro packet belongs to is the first octet of its data. */
static int left_out(const struct connection *c, const unsigned char *packet) {
    char letter = packet[4] == 'D' ? (char)packet[5] : (char)packet[4];
    if (letter == 'B' && c->skips_body) return 1;
    return (c->steps & declined(letter)) && !(packet[4] == 'D' && macros_anyway(letter));
}

/* Whether smtpd says no more of this message after `packet`. */
static int ends_envelope(const struct connection *c, const unsigned char *packet) {
    return packet[4] == 'T' || (packet[4] == 'D' && packet[5] == 'T' && (c->steps & declined('T')));
}

/* Send up to the next packet that is answered. The macros of a command stand right before it. */
static void go_on(struct connection *c) {
    while (c->next < mail_end) {
        const unsigned char *packet = c->next;
        uint32_t length = number(packet);
        c->next += 4 + length;
        if (left_out(c, packet)) continue;
        queue(c, packet, 4 + length);
        if (packet[4] == 'D' || (c->steps & unanswered(packet[4]))) {
            if (ends_envelope(c, packet)) flush(c);
            continue;
        }
        c->waiting = packet[4];
        flush(c);
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
    queue_packet(c, 'A', "", 0);
    queue_packet(c, 'Q', "", 0);
    flush(c);
    close(c->fd);
    c->fd = -1;
    open_connections--;
}

static size_t piece_of(int fd, int family) {
    int segment = 0;
    socklen_t length = sizeof segment;
    if (family != AF_INET) return PIECE;
    if (getsockopt(fd, IPPROTO_TCP, TCP_MAXSEG, &segment, &length) < 0) die("TCP_MAXSEG");
    if (segment <= PIECE / 2) return PIECE;
    return 2 * segment < OUT ? 2 * segment : OUT;
}

static void call(struct connection *c) {
    union address to;
    socklen_t length = address(path, &to);
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = c};
    unsigned char offer[12];
    c->fd = socket(to.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (c->fd < 0 || connect(c->fd, &to.any, length) < 0) die(path);
    if (epoll_ctl(epoll, EPOLL_CTL_ADD, c->fd, &event) < 0) die("epoll_ctl");
    c->have = 0, c->left = session, c->steps = 0, c->waiting = 'O', open_connections++;
    c->piece = piece_of(c->fd, to.any.sa_family);
    put(offer, 6), put(offer + 4, ACTIONS), put(offer + 8, STEPS);
    queue_packet(c, 'O', offer, 12);
    flush(c);
}

/* Whether an answer is awaited. */
static int greet(struct connection *c, char letter, const char *macros, size_t macros_length, const char *data, size_t length) {
    queue_packet(c, 'D', macros, macros_length);
    c->waiting = letter;
    if (c->steps & declined(letter)) return 0;
    queue_packet(c, letter, data, length);
    if (c->steps & unanswered(letter)) return 0;
    flush(c);
    return 1;
}

static void hello(struct connection *c) {
    static const char name[] = "client.example";
    if (!greet(c, 'H', "H", 1, name, sizeof name) && !begin(c)) hang_up(c);
}

static void connected(struct connection *c) {
    static const char client[] = "client.example\0004\0\031192.0.2.1";
    static const char macros[] = "Cj\0mx.example.com\0{daemon_name}\0mx.example.com\0{daemon_addr}\000192.0.2.25\0"
                                 "v\0Postfix 3.7.11\0_\0client.example [192.0.2.1]";
    if (!greet(c, 'C', macros, sizeof macros, client, sizeof client)) hello(c);
}

/* The MTA is done with a message: it goes on, or it ends the session. */
static void next_message(struct connection *c) {
    seconds[finished++] = now() - c->began;
    queue_packet(c, 'A', "", 0); /* goes out with what comes next, as with an SMTP client that goes on at once */
    if (begin(c)) return;
    hang_up(c);
    if (begun < wanted) call(c);
}

static void ended(struct connection *c, char code) {
    if (code == 'c' || code == 'a') accepted++, edited += c->edits > 0;
    else refused_eom++;
    next_message(c);
}

static void answered(struct connection *c, const unsigned char *at) {
    char code = at[4];
    int greeting = c->waiting == 'C' || c->waiting == 'H';
    if (greeting && code != 'c') {
        errno = EPROTO;
        die("the milter wants nothing of this client");
    }
    if (c->waiting == 'C') return hello(c);
    if (c->waiting == 'H') {
        if (!begin(c)) hang_up(c);
        return;
    }
    deferred += code == 't' || (code == 'y' && at[5] == '4');
    if (c->waiting == 'E' || code == 'a') return ended(c, code); /* "accept" before the end: not asked about it again */
    if (code != 'c' && code != 's') {
        refused_rcpt++;
        return next_message(c);
    }
    if (code == 's') c->skips_body = 1;
    go_on(c);
}

static void packet(struct connection *c, const unsigned char *at, uint32_t length) {
    char code = at[4];
    if (c->waiting == 'O') {
        if (code != 'O' || length < 13) {
            errno = EPROTO;
            die("negotiation");
        }
        c->steps = number(at + 13);
        connected(c);
    } else if (strchr("mih+-2q", code)) {
        c->edits++;
    } else if (code != 'p') {
        answered(c, at);
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

static char yes_to(char letter, uint32_t steps, char data) {
    if (letter == 'T') return data;
    return letter == 'B' && steps & SKIP_STEP ? 's' : 'c';
}

static void say_yes(struct peer *c, uint32_t steps, uint32_t actions, char data) {
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
            said[length_said + 4] = yes_to(letter, steps, data);
            length_said += 5;
        }
    }
    memmove(c->in, c->in + used, c->have -= used);
    if (length_said && send(c->fd, said, length_said, MSG_NOSIGNAL) < 0 && errno != EPIPE && errno != ECONNRESET) die("send");
}

static int listen_on(const char *where) {
    union address at;
    socklen_t length = address(where, &at);
    int one = 1, listening = socket(at.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    umask(0); /* Postfix is another user */
    if (at.any.sa_family == AF_INET) { /* connections inherit TCP_NODELAY */
        if (setsockopt(listening, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one) < 0) die("SO_REUSEADDR");
        if (setsockopt(listening, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one) < 0) die("TCP_NODELAY");
    }
    if (listening < 0 || bind(listening, &at.any, length) < 0 || listen(listening, 512) < 0) die("listen");
    return listening;
}

static _Noreturn void respond(char **argument) {
    uint32_t steps = strtoul(argument[1], NULL, 0), actions = strtoul(argument[2], NULL, 0);
    int listening = listen_on(argument[0]);
    struct epoll_event event = {.events = EPOLLIN}, events[EVENTS];
    epoll = epoll_create1(EPOLL_CLOEXEC);
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
            say_yes(c, steps, actions, *argument[3]);
        }
    }
}

/* ---- a pure CPU loop ---- */

static int spin(double wanted_seconds) {
    double began = now();
    unsigned long turns = 0;
    volatile uint32_t value = 1;
    while (now() - began < wanted_seconds) {
        for (int i = 0; i < 10000; i++) value = value * 1664525 + 1013904223;
        turns++;
    }
    printf("%.3f\n", turns / (now() - began));
    return 0;
}

int main(int count, char **argument) {
    if (count == 6 && !strcmp(argument[1], "--null")) respond(argument + 2);
    if (count == 3 && !strcmp(argument[1], "--spin")) return spin(atof(argument[2]));
    if (count == 6) return drive(argument + 1);
    fprintf(stderr, "usage: load SOCKET MAIL CONNECTIONS MESSAGES SESSION | load --null SOCKET STEPS ACTIONS c|a | "
                    "load --spin SECONDS\n");
    return 64;
}
