/*
 * The floor: the same drain by a plain C server. One epoll loop, and two writes a client: SHUTDOWN to everyone at once,
 * then the finals, CLOSE and close frame 1012 in one. A client's close frame is answered with FIN; exit when all have
 * gone. It takes the load's fixed handshake key only, and a client may send nothing but small control frames.
 *
 *   PORT=8080 FEED_FINAL_ITEMS=5 drain
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define MAX_FD 65536
#define OK "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 3\r\n\r\nok\n"
#define UPGRADE "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" \
                "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n"

enum state { NONE, HTTP, CLIENT };

static uint8_t states[MAX_FD];   /* by file descriptor */
static int open_clients, draining, epoll, listener;

static void die(const char *what) {
  perror(what);
  exit(1);
}

static void drop(int fd) {
  if (states[fd] == CLIENT) open_clients--;
  states[fd] = NONE;
  close(fd);
}

static void accept_all(void) {
  for (int fd; (fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0;) {
    int one = 1;
    if (fd >= MAX_FD) die("too many connections");
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    struct epoll_event event = { .events = EPOLLIN, .data.fd = fd };
    epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event);
    states[fd] = HTTP;
  }
}

static void write_all(int fd, const char *bytes, size_t length) {
  if (send(fd, bytes, length, MSG_NOSIGNAL) != (ssize_t)length) drop(fd);   /* idle clients: the socket always has room */
}

static void on_readable(int fd) {
  char buffer[4096];
  ssize_t got = recv(fd, buffer, sizeof buffer - 1, 0);
  if (got < 0 && errno == EAGAIN) return;
  if (got <= 0) {
    drop(fd);
    return;
  }
  if (states[fd] == CLIENT) {
    for (ssize_t at = 0; at + 1 < got; at += 6 + (buffer[at + 1] & 127)) {
      if ((buffer[at] & 15) != 8) continue;
      drop(fd);
      return;
    }
    return;
  }
  buffer[got] = 0;
  int upgrade = strstr(buffer, "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==") != NULL;
  write_all(fd, upgrade ? UPGRADE : OK, upgrade ? strlen(UPGRADE) : strlen(OK));
  if (states[fd] == NONE) return;
  if (!upgrade) drop(fd);
  else {
    states[fd] = CLIENT;
    open_clients++;
  }
}

static size_t text_frame(char *at, const char *text) {
  size_t length = strlen(text);   /* below 126: one length byte */
  at[0] = (char)0x81;
  at[1] = (char)length;
  memcpy(at + 2, text, length);
  return 2 + length;
}

static void drain(int finals) {
  char announce[16], last[2048], item[64], time_of_day[16];
  time_t now = time(NULL);
  strftime(time_of_day, sizeof time_of_day, "%H:%M:%S", gmtime(&now));
  size_t announce_length = text_frame(announce, "SHUTDOWN"), length = 0;
  for (int k = 1; k <= finals; k++) {
    snprintf(item, sizeof item, "Final data: %s - %d", time_of_day, k);
    length += text_frame(last + length, item);
  }
  length += text_frame(last + length, "CLOSE");
  memcpy(last + length, "\x88\x02\x03\xf4", 4);   /* close frame, 1012 */
  length += 4;
  draining = 1;
  close(listener);
  for (int fd = 0; fd < MAX_FD; fd++) if (states[fd] == CLIENT) write_all(fd, announce, announce_length);
  for (int fd = 0; fd < MAX_FD; fd++) if (states[fd] == CLIENT) write_all(fd, last, length);
}

int main(void) {
  const char *port = getenv("PORT"), *finals = getenv("FEED_FINAL_ITEMS");
  struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons(port ? atoi(port) : 8080) };
  struct rlimit files;
  getrlimit(RLIMIT_NOFILE, &files);
  files.rlim_cur = files.rlim_max;
  setrlimit(RLIMIT_NOFILE, &files);
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigprocmask(SIG_BLOCK, &signals, NULL);
  int signal_fd = signalfd(-1, &signals, SFD_CLOEXEC), one = 1;
  listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
  if (bind(listener, (struct sockaddr *)&address, sizeof address) < 0) die("bind");
  if (listen(listener, 4096) < 0) die("listen");
  epoll = epoll_create1(EPOLL_CLOEXEC);
  struct epoll_event events[256];
  struct epoll_event on_signal = { .events = EPOLLIN, .data.fd = signal_fd };
  struct epoll_event on_connection = { .events = EPOLLIN, .data.fd = listener };
  epoll_ctl(epoll, EPOLL_CTL_ADD, signal_fd, &on_signal);
  epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &on_connection);
  while (!draining || open_clients > 0) {
    int ready = epoll_wait(epoll, events, 256, -1);
    for (int i = 0; i < ready; i++) {
      int fd = events[i].data.fd;
      if (fd == signal_fd && !draining) drain(finals ? atoi(finals) : 5);
      else if (fd == listener && !draining) accept_all();
      else if (fd != signal_fd && fd != listener && states[fd] != NONE) on_readable(fd);
    }
  }
  return 0;
}
