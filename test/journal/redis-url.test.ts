import assert from "node:assert/strict";
import { it } from "node:test";
import { parseRedisUrl, type RedisUrl } from "../../src/journal/redis-url.js";

function read(text: string): RedisUrl {
  const parsed = parseRedisUrl(text);
  assert.ok(parsed.type === "url", `${text}: ${JSON.stringify(parsed)}`);
  return parsed.url;
}

it("reads one server", () => {
  assert.deepEqual(read("redis://cache"), {
    target: { type: "server", address: { host: "cache", port: 6379 }, db: 0 },
    tls: false,
    prefix: "lastcall",
  });
  assert.deepEqual(read("REDISS://me:p%40ss:w%2Frd@[::1]:6380/3?prefix=a.b:c_d-e"), {
    target: { type: "server", address: { host: "::1", port: 6380 }, db: 3 },
    tls: true,
    username: "me",
    password: "p@ss:w/rd",
    prefix: "a.b:c_d-e",
  });
  assert.equal(read("redis://:secret@cache/").password, "secret");
  assert.equal(read("redis://me@cache").username, "me");
});

it("reads Sentinels and Clusters", () => {
  assert.deepEqual(read("rediss+sentinel://:a@one,two:26380/my%20master/2?sentinelUsername=u&sentinelPassword=p%26q"), {
    target: {
      type: "sentinel",
      sentinels: [
        { host: "one", port: 26_379 },
        { host: "two", port: 26_380 },
      ],
      master: "my master",
      db: 2,
    },
    tls: true,
    password: "a",
    sentinelUsername: "u",
    sentinelPassword: "p&q",
    prefix: "lastcall",
  });
  assert.deepEqual(read("redis+cluster://a:7000,[fe80::1]/").target, {
    type: "cluster",
    nodes: [
      { host: "a", port: 7000 },
      { host: "fe80::1", port: 6379 },
    ],
  });
});

it("says what is wrong with others, and repeats nothing of them", () => {
  for (const [text, about] of [
    ["redis:", "host"],
    ["redis://", "host"],
    ["redis://secret:secret@", "host"],
    ["redis://secret:se@cret@cache", "host"],
    ["redis://ca che", "host"],
    ["redis://cache:0", "host"],
    ["redis://cache:65536", "host"],
    ["redis://cache:secret", "host"],
    ["redis://a,b", "redis+cluster:"],
    ["redis://cache/secret", "database"],
    ["redis://cache/0/secret", "path"],
    ["redis://cache?secret=1", "prefix"],
    ["redis://cache?prefix={secret}", "prefix"],
    ["redis://cache#secret", "host"],
    ["redis://%zz@cache", "percent"],
    ["redis+sentinel://a,b", "master"],
    ["redis+sentinel://a,b/", "master"],
    ["redis+sentinel://a,b/secret/x", "database"],
    ["redis+sentinel://a,b/secret/0/1", "path"],
    ["redis+cluster://a/1", "database"],
    ["redis+cluster://a,", "host"],
    ["redis+secret://a", "host"],
  ] as const) {
    const parsed = parseRedisUrl(text);
    assert.ok(parsed.type === "fault", text);
    assert.ok(parsed.received.includes(about), `${text}: ${parsed.received}`);
    assert.doesNotMatch(parsed.received, /secret/);
  }
});
