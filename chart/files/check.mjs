// helm test: the service answers, gives what it should over a WebSocket, and drains by the numbers that were rendered.
const { SERVICE_URL, PROBE_URL, BUDGET } = process.env;
const limit = AbortSignal.timeout(60_000);

async function get(path) {
  const response = await fetch(new URL(path, PROBE_URL), { signal: limit });
  const text = await response.text();
  if (response.status !== 200) throw new Error(`GET ${path}: ${response.status} ${text}`);
  console.log(`GET ${path}: 200`);
  return text;
}

function opened() {
  const url = new URL("/ws", SERVICE_URL.replace("http", "ws"));
  const socket = new WebSocket(url, "lastcall.v1");
  return new Promise((resolve, reject) => {
    limit.addEventListener("abort", () => reject(new Error(`${url}: no hello within 60 s`)));
    socket.addEventListener("error", () => reject(new Error(`${url}: the connection failed`)));
    socket.addEventListener("close", ({ code, reason }) => reject(new Error(`${url}: closed with ${code} ${reason}`)));
    socket.addEventListener("open", () => socket.send('{"type":"start","stream":"main","after":"now"}'));
    socket.addEventListener("message", ({ data }) => {
      const { type, server } = JSON.parse(data);
      if (type !== "hello") return;
      console.log(`${url}: hello from ${server}`);
      resolve();
      socket.close(1000);
    });
  });
}

await get("/ready");
const metrics = await get("/metrics");
const differing = Object.entries(JSON.parse(BUDGET)).filter(
  ([part, seconds]) => !metrics.split("\n").includes(`graceful_shutdown_budget_seconds{part="${part}"} ${seconds}`),
);
if (differing.length > 0) {
  const shown = metrics.split("\n").filter((line) => line.startsWith("graceful_shutdown_budget_seconds{"));
  throw new Error(
    `the chart's budget has ${JSON.stringify(Object.fromEntries(differing))}, the pod\n${shown.join("\n")}`,
  );
}
console.log(`budget: ${BUDGET}`);
await opened();
process.exit(0);
