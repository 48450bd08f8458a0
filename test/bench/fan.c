/*
 * The fan-out benches' load: N subscribers in one epoll loop, over WebSocket, Socket.IO's dialect of it, or SSE; plain or
 * TLS (compiled with -DTLS). It reads as fast as it can, parses every frame's header, checks that every item follows the
 * last one, and takes the latency of every eighth item.
 *
 *   fan port=8080 path=/ws clients=1000 [wire=ws|socketio|sse] [protocol=lastcall.v1] [say=TEXT] [items=K first=M] [tls=1]
 *
 * say   a text frame to begin with
 * items tell when every client has had so many, the first of them number `first`
 * stdin:  "begin" (a window of measurement), "end" (report it), "stop" or end of input (leave)
 * stdout: {"event":"connected"} when all handshakes are over, {"event":"window"} for each window, {"event":"reached"}
 *
 * An item carries a marker somewhere in its data: '@', 16 hex digits (CLOCK_MONOTONIC in us when it was due), 8 hex
 * digits (its number).
 */
#define _GNU_SOURCE
#include "net.h"
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>
#ifdef TLS
#include <openssl/ssl.h>
#endif

#define KEPT 1024            /* a part of a frame, or of the handshake's answer, that waits for the rest */
#define READ_BYTES 262144
#define MARKER 25
#define BUCKETS (64 * 40)

enum phase { SECURING, OPENING, OPEN, ENDED };
enum wire { WS, SOCKETIO, SSE };

struct client {
  int fd, kept;
  enum phase phase;
  uint32_t next, items;
#ifdef TLS
  SSL *ssl;
#endif
  char keep[KEPT];
};

static struct client *clients;
static enum wire wire = WS;
static int n, opened, opening, connected, refused, ended, epoll, measuring, tls;
static uint32_t goal, first;
static int reached;
static long items, disorder, broken, bytes, reads, sampled, buckets[BUCKETS];
static double began, began_cpu, first_connect, worst_us;
static char request[1024];
static const char *say;
#ifdef TLS
static SSL_CTX *context;
#endif

/* 64 buckets for each power of two: a bucket is at most 1.6 % wide. */
static int bucket(uint64_t us) {
  if (us < 64) return us;
  int shift = 63 - __builtin_clzll(us) - 6;
  int at = 64 * (shift + 1) + (int)((us >> shift) - 64);
  return at < BUCKETS ? at : BUCKETS - 1;
}

static double bucket_us(int at) {
  if (at < 64) return at;
  int shift = at / 64 - 1;
  return (double)((uint64_t)(at % 64 + 65) << shift);
}

static double percentile_ms(double share) {
  long wanted = (long)(sampled * share), seen = 0;
  for (int i = 0; i < BUCKETS; i++) {
    seen += buckets[i];
    if (seen > wanted) return bucket_us(i) / 1e3;
  }
  return 0;
}

static void report_window(void) {
  double ms = now_ms() - began;
  printf("{\"event\":\"window\",\"ms\":%.1f,\"items\":%ld,\"bytes\":%ld,\"reads\":%ld,\"sampled\":%ld,\"p50Ms\":%.3f,"
         "\"p99Ms\":%.3f,\"p999Ms\":%.3f,\"maxMs\":%.3f,\"cpuMs\":%.1f,\"disorder\":%ld,\"broken\":%ld,\"open\":%d}\n",
         ms, items, bytes, reads, sampled, percentile_ms(0.5), percentile_ms(0.99), percentile_ms(0.999),
         worst_us / 1e3, cpu_ms() - began_cpu, disorder, broken, connected - ended);
  measuring = 0;
}

static void begin_window(void) {
  items = bytes = reads = sampled = 0;
  worst_us = 0;
  memset(buckets, 0, sizeof buckets);
  measuring = 1;
  began_cpu = cpu_ms();
  began = now_ms();
}

static ssize_t put(struct client *c, const char *from, size_t length) {
#ifdef TLS
  if (tls) return SSL_write(c->ssl, from, length);
#endif
  return send(c->fd, from, length, MSG_NOSIGNAL);
}

static ssize_t take(struct client *c, char *into, size_t room) {
#ifdef TLS
  if (tls) {
    int got = SSL_read(c->ssl, into, room);
    if (got > 0) return got;
    int why = SSL_get_error(c->ssl, got);
    if (why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE) {
      errno = EAGAIN;
      return -1;
    }
    return why == SSL_ERROR_ZERO_RETURN ? 0 : (errno = EPROTO, -1);
  }
#endif
  return recv(c->fd, into, room, MSG_DONTWAIT);
}

