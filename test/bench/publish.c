/*
 * The publish bench's load: WAITERS publishes outstanding at any time, spread over CONNECTIONS, in one epoll loop; each
 * answer lets the next one go. Over lastcall.v1, or Socket.IO's acknowledgements (what emitWithAck sends and awaits).
 *
 *   publish port=8080 path=/ws waiters=256 connections=16 [wire=v1|socketio] [protocol=lastcall.v1] [run=1]
 *
 * stdin:  "begin" (a window of measurement), "end" (report it), "stop" (await what is outstanding, and report the whole)
 * stdout: {"event":"connected"} when all have begun, {"event":"window"} for each window, {"event":"stopped"}
 *
 * Every answer is judged: it must be the acknowledgement of what is outstanding, and its number (that of the id) one that
 * nobody was given before, or the program ends with a fault; the report tells the highest, so that a hole shows too.
 */
#define _GNU_SOURCE
#include "net.h"
#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#define ITEM_BYTES 120
#define FRAME_MAX 320
#define READ_BYTES 65536
#define SAMPLES 4000000
#define NUMBERS (1u << 27)   /* ids judged, a bit each */

enum phase { OPENING, OPEN };
enum wire { V1, SOCKETIO };

/* One publish at a time. */
struct waiter {
  double sent_ms;
  uint32_t sequence;
  int outstanding;
};

struct connection {
  int fd, kept, unsent, sent;
  uint32_t watched;          /* epoll's events */
  enum phase phase;
  struct waiter *waiters;
  char keep[READ_BYTES];     /* a part of a frame that waits for the rest */
  char *out;                 /* what is to be sent; room for every waiter */
};

static struct connection *connections;
static enum wire wire = V1;
static int n, waiters, per, begun, epoll, measuring, stopping, run = 1;
static long acked, total, sampled, outstanding;
static uint32_t highest;
static float *latencies;
static uint8_t *given;
static double began, began_cpu;
static char filling[ITEM_BYTES - 1];   /* and its quotes */

static int by_value(const void *a, const void *b) {
  float x = *(const float *)a, y = *(const float *)b;
  return (x > y) - (x < y);
}

static double percentile(double share) {
  return sampled == 0 ? 0 : latencies[(long)((sampled - 1) * share)];
}

static void report_window(void) {
  double ms = now_ms() - began, cpu = cpu_ms() - began_cpu;
  measuring = 0;
  qsort(latencies, sampled, sizeof *latencies, by_value);
  printf("{\"event\":\"window\",\"ms\":%.1f,\"acked\":%ld,\"p50Ms\":%.3f,\"p99Ms\":%.3f,\"cpuMs\":%.1f}\n", ms, acked,
         percentile(0.5), percentile(0.99), cpu);
}

static void begin_window(void) {
  acked = sampled = 0;
  measuring = 1;
  began_cpu = cpu_ms();
  began = now_ms();
}

static void stopped(void) {
  printf("{\"event\":\"stopped\",\"acked\":%ld,\"highest\":%u}\n", total, highest);
  exit(0);
}

