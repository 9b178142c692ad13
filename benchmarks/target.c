/* The server that is loaded: cheap, and its truth is known.
 *
 * Answers every HTTP/1.1 request with the same JSON, from one thread. Prints its port once it
 * listens; counts what it served in a shared file, so that nobody has to be believed.
 *
 *   -f FILE   shared counter, 8 bytes
 *   -p PORT   port on 127.0.0.1; 0 takes a free one
 *   -c N      answer through N servers with exponential service times (M/M/c when asked at random)
 *   -s US     their mean service time, microseconds
 *   -S MS     freeze for so long at the end of
 *   -E MS     every period so long, counted from the start
 *   -k FILE   speak TLS with this key and certificate (built with -DTLS only)
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#ifdef TLS
#include <openssl/ssl.h>
#endif

enum { CONNECTIONS = 65536, ROOM = 8192, EVENTS = 512, MOST_SERVERS = 1024 };

static const char ANSWER[] = "HTTP/1.1 200 OK\r\n"
                             "Content-Type: application/json\r\n"
                             "Content-Length: 27\r\n"
                             "\r\n"
                             "{\"data\":{\"ok\":true,\"n\":12}}";

struct connection {
    char *unread;       /* bytes of a request that is not whole yet */
    size_t held;
    uint32_t life;      /* tells an answer that the one who asked is gone */
#ifdef TLS
    SSL *tls;
#endif
};

struct due {
    int64_t at_us;
    int fd;
    uint32_t life;
};

static struct connection connections[CONNECTIONS];
static volatile uint64_t own_counter, *served = &own_counter;

static struct due *heap;
static size_t pending, room;
static int64_t free_at_us[MOST_SERVERS];
static int servers;
static double service_us;

static int64_t stall_us, every_us, started_us;

#ifdef TLS
static SSL_CTX *tls_context;
#endif

static int64_t now_us(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000LL + t.tv_nsec / 1000;
}

static void die(const char *what) {
    perror(what);
    exit(1);
}

/* --- the queue: what is due, earliest first --- */

static void push(struct due one) {
    if (pending == room) {
        room = room ? 2 * room : 1024;
        heap = realloc(heap, room * sizeof *heap);
        if (!heap) die("memory");
    }
    size_t i = pending++;
    for (; i && heap[(i - 1) / 2].at_us > one.at_us; i = (i - 1) / 2) heap[i] = heap[(i - 1) / 2];
    heap[i] = one;
}

static struct due pop(void) {
    struct due first = heap[0], last = heap[--pending];
    size_t i = 0, child;
    while ((child = 2 * i + 1) < pending) {
        if (child + 1 < pending && heap[child + 1].at_us < heap[child].at_us) child++;
        if (heap[child].at_us >= last.at_us) break;
        heap[i] = heap[child];
        i = child;
    }
    heap[i] = last;
    return first;
}

/* First come, first served: the next request goes to the server that is free first. */
static int64_t served_at(int64_t arrived_us) {
    int first = 0;
    for (int i = 1; i < servers; i++)
        if (free_at_us[i] < free_at_us[first]) first = i;
    int64_t begun = free_at_us[first] > arrived_us ? free_at_us[first] : arrived_us;
    return free_at_us[first] = begun + (int64_t)(-service_us * log(1 - drand48()));
}

/* --- the stall --- */

static int64_t until_stall_us(int64_t now) {
    return every_us - stall_us - (now - started_us) % every_us;
}

static void stall(void) {
    if (!every_us) return;
    int64_t phase = (now_us() - started_us) % every_us;
    if (phase >= every_us - stall_us) usleep(every_us - phase);
}

/* --- connections --- */

static void drop(int fd) {
    struct connection *c = &connections[fd];
#ifdef TLS
    SSL_free(c->tls);
    c->tls = NULL;
#endif
    c->life++;
    c->held = 0;
    close(fd);
}

static void answer(int fd) {
    ssize_t sent;
#ifdef TLS
    if (tls_context) sent = SSL_write(connections[fd].tls, ANSWER, sizeof ANSWER - 1);
    else
#endif
        sent = write(fd, ANSWER, sizeof ANSWER - 1);
    if (sent == sizeof ANSWER - 1) ++*served;
    else drop(fd);
}

static void request(int fd, int64_t now) {
    if (servers) push((struct due){served_at(now), fd, connections[fd].life});
    else answer(fd);
}

/* Bytes of a request's body, from its head. */
static size_t body_of(const char *head, size_t length) {
    static const char name[] = "\nContent-Length:";
    for (size_t i = 0; i + sizeof name < length; i++)
        if (head[i] == '\n' && !strncasecmp(head + i, name, sizeof name - 1))
            return strtoul(head + i + sizeof name - 1, NULL, 10);
    return 0;
}

/* Answer the whole requests among the unread bytes and keep the rest. */
static void parse(int fd, int64_t now) {
    struct connection *c = &connections[fd];
    size_t used = 0;
    uint32_t life = c->life;
    while (used < c->held) {
        char *head = c->unread + used;
        char *end = memmem(head, c->held - used, "\r\n\r\n", 4);
        if (!end) break;
        size_t whole = end + 4 - head;
        whole += body_of(head, whole);
        if (whole > c->held - used) break;
        used += whole;
        request(fd, now);
        if (c->life != life) return;
    }
    c->held -= used;
    memmove(c->unread, c->unread + used, c->held);
}

