import assert from "node:assert/strict";
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";
import { type TestContext, test } from "node:test";
import { Balancer } from "../../src/rehearsal/balancer.js";

/** Says its name to everybody, then what it is told. */
async function named(t: TestContext, name: string) {
  const sockets = new Set<Socket>();
  const server: Server = createServer((socket) => {
    sockets.add(socket.on("error", () => {}));
    socket.write(name);
    socket.pipe(socket);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => {
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  return { name, port: (server.address() as AddressInfo).port, sockets };
}

async function balanced(t: TestContext): Promise<Balancer> {
  const balancer = await Balancer.start();
  t.after(() => balancer.close());
  return balancer;
}

async function dial(t: TestContext, balancer: Balancer): Promise<Socket> {
  const socket = connect(Number(balancer.url.port), "127.0.0.1").setEncoding("utf8");
  t.after(() => void socket.destroy());
  await once(socket, "connect");
  return socket;
}

async function heard(socket: Socket): Promise<string> {
  const [text] = await once(socket, "data");
  return String(text);
}

test("newcomers go to the next in turn, and it is known which that was", async (t) => {
  const balancer = await balanced(t);
  for (const name of ["a", "b"]) balancer.add(await named(t, name));
  const names: string[] = [];
  for (let i = 0; i < 4; i += 1) {
    const socket = await dial(t, balancer);
    const name = await heard(socket);
    assert.equal(balancer.replicaOf(socket.localPort ?? 0), name);
    names.push(name);
  }
  assert.equal(names.slice(0, 2).join(""), names.slice(2).join(""));
  assert.deepEqual([...names].sort(), ["a", "a", "b", "b"]);
  assert.equal(balancer.connections("a"), 2);
});

test("what stands goes on when its endpoint is removed; newcomers go elsewhere", async (t) => {
  const balancer = await balanced(t);
  balancer.add(await named(t, "a"));
  const before = await dial(t, balancer);
  assert.equal(await heard(before), "a");
  balancer.add(await named(t, "b"));
  balancer.remove("a");
  assert.equal(await heard(await dial(t, balancer)), "b");
  before.write("still there");
  assert.equal(await heard(before), "still there");
});

test("an endpoint that refuses is not passed over, and without any a newcomer is refused", async (t) => {
  const balancer = await balanced(t);
  const closed = createServer().listen(0, "127.0.0.1");
  await once(closed, "listening");
  const { port } = closed.address() as AddressInfo;
  closed.close();
  await once(closed, "close");
  for (const endpoints of [[], [{ name: "a", port }]]) {
    for (const endpoint of endpoints) balancer.add(endpoint);
    const socket = connect(Number(balancer.url.port), "127.0.0.1");
    const [error] = await once(socket, "error");
    assert.equal(error.code, "ECONNRESET");
  }
});

test("a breakdown passes on; a held connection passes nothing, not even its end", async (t) => {
  const balancer = await balanced(t);
  const server = await named(t, "a");
  balancer.add(server);
  const broken = await dial(t, balancer);
  await heard(broken);
  const error = once(broken, "error");
  for (const socket of server.sockets) socket.resetAndDestroy();
  assert.equal((await error)[0].code, "ECONNRESET");

  server.sockets.clear();
  const [held, other] = [await dial(t, balancer), await dial(t, balancer)];
  await Promise.all([heard(held), heard(other)]);
  const events: string[] = [];
  for (const event of ["data", "end", "close", "error"]) held.on(event, () => events.push(event));
  balancer.hold(held.localPort ?? 0);
  held.write("is anybody there?");
  for (const socket of server.sockets) socket.resetAndDestroy();
  // The other one hears of it by the same way, and whoever comes later is served.
  await once(other, "error");
  for (let i = 0; i < 3; i += 1) await heard(await dial(t, balancer));
  assert.deepEqual(events, []);
});