static void flush(struct connection *c) {
  while (c->sent < c->unsent) {
    ssize_t put = send(c->fd, c->out + c->sent, c->unsent - c->sent, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (put < 0 && errno != EAGAIN) die("send");
    if (put < 0) break;
    c->sent += put;
  }
  if (c->sent == c->unsent) c->sent = c->unsent = 0;
  struct epoll_event event = { .events = EPOLLIN | (c->unsent > 0 ? EPOLLOUT : 0), .data.ptr = c };
  if (c->watched != event.events) epoll_ctl(epoll, EPOLL_CTL_MOD, c->fd, &event);
  c->watched = event.events;
}

/* A mask of zeros is a mask. */
static void put_frame(struct connection *c, int opcode, const char *payload, int length) {
  char *at = c->out + c->unsent;
  *at++ = (char)(0x80 | opcode);
  if (length < 126) *at++ = (char)(0x80 | length);
  else {
    *at++ = (char)(0x80 | 126);
    *at++ = (char)(length >> 8);
    *at++ = (char)length;
  }
  memset(at, 0, 4);
  memcpy(at + 4, payload, length);
  c->unsent = at + 4 + length - c->out;
}

/* SplitMix64's last step. */
static uint64_t mixed(uint64_t x) {
  x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9;
  x = (x ^ x >> 27) * 0x94d049bb133111eb;
  return x ^ x >> 31;
}

/* Keys have the client library's 32 hex digits, and stand in no order: the second half says whose it is. */
static void publish(struct connection *c, int slot) {
  char text[FRAME_MAX];
  struct waiter *w = &c->waiters[slot];
  int length;
  w->sequence++;
  if (wire == V1) {
    uint64_t own = (uint64_t)run << 56 | (uint64_t)(c - connections) << 48 | (uint64_t)slot << 32 | w->sequence;
    length = snprintf(text, sizeof text, "{\"type\":\"publish\",\"key\":\"%016llx%016llx\",\"data\":\"%s\"}",
                      (unsigned long long)mixed(own), (unsigned long long)own, filling);
  } else {
    length = snprintf(text, sizeof text, "42%llu[\"publish\",\"%s\"]", (unsigned long long)w->sequence * per + slot, filling);
  }
  put_frame(c, 1, text, length);
  w->outstanding = 1;
  w->sent_ms = now_ms();
  outstanding++;
}

static void begin(struct connection *c) {
  for (int slot = 0; slot < per; slot++) publish(c, slot);
  if (++begun == n) printf("{\"event\":\"connected\",\"connected\":%d}\n", begun);
}

static void fault(const char *payload, int length) {
  fprintf(stderr, "not the answer awaited: %.*s\n", length, payload);
  exit(1);
}

static void on_ack(struct connection *c, int slot, uint32_t sequence, uint32_t number, const char *payload, int length) {
  if (slot < 0 || slot >= per || !c->waiters[slot].outstanding || c->waiters[slot].sequence != sequence || number == 0 ||
      number >= NUMBERS || given[number / 8] >> number % 8 & 1)
    fault(payload, length);
  given[number / 8] |= 1 << number % 8;
  if (number > highest) highest = number;
  total++;
  outstanding--;
  c->waiters[slot].outstanding = 0;
  if (measuring) {
    acked++;
    if (sampled < SAMPLES) latencies[sampled++] = now_ms() - c->waiters[slot].sent_ms;
  }
  if (!stopping) publish(c, slot);
}

/* `payload` ends with a zero. */
static void on_text(struct connection *c, const char *payload, int length) {
  unsigned number;
  unsigned long long sequence, half, own;
  const char *key = wire == V1 ? strstr(payload, "\"key\":\"") : NULL, *id = wire == V1 ? strstr(payload, "\"id\":\"") : NULL;
  if (wire == V1 && strncmp(payload, "{\"type\":\"ack\"", 13) == 0 && key != NULL && id != NULL &&
      sscanf(key + 7, "%16llx%16llx", &half, &own) == 2 && sscanf(id + 6, "%u", &number) == 1) {
    if (half != mixed(own) || (int)(own >> 56) != run || (int)(own >> 48 & 255) != c - connections) fault(payload, length);
    else on_ack(c, own >> 32 & 65535, (uint32_t)own, number, payload, length);
  } else if (wire == V1 && strncmp(payload, "{\"type\":\"hello\"", 15) == 0) {
    begin(c);
  } else if (wire == SOCKETIO && sscanf(payload, "43%llu[\"%u", &sequence, &number) == 2) {
    on_ack(c, sequence % per, sequence / per, number, payload, length);
  } else if (wire == SOCKETIO && *payload == '0') put_frame(c, 1, "40", 2);
  else if (wire == SOCKETIO && strncmp(payload, "40", 2) == 0) begin(c);
  else if (wire == SOCKETIO && strcmp(payload, "2") == 0) put_frame(c, 1, "3", 1);
  else fault(payload, length);
}

/* Gives where the first frame that is not whole yet begins. */
static char *on_frames(struct connection *c, char *at, char *to) {
  for (;;) {
    if (to - at < 4) return at;
    int small = at[1] & 127, header = small == 126 ? 4 : 2;
    int length = small == 126 ? (uint8_t)at[2] << 8 | (uint8_t)at[3] : small;
    if (to - at - header < length) return at;
    char *payload = at + header, next = payload[length];
    payload[length] = 0;
    int opcode = at[0] & 15;
    if (opcode == 1) on_text(c, payload, length);
    else if (opcode == 9) put_frame(c, 10, payload, length);
    else if (opcode != 10) fault(payload, length);
    payload[length] = next;
    at = payload + length;
  }
}

static char *on_head(struct connection *c, char *at, char *to) {
  char *over = memmem(at, to - at, "\r\n\r\n", 4);
  if (over == NULL) return NULL;
  if (strncmp(at, "HTTP/1.1 101 ", 13) != 0 || memmem(at, over - at, ACCEPT, strlen(ACCEPT)) == NULL) {
    fprintf(stderr, "%.*s\n", (int)(over - at), at);
    die("the upgrade was refused");
  }
  c->phase = OPEN;
  if (wire == V1) {
    static const char *words[] = { "{\"type\":\"start\"}", "{\"type\":\"stop\"}" };   /* it publishes, and wants no items */
    for (int i = 0; i < 2; i++) put_frame(c, 1, words[i], strlen(words[i]));
  }
  return over + 4;
}

static void on_readable(struct connection *c) {
  static char space[2 * READ_BYTES + 1];
  ssize_t got = recv(c->fd, space + c->kept, READ_BYTES, MSG_DONTWAIT);
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (got <= 0) die("the server ended a connection");
  memcpy(space, c->keep, c->kept);
  char *at = space, *to = space + c->kept + got;
  if (c->phase == OPENING) at = on_head(c, at, to);
  if (at == NULL) at = space;
  else at = on_frames(c, at, to);
  c->kept = to - at;
  if (c->kept >= READ_BYTES) die("a frame that long");
  memcpy(c->keep, at, c->kept);
  flush(c);
  if (stopping && outstanding == 0) stopped();
}

static void on_stdin(void) {
  char line[64] = "";
  ssize_t got = read(0, line, sizeof line - 1);
  if (got <= 0) exit(0);
  if (strncmp(line, "begin", 5) == 0) begin_window();
  if (strncmp(line, "end", 3) == 0) report_window();
  if (strncmp(line, "stop", 4) == 0) stopping = 1;
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
    else if (strcmp(argv[i], "waiters") == 0) waiters = atoi(value);
    else if (strcmp(argv[i], "connections") == 0) n = atoi(value);
    else if (strcmp(argv[i], "wire") == 0) wire = *value == 'v' ? V1 : SOCKETIO;
    else if (strcmp(argv[i], "protocol") == 0) protocol = value;
    else if (strcmp(argv[i], "run") == 0) run = atoi(value);
    else return 2;
  }
  if (n < 1 || n > OPENING_MAX || waiters < n || waiters % n != 0) {
    fprintf(stderr, "waiters must be a multiple of connections, of which there are at most %d\n", OPENING_MAX);
    return 2;
  }
  per = waiters / n;
  use_server(port);
  memset(filling, '.', sizeof filling - 1);
  char request[1024];
  write_upgrade(request, sizeof request, path, port, protocol);
  setvbuf(stdout, NULL, _IOLBF, 0);
  latencies = malloc(SAMPLES * sizeof *latencies);
  given = calloc(NUMBERS / 8, 1);
  connections = calloc(n, sizeof *connections);
  epoll = epoll_create1(EPOLL_CLOEXEC);
  struct epoll_event events[256], input = { .events = EPOLLIN, .data.ptr = NULL };
  epoll_ctl(epoll, EPOLL_CTL_ADD, 0, &input);
  for (int i = 0; i < n; i++) {
    struct connection *c = &connections[i];
    c->waiters = calloc(per, sizeof *c->waiters);
    c->out = malloc((per + 4) * FRAME_MAX + READ_BYTES);
    c->fd = connect_to_server(i);
    struct epoll_event event = { .events = c->watched = EPOLLIN, .data.ptr = c };
    if (epoll_ctl(epoll, EPOLL_CTL_ADD, c->fd, &event) < 0) die("epoll_ctl");
    if (send(c->fd, request, strlen(request), MSG_NOSIGNAL) < 0) die("send");
  }
  for (;;) {
    int ready = epoll_wait(epoll, events, 256, -1);
    for (int i = 0; i < ready; i++) {
      struct connection *c = events[i].data.ptr;
      if (c == NULL) on_stdin();
      else {
        if (events[i].events & EPOLLOUT) flush(c);
        if (events[i].events & ~EPOLLOUT) on_readable(c);
      }
    }
  }
}
