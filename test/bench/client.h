/*
 * One WebSocket client of the load: reads the server's frames as they come in pieces, answers, and judges their order.
 *
 * It answers pings and echoes close frames (RFC 6455 sections 5.5.1, 5.5.2), and counts as
 *   told     SHUTDOWN came, before any CLOSE
 *   flushed  "Final data ... - k" for k = 1..finals_expected, each once, in order, between SHUTDOWN and CLOSE
 *   echoed   our close frame reached a server that still listened, and that then ended the connection with FIN, not RST
 *   inOrder  all of SHUTDOWN < finals < CLOSE < close frame 1012
 */
#include "net.h"
#include <poll.h>
#include <stdint.h>
#include <string.h>

enum phase { OPENING, OPEN, CLOSING, ENDED };
enum step { BEFORE, AFTER_SHUTDOWN, AFTER_CLOSE };

struct client {
  int fd;
  enum phase phase;
  enum step step;
  int finals, code, disorder, echo_sent;
  uint8_t head[10];          /* a frame's header so far */
  int head_length;
  uint64_t length, left;     /* a frame's payload, and what of it is still to come */
  int kept;
  char keep[1024];           /* the handshake's answer, then the first 125 bytes of each payload */
};

static int finals_expected;
static long told, flushed, closes, closed1012, in_order, broken, items, pings;
static double first_told, last_told;

/* A pong or the echo of a close frame: the payload that came, masked as a client must. */
static int answer(struct client *c, int opcode) {
  static const uint8_t mask[4] = { 0x37, 0xfa, 0x21, 0x3d };
  uint8_t frame[6 + 125] = { 0x80 | opcode, 0x80 | c->kept };
  memcpy(frame + 2, mask, 4);
  for (int i = 0; i < c->kept; i++) frame[6 + i] = c->keep[i] ^ mask[i & 3];
  return send(c->fd, frame, 6 + c->kept, MSG_NOSIGNAL | MSG_DONTWAIT) == 6 + c->kept;
}

static void on_text(struct client *c) {
  c->keep[c->kept] = 0;
  if (c->step == AFTER_CLOSE || c->phase == CLOSING) c->disorder = 1;
  if (strcmp(c->keep, "SHUTDOWN") == 0) {
    if (c->step != BEFORE) {
      c->disorder = 1;
      return;
    }
    c->step = AFTER_SHUTDOWN;
    last_told = now_ms();
    if (told++ == 0) first_told = last_told;
  } else if (strcmp(c->keep, "CLOSE") == 0) {
    closes++;
    if (c->step != AFTER_SHUTDOWN) c->disorder = 1;
    else if (c->finals == finals_expected && !c->disorder) flushed++;
    c->step = AFTER_CLOSE;
  } else {
    items++;
    if (strncmp(c->keep, "Final data: ", 12) != 0) return;
    const char *k = strstr(c->keep, " - ");
    if (c->step != AFTER_SHUTDOWN || k == NULL || atoi(k + 3) != ++c->finals) c->disorder = 1;
  }
}

static void on_close(struct client *c) {
  c->code = c->kept >= 2 ? (uint8_t)c->keep[0] << 8 | (uint8_t)c->keep[1] : 1005;
  closed1012 += c->code == 1012;
  in_order += c->code == 1012 && c->step == AFTER_CLOSE && c->finals == finals_expected && !c->disorder;
  c->phase = CLOSING;
  struct pollfd peer = { .fd = c->fd, .events = POLLRDHUP };   /* a FIN already here: nobody reads our echo */
  int listening = poll(&peer, 1, 0) == 0;
  c->echo_sent = answer(c, 8) && listening;
}

static void on_frame(struct client *c) {
  int opcode = c->head[0] & 15;
  /* No fragments, no extensions, no masks, nothing after a close frame: none was negotiated, and none is expected. */
  if ((c->head[0] & 0xf0) != 0x80 || c->head[1] & 0x80 || c->phase == CLOSING) broken++;
  if (opcode == 1) on_text(c);
  else if (opcode == 8 && c->phase == OPEN) on_close(c);
  else if (opcode == 9) {
    pings++;
    answer(c, 10);
  } else if (opcode != 10) broken++;
  c->head_length = c->kept = 0;
}

/* Takes what it needs of [at, to) and says where it stopped; NULL when the upgrade was refused. */
static const char *feed_handshake(struct client *c, const char *at, const char *to) {
  while (at < to) {
    if (c->kept == (int)sizeof c->keep - 1) return NULL;
    c->keep[c->kept++] = *at++;
    if (c->kept < 4 || memcmp(c->keep + c->kept - 4, "\r\n\r\n", 4) != 0) continue;
    c->keep[c->kept] = 0;
    if (strncmp(c->keep, "HTTP/1.1 101 ", 13) != 0 || strstr(c->keep, ACCEPT) == NULL) return NULL;
    c->kept = 0;
    c->phase = OPEN;
    return at;
  }
  return at;
}

static int header_length(const struct client *c) {
  if (c->head_length < 2) return 2;
  int small = c->head[1] & 127;
  return small == 127 ? 10 : small == 126 ? 4 : 2;
}

static const char *feed_frame(struct client *c, const char *at, const char *to) {
  if (c->head_length < header_length(c)) {
    c->head[c->head_length++] = *at++;
    int length = header_length(c);
    if (c->head_length < length) return at;
    c->length = length == 2 ? c->head[1] & 127 : 0;
    for (int i = 2; i < length; i++) c->length = c->length << 8 | c->head[i];
    c->left = c->length;
  } else {
    uint64_t got = (uint64_t)(to - at) < c->left ? (uint64_t)(to - at) : c->left;
    int room = 125 - c->kept, keep = got < (uint64_t)room ? (int)got : room;
    memcpy(c->keep + c->kept, at, keep);
    c->kept += keep;
    c->left -= got;
    at += got;
  }
  if (c->left == 0) on_frame(c);
  return at;
}
