import { systemClock } from "../base/clock.js";
import { printable, withoutCredentials } from "../base/printable.js";
import { connect } from "../client/connect.js";
import type { Status } from "../client/status.js";
import { parsePosition } from "../protocol/ids.js";
import type { ClientProgramOptions } from "./client-program.js";
import { NodeWebSocket } from "./node-websocket.js";

/**
 * `lastcall client --protocol lastcall.v1`: shows every item of a stream once and in order, what becomes of the
 * connection, and gaps. Resolves after `signal`, with nothing left open.
 *
 * @param url its `stream` and `after` are the client's: defaults `main` and `now`.
 * @throws LastcallError `invalid_request` when these are not of their form; what the server refuses for good
 */
export async function runStreamClient(url: URL, options: Omit<ClientProgramOptions, "intervalMs">): Promise<void> {
  const { signal, clock = systemClock, WebSocket = NodeWebSocket, random = Math.random } = options;
  if (signal.aborted) return;
  const count = { connections: 0, received: 0, gaps: 0 };
  const log = (text: string) => options.log(`${new Date(clock.epoch()).toISOString()} ${printable(text)}`);
  const { server, stream, after } = placeIn(url);

  const client = connect(server, {
    stream,
    after,
    WebSocket,
    clock,
    random,
    signal,
    onGap({ after, cursor, reason }) {
      count.gaps += 1;
      log(`Gap (${reason}): what followed ${after} is gone, it goes on after ${cursor}`);
    },
  });
  let before = client.status.get();
  log(`Connecting to ${withoutCredentials(server)}`);
  client.status.subscribe((status) => {
    for (const line of linesFor(status, before, server)) log(line);
    if (status.type === "open") count.connections += 1;
    before = status;
  });
  for await (const { id, data } of client) {
    count.received += 1;
    log(`Received ${id}: ${typeof data === "string" ? data : JSON.stringify(data)}`);
  }
  await client.close();
  const { connections, received, gaps } = count;
  log(`Closed: ${connections} connections, ${received} received, ${gaps} gaps, cursor ${client.cursor ?? "none"}`);
}

/** The server, and where in which stream: `lastcall.v1` says these in its first message. */
function placeIn(url: URL) {
  const server = new URL(url);
  const [stream, after] = ["stream", "after"].map((name) => server.searchParams.get(name));
  for (const name of ["stream", "after"]) server.searchParams.delete(name);
  return { server: server.href, stream: stream ?? undefined, after: parsePosition(after ?? "now") };
}

function linesFor(status: Status, before: Status, server: string): readonly string[] {
  switch (status.type) {
    case "connecting":
      return [`Connecting to ${withoutCredentials(server)}`];
    case "open": {
      const words = before.type === "handing_over" ? "Handed over to" : "Connected to";
      return [`${words} ${status.server} (${status.version})`];
    }
    case "handing_over": {
      const next = `next connection in ${seconds(status.reconnectInMs)}`;
      if (status.failed > 0) return [`Hand-over failed, ${next}`];
      return [`${status.server} is shutting down: ${next}, it closes in ${seconds(status.closesInMs)}`];
    }
    case "waiting":
      return [`No connection (${status.reason}): ${status.message}`, `Reconnecting in ${seconds(status.retryInMs)}...`];
    case "closed":
      return ["Closing"];
  }
}

function seconds(ms: number): string {
  return `${Math.round(ms / 100) / 10} seconds`;
}
