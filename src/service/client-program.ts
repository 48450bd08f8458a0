import { type Cancel, type Clock, type Signal, systemClock } from "../base/clock.js";
import { printable, withoutCredentials } from "../base/printable.js";
import { connectText } from "../client/text.js";
import type { TextEvent } from "../client/text-states.js";
import type { WebSocketConstructor } from "../client/websocket.js";
import { NodeWebSocket } from "./node-websocket.js";

export interface ClientProgramOptions {
  /** Takes one line at a time, without its line end. */
  readonly log: (line: string) => void;
  /** Ends the program: an open connection is closed with 1000, and the answer awaited for at most 2 s. */
  readonly signal: Signal;
  /** Default: the host's. */
  readonly clock?: Clock;
  /** Default: that of `ws`, which here also tells why an upgrade was refused. */
  readonly WebSocket?: WebSocketConstructor;
  /** Between two messages of ours, ms. Default 3,000. */
  readonly intervalMs?: number;
  /** From 0 up to, not including, 1; spreads the waits. Default `Math.random`. */
  readonly random?: () => number;
}

/**
 * `lastcall client`: shows what a server sends, sends a message of its own every `intervalMs`, and comes back whenever
 * the connection ends, in the words of the system that this one replaces. Resolves after `signal`, with nothing left open.
 */
export async function runClient(url: URL, options: ClientProgramOptions): Promise<void> {
  const { signal, clock = systemClock, WebSocket = NodeWebSocket, intervalMs = 3_000, random = Math.random } = options;
  if (signal.aborted) return;
  const count = { connections: 0, received: 0, sent: 0 };
  let cancelSend: Cancel = () => {};

  const timestamp = () => new Date(clock.epoch()).toISOString();
  const log = (text: string) => options.log(`${timestamp()} ${printable(text)}`);

  function sendLater(): void {
    cancelSend = clock.after(intervalMs, () => {
      const text = `Client message: ${timestamp().slice(11, 19)}`;
      // False once the connection is about to end; the next one starts anew.
      if (!client.send(text)) return;
      count.sent += 1;
      log(`Sent: ${text}`);
      sendLater();
    });
  }

  function onEvent(event: TextEvent): void {
    const words = wordsFor(event);
    if (words !== undefined) log(words);
    if (event.type === "received") count.received += 1;
    if (event.type === "open") {
      count.connections += 1;
      sendLater();
    }
    if (event.type === "shutdown" || event.type === "told" || event.type === "closed") cancelSend();
  }

  const client = connectText({ url: url.href, WebSocket, clock, random, onEvent });
  const onAbort = () => {
    log("Closing");
    cancelSend();
    client.stop();
  };
  signal.addEventListener("abort", onAbort, { once: true });
  await client.ended;
  log(`Closed: ${count.connections} connections, ${count.received} received, ${count.sent} sent`);
}

/** The replaced system's words, where it had any. */
function wordsFor(event: TextEvent): string | undefined {
  switch (event.type) {
    case "connecting":
      return `Connecting to ${withoutCredentials(event.url)}`;
    case "open":
      return "Connected";
    case "received":
      return `Received: ${event.text}`;
    case "ignored":
      return "Ignored a binary frame";
    case "shutdown":
      return "Server is shutting down, processing remaining data...";
    case "told":
      return "Server sent close signal";
    case "failed":
      return `Connection failed: ${event.why}`;
    case "lost":
      return `Connection lost: ${event.why}`;
    case "closed":
      return "Connection closed, will reconnect...";
    case "waiting":
      return `Reconnecting in ${Math.round(event.ms / 100) / 10} seconds...`;
    case "ended":
      return undefined;
  }
}