static ssize_t receive(int fd) {
    struct connection *c = &connections[fd];
#ifdef TLS
    if (tls_context) {
        int got = SSL_read(c->tls, c->unread + c->held, ROOM - c->held);
        if (got > 0) return got;
        int why = SSL_get_error(c->tls, got);
        errno = EAGAIN;
        return why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE ? -1 : 0;
    }
#endif
    return read(fd, c->unread + c->held, ROOM - c->held);
}

static void serve(int fd, int64_t now) {
    struct connection *c = &connections[fd];
    for (;;) {
        ssize_t got = receive(fd);
        if (got < 0 && errno == EAGAIN) return;
        if (got <= 0 || c->held + got == ROOM) { /* gone, or a request too long for this server */
            drop(fd);
            return;
        }
        c->held += got;
        uint32_t life = c->life;
        parse(fd, now);
        if (c->life != life) return;
#ifdef TLS
        if (tls_context) {
            if (SSL_pending(c->tls)) continue;
        }
#endif
        return; /* what is still there wakes us again */
    }
}

static void welcome(int listening, int epoll) {
    int fd, one = 1;
    while ((fd = accept4(listening, NULL, NULL, SOCK_NONBLOCK)) >= 0) {
        if (fd >= CONNECTIONS) {
            close(fd);
            continue;
        }
        struct connection *c = &connections[fd];
        if (!c->unread && !(c->unread = malloc(ROOM))) die("memory");
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
#ifdef TLS
        if (tls_context) {
            c->tls = SSL_new(tls_context);
            SSL_set_fd(c->tls, fd);
            SSL_set_accept_state(c->tls);
        }
#endif
        struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};
        epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event);
    }
}

/* --- the start --- */

static int listen_on(int port) {
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), one = 1;
    struct sockaddr_in where = {.sin_family = AF_INET, .sin_port = htons(port)};
    socklen_t length = sizeof where;
    where.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (bind(fd, (struct sockaddr *)&where, length) || listen(fd, 4096)) die("listen");
    getsockname(fd, (struct sockaddr *)&where, &length);
    printf("%d\n", ntohs(where.sin_port));
    fflush(stdout);
    return fd;
}

static void count_in(const char *file) {
    int fd = open(file, O_RDWR | O_CREAT, 0600);
    if (fd < 0 || ftruncate(fd, sizeof *served)) die(file);
    served = mmap(NULL, sizeof *served, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (served == MAP_FAILED) die(file);
}

static void speak_tls(const char *file) {
#ifdef TLS
    tls_context = SSL_CTX_new(TLS_server_method());
    if (!tls_context || SSL_CTX_use_certificate_chain_file(tls_context, file) != 1 ||
        SSL_CTX_use_PrivateKey_file(tls_context, file, SSL_FILETYPE_PEM) != 1)
        die(file);
#else
    fprintf(stderr, "built without TLS: %s\n", file);
    exit(1);
#endif
}

static void wait_for(int epoll, struct epoll_event *events, int *count) {
    int64_t now = now_us(), wait = -1;
    if (pending) wait = heap[0].at_us > now ? heap[0].at_us - now : 0;
    if (every_us) {
        int64_t stalls = until_stall_us(now);
        if (stalls < 0) stalls = 0;
        if (wait < 0 || stalls < wait) wait = stalls;
    }
    struct timespec t = {wait / 1000000, wait % 1000000 * 1000};
    *count = epoll_pwait2(epoll, events, EVENTS, wait < 0 ? NULL : &t, NULL);
    if (*count < 0 && errno != EINTR) die("epoll");
}

int main(int argc, char **argv) {
    int port = 0, option, count;
    while ((option = getopt(argc, argv, "f:p:c:s:S:E:k:")) > 0) switch (option) {
        case 'f': count_in(optarg); break;
        case 'p': port = atoi(optarg); break;
        case 'c': servers = atoi(optarg); break;
        case 's': service_us = atof(optarg); break;
        case 'S': stall_us = atoll(optarg) * 1000; break;
        case 'E': every_us = atoll(optarg) * 1000; break;
        case 'k': speak_tls(optarg); break;
        default: return 2;
        }
    if (servers > MOST_SERVERS || stall_us > every_us) return 2;
    signal(SIGPIPE, SIG_IGN);
    srand48(1);
    int listening = listen_on(port), epoll = epoll_create1(0);
    struct epoll_event event = {.events = EPOLLIN, .data.fd = listening}, events[EVENTS];
    epoll_ctl(epoll, EPOLL_CTL_ADD, listening, &event);
    started_us = now_us();
    for (;;) {
        stall();
        wait_for(epoll, events, &count);
        stall();
        int64_t now = now_us();
        while (pending && heap[0].at_us <= now) {
            struct due one = pop();
            if (connections[one.fd].life == one.life) answer(one.fd);
        }
        for (int i = 0; i < count; i++) {
            int fd = events[i].data.fd;
            if (fd == listening) welcome(listening, epoll);
            else serve(fd, now);
        }
    }
}
