import assert from "node:assert/strict";
import type { TestContext } from "node:test";
import { EventsClient } from "../support/events-client.js";
import { ask, UPGRADE } from "../support/raw-socket.js";
import type { Service } from "../support/service.js";
import { TextClient } from "../support/text-client.js";
import { V1Socket } from "../support/v1-socket.js";

export const webSocketOf = ({ url }: Service) => new URL("/ws", url).href.replace(/^http/, "ws");

/** Clients of all kinds, in order and out of it: whatever could become the value of a label is different each time. */
export async function disturb(t: TestContext, service: Service): Promise<void> {
  const { url } = service;
  const json = { "content-type": "application/json" };
  const answers: number[] = [];
  const send = async (method: string, path: string, headers: Readonly<Record<string, string>> = {}, body?: string) => {
    answers.push((await ask(t, url, method, path, { headers, ...(body === undefined ? {} : { body }) })).status);
  };
  for (let n = 0; n < 10; n += 1) {
    const stream = `stream-${n}`;
    await send("GET", `/nowhere-${n}/${"x".repeat(n)}?a=${n}`);
    await send(["PUT", "DELETE", "PATCH", "OPTIONS", "PROPFIND"][n % 5] ?? "PUT", "/items");
    await send("POST", `/items?stream=${stream}`, { ...json, "idempotency-key": `key-${n}` }, String(n));
    await send("POST", `/items?stream=${stream}`, { ...json, "idempotency-key": `key-${n}` }, String(n + 1));
    await send("POST", "/items", json, ["{", `"CLOSE"`, `"${"x".repeat(70_000)}"`][n % 3] ?? "{");
    await send("GET", `/items?stream=${stream}&after=${n + 5}-00000000`);
    await send("GET", `/items?stream=${encodeURIComponent(`\n"${n}`)}&after=nothing`);
    await send("GET", `/ws?after=${n + 5}-00000000`, UPGRADE);
    await send("GET", "/ws", { ...UPGRADE, "sec-websocket-protocol": `chat.v${n}` });
    await send("GET", "/items", { "user-agent": `agent-${n}`, "x-forwarded-for": `10.0.0.${n}` });

    const text = await TextClient.open(t, url, "echo", `/ws?stream=${stream}`);
    text.send(`message ${n}`);
    const v1 = await V1Socket.open(t, webSocketOf(service), { stream, after: "oldest" });
    v1.send({ type: "publish", key: `key/${n}`, data: { n } });
    await v1.message("ack", { key: `key/${n}` });
    const confused = await V1Socket.connect(t, webSocketOf(service));
    confused.send({ type: `type-${n}` });
    assert.equal((await confused.closed).code, 4400);
    const events = await EventsClient.open(t, new URL(`/events?stream=${stream}&after=0-00000000`, url));
    await events.event("gap");
    text.destroy();
  }
  // It was odd, and it was heard.
  for (const status of [200, 201, 400, 404, 409, 410, 413, 422]) {
    assert.ok(answers.includes(status), `no ${status} in ${[...new Set(answers)]}`);
  }
}
