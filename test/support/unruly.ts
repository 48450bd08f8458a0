// Preloaded into a service under test (`node --import`, with an IPC channel): on a message, it does what no service
// should. A mode after `?` is there from the start: `early` sends a SIGTERM as soon as somebody listens for it,
// `deaf` keeps every server from listening.
import { Server } from "node:net";

const modes = new URL(import.meta.url).searchParams;

process.on("message", (message) => {
  if (message === "throw") {
    setImmediate(() => {
      throw new Error("thrown by the test");
    });
  } else if (message === "reject") {
    void Promise.reject(new Error("rejected by the test"));
  } else if (typeof message === "object" && message !== null && "error" in message) {
    void Promise.reject(new Error(String(message.error)));
  } else if (typeof message === "number") {
    // The whole process stands still.
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, message);
  }
});
process.channel?.unref();

if (modes.has("early")) {
  let first = true;
  process.on("newListener", (event) => {
    if (event !== "SIGTERM" || !first) return;
    first = false;
    // The listener is added after this event, in the same turn: on the next tick it stands, and nothing else does.
    process.nextTick(() => process.kill(process.pid, "SIGTERM"));
  });
}

if (modes.has("deaf")) {
  Server.prototype.listen = function listen() {
    process.send?.("listen");
    // What a socket would do: keep the process.
    setInterval(() => {}, 1_000_000);
    return this;
  };
}
