// The page under test, as an application would write it: `?way=ws` reads the stream with lastcall/client, `?way=sse` with
// the browser's own EventSource. All that happens is shown, and told to the test.
import { connect } from "../../../src/client.js";
import type { Tell } from "../news.js";
import { show } from "./show.js";

declare global {
  interface Window {
    /** The test's; a promise comes back, but nothing here waits for it. */
    readonly hear: Tell;
    publish?: (data: unknown) => Promise<string>;
  }
}

const tell: Tell = (news) => {
  show(news);
  window.hear(news);
};

for (const name of ["visibilitychange", "freeze", "resume"]) {
  document.addEventListener(name, () => {
    tell({ type: "host", name: name === "visibilitychange" ? document.visibilityState : name });
  });
}
for (const name of ["offline", "online"]) {
  window.addEventListener(name, () => tell({ type: "host", name }));
}

const query = new URLSearchParams(location.search);
if (query.get("way") === "sse") listen();
// Not awaited: the page is loaded when this module is done.
else void read();

async function read(): Promise<void> {
  const url = new URL("/ws", location.href);
  url.protocol = "ws:";
  const backoffMs = query.get("backoffMs");
  const client = connect(url.href, {
    after: "oldest",
    // Every wait is half of its ceiling: a test that asks for long ones gets long ones.
    ...(backoffMs === null
      ? {}
      : { backoff: { firstMs: Number(backoffMs), maxMs: Number(backoffMs) }, random: () => 0.5 }),
  });
  tell({ type: "status", status: client.status.get() });
  client.status.subscribe((status) => tell({ type: "status", status }));
  window.publish = (data) => client.publish(data);
  for await (const { id, data } of client) tell({ type: "item", id, data });
}

function listen(): void {
  const source = new EventSource("/events?after=oldest");
  source.addEventListener("message", ({ lastEventId, data }) => {
    tell({ type: "item", id: lastEventId, data: JSON.parse(data) });
  });
  for (const name of ["open", "error", "shutdown", "close", "gap"]) {
    source.addEventListener(name, (event) => {
      const { readyState } = source;
      tell({ type: "event", name, readyState, ...(event instanceof MessageEvent && { data: event.data }) });
    });
  }
}
