import { fileURLToPath } from "node:url";

const here = (file: string) => fileURLToPath(new URL(file, import.meta.url));

/** What is rehearsed, as arguments of `lastcall rehearse` beside the settings that are the same for all. */
export interface Compared {
  readonly name: string;
  readonly args: readonly string[];
}

/** All on the same Redis. */
export function services(redisUrl: string): readonly Compared[] {
  const own = (protocol: string) => ["--journal", redisUrl, "--protocol", protocol];
  const foreign = (reads: readonly string[], program: string, ...args: readonly string[]) => [
    ...reads,
    ...["--env", `REDIS_URL=${redisUrl}`, "--", process.execPath, here(program), ...args],
  ];
  const websocket = ["--adapter", here("./websocket-adapter.js")];
  const socketio = ["--adapter", here("./socketio-adapter.js")];
  return [
    { name: "lastcall, `lastcall.v1`", args: own("lastcall.v1") },
    { name: "lastcall, SSE", args: own("sse") },
    { name: "lastcall, text", args: own("text") },
    { name: "the replaced demo, text", args: foreign(["--protocol", "text"], "./replaced-service.js") },
    { name: "Fastify, @fastify/websocket, close-with-grace", args: foreign(websocket, "./fastify-service.js") },
    { name: "Socket.IO, recovery in memory", args: foreign(socketio, "./socketio-service.js", "memory") },
    { name: "Socket.IO, recovery in Redis Streams", args: foreign(socketio, "./socketio-service.js", "streams") },
  ];
}