/* Short frames only; a mask of zeros is a mask. */
static void put_frame(struct client *c, int opcode, const char *payload, int length) {
  char frame[6 + 125 + 2] = { (char)(0x80 | opcode) };
  int header = 2;
  if (length < 126) frame[1] = (char)(0x80 | length);
  else die("a frame that long");
  memset(frame + header, 0, 4);
  memcpy(frame + header + 4, payload, length);
  if (put(c, frame, header + 4 + length) != header + 4 + length) broken++;
}

static uint64_t hex(const char *at, int digits) {
  uint64_t value = 0;
  for (int i = 0; i < digits; i++) value = value << 4 | (at[i] <= '9' ? at[i] - '0' : at[i] - 'a' + 10);
  return value;
}

static void on_item(struct client *c, const char *marker, double now_us) {
  uint32_t number = hex(marker + 17, 8);
  if (c->items > 0 ? number != c->next : first > 0 && number != first) disorder++;
  c->next = number + 1;
  items++;
  if (++c->items == goal && ++reached == n) {
    printf("{\"event\":\"reached\",\"ms\":%.1f,\"disorder\":%ld,\"cpuMs\":%.1f}\n", now_ms() - first_connect, disorder,
           cpu_ms());
  }
  if (!measuring || number % 8 != 0) return;
  double us = now_us - (double)hex(marker + 1, 16);
  if (us < 0) us = 0;
  if (us > worst_us) worst_us = us;
  sampled++;
  buckets[bucket((uint64_t)us)]++;
}

/* Gives where the first frame that is not whole yet begins. */
static const char *on_frames(struct client *c, const char *at, const char *to, double now_us) {
  for (;;) {
    if (to - at < 2) return at;
    int small = at[1] & 127, header = small == 127 ? 10 : small == 126 ? 4 : 2;
    if (to - at < header) return at;
    uint64_t length = small < 126 ? (uint64_t)small : 0;
    for (int i = 2; i < header; i++) length = length << 8 | (uint8_t)at[i];
    if ((uint64_t)(to - at - header) < length) return at;
    const char *payload = at + header;
    int opcode = at[0] & 15;
    if (((uint8_t)at[0] & 0xf0) != 0x80 || at[1] & 0x80) broken++;
    if (opcode == 1) {
      const char *marker = memchr(payload, '@', length);
      if (marker != NULL && payload + length - marker >= MARKER) on_item(c, marker, now_us);
      else if (wire == SOCKETIO && length == 1 && *payload == '2') put_frame(c, 1, "3", 1);
      else if (wire == SOCKETIO && length > 0 && *payload == '0') put_frame(c, 1, "40", 2);
    } else if (opcode == 9) put_frame(c, 10, payload, length);
    else if (opcode != 10 && opcode != 8) broken++;
    at = payload + length;
  }
}

static const char *on_events(struct client *c, const char *at, const char *to, double now_us) {
  for (;;) {
    const char *marker = memchr(at, '@', to - at);
    if (marker == NULL) return to;
    if (to - marker < MARKER) return marker;
    on_item(c, marker, now_us);
    at = marker + MARKER;
  }
}

static void handshake_over(int accepted) {
  opening--;
  if (accepted) connected++;
  else refused++;
  if (connected + refused < n) return;
  printf("{\"event\":\"connected\",\"connected\":%d,\"refused\":%d,\"ms\":%.1f}\n", connected, refused,
         now_ms() - first_connect);
}

static void end(struct client *c) {
  if (c->phase == OPENING || c->phase == SECURING) handshake_over(0);
  else ended++;
  c->phase = ENDED;
  close(c->fd);
}

/* The answer's head; NULL while it is not whole, or after a refusal. */
static const char *on_head(struct client *c, const char *at, const char *to) {
  const char *over = memmem(at, to - at, "\r\n\r\n", 4);
  if (over == NULL) return NULL;
  const char *wanted = wire == SSE ? "HTTP/1.1 200 " : "HTTP/1.1 101 ";
  if (strncmp(at, wanted, 13) != 0 || (wire != SSE && memmem(at, over - at, ACCEPT, strlen(ACCEPT)) == NULL)) {
    end(c);
    return NULL;
  }
  c->phase = OPEN;
  handshake_over(1);
  if (say != NULL) put_frame(c, 1, say, strlen(say));
  return over + 4;
}

