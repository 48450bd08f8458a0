/*
 * The benches' load: N WebSocket clients in one epoll loop, so that the load is never the limit. Linux, C compiler only.
 *
 *   load PORT PATH CLIENTS FINALS [SUBPROTOCOL]
 *
 * stdin:  "mark" (the load's CPU time counts from here), "stop" or end of input (report what there is and exit)
 * stdout: {"event":"connected",...} when every handshake has ended, {"event":"done",...} when every connection has.
 * Times are CLOCK_MONOTONIC in ms, the clock of Node's process.hrtime. What is counted: client.h.
 */
#define _GNU_SOURCE
#include "client.h"
#include <errno.h>
#include <sys/epoll.h>
#include <unistd.h>

static struct client *clients;
static int n, opened, opening, connected, refused, ended, epoll;
static int codes[65536];
static long echoed, resets, bytes;
static double marked_cpu, last_end;
static char request[1024];

static void report(void) {
  printf("{\"event\":\"done\",\"clients\":%d,\"told\":%ld,\"flushed\":%ld,\"closed\":%ld,\"closed1012\":%ld,"
         "\"echoed\":%ld,\"inOrder\":%ld,\"broken\":%ld,\"resets\":%ld,\"open\":%d,\"items\":%ld,\"pings\":%ld,"
         "\"bytes\":%ld,\"firstToldMs\":%.3f,\"lastToldMs\":%.3f,\"lastEndMs\":%.3f,\"cpuMs\":%.1f,\"codes\":{",
         n, told, flushed, closes, closed1012, echoed, in_order, broken, resets, connected - ended, items, pings,
         bytes, first_told, last_told, last_end, cpu_ms() - marked_cpu);
  const char *comma = "";
  for (int code = 0; code < 65536; code++) {
    if (codes[code] == 0) continue;
    printf("%s\"%d\":%d", comma, code, codes[code]);
    comma = ",";
  }
  printf("}}\n");
  exit(0);
}

static void connect_one(struct client *c, int i) {
  c->fd = connect_to_server(i);
  if (send(c->fd, request, strlen(request), MSG_NOSIGNAL) < 0) die("send");
  struct epoll_event event = { .events = EPOLLIN, .data.ptr = c };
  if (epoll_ctl(epoll, EPOLL_CTL_ADD, c->fd, &event) < 0) die("epoll_ctl");
  opening++;
}

static void handshake_over(int accepted) {
  opening--;
  if (accepted) connected++;
  else refused++;
  if (connected + refused < n) return;
  printf("{\"event\":\"connected\",\"connected\":%d,\"refused\":%d,\"atMs\":%.3f}\n", connected, refused, now_ms());
}

static void end(struct client *c, int reset) {
  if (c->phase == OPENING) handshake_over(0);
  else {
    ended++;
    resets += reset;
    echoed += c->echo_sent && !reset;
    codes[c->code]++;   /* 0: no close frame came */
    last_end = now_ms();
  }
  c->phase = ENDED;
  close(c->fd);
}

static void on_readable(struct client *c) {
  static char buffer[65536];
  ssize_t got = recv(c->fd, buffer, sizeof buffer, MSG_DONTWAIT);
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (got <= 0) {
    end(c, got < 0);
    return;
  }
  bytes += got;
  const char *at = buffer, *to = buffer + got;
  if (c->phase == OPENING) {
    at = feed_handshake(c, at, to);
    if (at == NULL) {
      end(c, 0);
      return;
    }
    if (c->phase == OPEN) handshake_over(1);
  }
  while (at < to) at = feed_frame(c, at, to);
}

static void on_stdin(void) {
  char line[64] = "";
  ssize_t got = read(0, line, sizeof line - 1);
  if (got <= 0 || strncmp(line, "stop", 4) == 0) report();
  if (strncmp(line, "mark", 4) == 0) marked_cpu = cpu_ms();
}

int main(int argc, char **argv) {
  if (argc < 5) {
    fprintf(stderr, "load PORT PATH CLIENTS FINALS [SUBPROTOCOL]\n");
    return 2;
  }
  n = atoi(argv[3]);
  finals_expected = atoi(argv[4]);
  use_server(atoi(argv[1]));
  write_upgrade(request, sizeof request, argv[2], atoi(argv[1]), argc > 5 ? argv[5] : NULL);
  setvbuf(stdout, NULL, _IOLBF, 0);
  clients = calloc(n, sizeof *clients);
  epoll = epoll_create1(EPOLL_CLOEXEC);
  struct epoll_event events[256], input = { .events = EPOLLIN, .data.ptr = NULL };
  epoll_ctl(epoll, EPOLL_CTL_ADD, 0, &input);
  for (;;) {
    for (; opened < n && opening < OPENING_MAX; opened++) connect_one(&clients[opened], opened);
    int ready = epoll_wait(epoll, events, 256, -1);
    for (int i = 0; i < ready; i++) {
      if (events[i].data.ptr == NULL) on_stdin();
      else on_readable(events[i].data.ptr);
    }
    if (connected + refused == n && ended == connected) report();
  }
}