static int on_readable(struct client *c) {
  static char space[KEPT + READ_BYTES + 1];
  ssize_t got = take(c, space + c->kept, READ_BYTES);
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) return 0;
  if (got <= 0) {
    end(c);
    return 0;
  }
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  double now_us = t.tv_sec * 1e6 + t.tv_nsec / 1e3;
  bytes += got;
  reads++;
  memcpy(space, c->keep, c->kept);
  const char *at = space, *to = space + c->kept + got;
  if (c->phase == OPENING) {
    const char *body = on_head(c, at, to);
    if (c->phase == ENDED) return 0;
    if (body != NULL) at = body;
  }
  if (c->phase == OPEN) at = wire == SSE ? on_events(c, at, to, now_us) : on_frames(c, at, to, now_us);
  c->kept = to - at;
  if (c->kept > KEPT) die("a frame that long");
  memmove(c->keep, at, c->kept);
  return tls;   /* what OpenSSL has read already wakes no epoll */
}

static void ask(struct client *c) {
  c->phase = OPENING;
  if (put(c, request, strlen(request)) < 0) die("send");
}

#ifdef TLS
static void secure(struct client *c) {
  int done = SSL_connect(c->ssl);
  if (done == 1) ask(c);
  else if (SSL_get_error(c->ssl, done) != SSL_ERROR_WANT_READ) end(c);
}
#endif

static void connect_one(struct client *c, int i) {
  if (i == 0) first_connect = now_ms();
  c->fd = connect_to_server(i);
  opening++;
  struct epoll_event event = { .events = EPOLLIN, .data.ptr = c };
  if (epoll_ctl(epoll, EPOLL_CTL_ADD, c->fd, &event) < 0) die("epoll_ctl");
#ifdef TLS
  if (tls) {
    fcntl(c->fd, F_SETFL, O_NONBLOCK);   /* or a part of a record would hold everybody up */
    c->phase = SECURING;
    c->ssl = SSL_new(context);
    SSL_set_fd(c->ssl, c->fd);
    secure(c);
    return;
  }
#endif
  ask(c);
}

static void on_stdin(void) {
  char line[64] = "";
  ssize_t got = read(0, line, sizeof line - 1);
  if (got <= 0 || strncmp(line, "stop", 4) == 0) exit(0);
  if (strncmp(line, "begin", 5) == 0) begin_window();
  if (strncmp(line, "end", 3) == 0) report_window();
}

int main(int argc, char **argv) {
  const char *path = "/ws", *protocol = NULL;
  int port = 0;
  for (int i = 1; i < argc; i++) {
    char *value = strchr(argv[i], '=');
    if (value == NULL) return 2;
    *value++ = 0;
    if (strcmp(argv[i], "port") == 0) port = atoi(value);
    else if (strcmp(argv[i], "path") == 0) path = value;
    else if (strcmp(argv[i], "clients") == 0) n = atoi(value);
    else if (strcmp(argv[i], "wire") == 0) wire = *value == 'w' ? WS : strcmp(value, "sse") == 0 ? SSE : SOCKETIO;
    else if (strcmp(argv[i], "protocol") == 0) protocol = value;
    else if (strcmp(argv[i], "say") == 0) say = value;
    else if (strcmp(argv[i], "items") == 0) goal = atoi(value);
    else if (strcmp(argv[i], "first") == 0) first = atoi(value);
    else if (strcmp(argv[i], "tls") == 0) tls = atoi(value);
    else return 2;
  }
  use_server(port);
  if (wire == SSE) {
    snprintf(request, sizeof request, "GET %s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nAccept: text/event-stream\r\n\r\n", path, port);
  } else {
    write_upgrade(request, sizeof request, path, port, protocol);
  }
#ifdef TLS
  context = SSL_CTX_new(TLS_client_method());
#else
  if (tls) die("compiled without TLS");
#endif
  setvbuf(stdout, NULL, _IOLBF, 0);
  clients = calloc(n, sizeof *clients);
  epoll = epoll_create1(EPOLL_CLOEXEC);
  struct epoll_event events[256], input = { .events = EPOLLIN, .data.ptr = NULL };
  epoll_ctl(epoll, EPOLL_CTL_ADD, 0, &input);
  for (;;) {
    for (; opened < n && opening < OPENING_MAX; opened++) connect_one(&clients[opened], opened);
    int ready = epoll_wait(epoll, events, 256, -1);
    for (int i = 0; i < ready; i++) {
      struct client *c = events[i].data.ptr;
      if (c == NULL) on_stdin();
#ifdef TLS
      else if (c->phase == SECURING) secure(c);
#endif
      else if (c->phase != ENDED) while (c->phase != ENDED && on_readable(c)) {}
    }
  }
}
