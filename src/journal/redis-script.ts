/**
 * The Lua of the Redis journal. Redis runs a script as one transaction, and replicates and logs its writes as one
 * (https://redis.io/docs/latest/develop/programmability/eval-intro/).
 *
 * Keys, all under one hash tag so that a Cluster keeps them on one node:
 * - `{prefix}:streams`, a hash: stream's name to `<trim base> <head>`, the ids;
 * - `{prefix}:s:<stream>`, a Redis stream: entry `<n>-0` with the fields `t` (tag), `a` (at), `d` (data);
 * - `{prefix}:k:<stream>:<publisher and key>`: `<fingerprint> <id>`, until the key expires.
 *
 * Trimming is exact where it counts, in the trim base; the entries before it go when a whole node of the Redis stream is
 * free, which costs next to nothing (`~`).
 */
const COMMON = `
local function text(n) return string.format('%.0f', n) end
local function number(id) return tonumber(string.match(id, '^%d+')) end

-- The id of the entry numbered n, if it is there.
local function id_at(key, n)
  local found = redis.call('XRANGE', key, text(n) .. '-0', text(n) .. '-0')[1]
  return found and text(n) .. '-' .. found[2][2]
end

-- Base and head of a stream; made when it is not known, nothing when it may not be.
local function open(key, name, most, tag)
  local known = redis.call('HGET', KEYS[1], name)
  if known then return string.match(known, '^(%S+) (%S+)$') end
  if redis.call('HLEN', KEYS[1]) >= tonumber(most) then return end
  local base = '0-' .. tag
  redis.call('DEL', key)
  redis.call('HSET', KEYS[1], name, base .. ' ' .. base)
  return base, base
end
`;

/** What a script answers in place of a stream that would be one too many. */
export const TOO_MANY = "too_many_streams";

/**
 * Appends to one stream.
 * KEYS: streams, the stream, each publication's key.
 * ARGV: name, maxStreams, a tag, key TTL (ms), retentionItems, 1 to write in any case (for WAIT), then for each
 * publication: tag, fingerprint, data.
 * Answers for each publication `+<id>` (appended), `=<id>` (repeated) or `!<id>` (other data).
 */
export const APPEND = `${COMMON}
local base, head = open(KEYS[2], ARGV[1], ARGV[2], ARGV[3])
if not base then return '${TOO_MANY}' end
local keep = tonumber(ARGV[5])
local time = redis.call('TIME')
local at = text(time[1] * 1000 + math.floor(time[2] / 1000))
local first = number(head)
local n = first
local answers = {}
for i = 3, #KEYS do
  local a = 7 + (i - 3) * 3
  local known = redis.call('GET', KEYS[i])
  if known then
    local print, id = string.match(known, '^(.*) (%S+)$')
    answers[i - 2] = (print == ARGV[a + 1] and '=' or '!') .. id
  else
    n = n + 1
    head = text(n) .. '-' .. ARGV[a]
    redis.call('XADD', KEYS[2], text(n) .. '-0', 't', ARGV[a], 'a', at, 'd', ARGV[a + 2])
    redis.call('SET', KEYS[i], ARGV[a + 1] .. ' ' .. head, 'PX', ARGV[4])
    answers[i - 2] = '+' .. head
  end
end
if keep > 0 and n - keep > number(base) then
  base = id_at(KEYS[2], n - keep) or text(n - keep) .. '-' .. ARGV[3]
  redis.call('XTRIM', KEYS[2], 'MINID', '~', text(n - keep + 1) .. '-0')
end
if n > first or ARGV[6] == '1' then redis.call('HSET', KEYS[1], ARGV[1], base .. ' ' .. head) end
return answers
`;

/**
 * Reads one page of each stream, its cursor judged.
 * KEYS: streams, then each stream. ARGV: maxStreams, a tag, most entries of a page, most bytes of data in all (one entry
 * is given whatever its size), then for each stream: name, position.
 * Answers for each: `entries`, `trimmed` or `replaced`, then after, base, head, and id, at, data of each entry.
 *
 * Numbers are dense, so a hole among the entries is damage (a key that Redis evicted, an entry removed by hand): it is
 * told as `replaced`, like everything else that this journal did not write.
 */
export const READ = `${COMMON}
local bytes = tonumber(ARGV[4])
local answers = {}
for i = 2, #KEYS do
  local key, name, after = KEYS[i], ARGV[2 * i + 1], ARGV[2 * i + 2]
  local base, head = open(key, name, ARGV[1], ARGV[2])
  if not base then
    answers[i - 1] = '${TOO_MANY}'
  else
    if after == 'oldest' then after = base elseif after == 'now' then after = head end
    local n, last = number(after), number(head)
    local answer = { 'entries', after, base, head }
    if after ~= base and after ~= head then
      if n < number(base) then answer[1] = 'trimmed'
      elseif id_at(key, n) ~= after then answer[1] = 'replaced' end
    end
    local left = answer[1] == 'entries' and tonumber(ARGV[3]) or 0
    local size = math.huge
    while left > 0 and n < last do
      -- As many as fit, going by the size of the last one: what is fetched in vain is memory, too.
      local count = math.max(1, math.min(left, 64, math.floor(bytes / size)))
      local some = redis.call('XRANGE', key, text(n + 1) .. '-0', text(last) .. '-0', 'COUNT', count)
      local whole = 0
      for _, entry in ipairs(some) do
        if entry[1] ~= text(n + 1) .. '-0' or bytes <= 0 and whole > 0 then break end
        whole = whole + 1
        size = #entry[2][6]
        n = n + 1
        answer[#answer + 1] = text(n) .. '-' .. entry[2][2]
        answer[#answer + 1] = entry[2][4]
        answer[#answer + 1] = entry[2][6]
        bytes = bytes - size
      end
      if whole == 0 then
        if #answer == 4 then answer[1] = 'replaced' end
        break
      end
      if bytes <= 0 then break end
      left = left - whole
    end
    answers[i - 1] = answer
  end
end
return answers
`;

/**
 * Trims what is too old. The times of entries hardly ever run backward, so the last one that is too old is found by
 * halving.
 * KEYS: streams, then each stream. ARGV: a tag, retentionMs, then each name.
 */
export const SWEEP = `${COMMON}
local time = redis.call('TIME')
local oldest = time[1] * 1000 + math.floor(time[2] / 1000) - tonumber(ARGV[2])
local function too_old(key, n)
  local found = redis.call('XRANGE', key, text(n) .. '-0', text(n) .. '-0')[1]
  return not found or tonumber(found[2][4]) < oldest
end
for i = 2, #KEYS do
  local known = redis.call('HGET', KEYS[1], ARGV[i + 1])
  if known then
    local base, head = string.match(known, '^(%S+) (%S+)$')
    local low, high = number(base), number(head)
    if low < high and too_old(KEYS[i], low + 1) then
      while low < high do
        local middle = math.ceil((low + high) / 2)
        if too_old(KEYS[i], middle) then low = middle else high = middle - 1 end
      end
      base = low == number(head) and head or id_at(KEYS[i], low) or text(low) .. '-' .. ARGV[1]
    end
    -- First: a Redis without memory refuses HSET, except to a script that has written before (scriptVerifyOOM, script.c).
    if low > 0 then redis.call('XTRIM', KEYS[i], 'MINID', '~', text(low + 1) .. '-0', 'LIMIT', 100000) end
    if base ~= string.match(known, '^%S+') then redis.call('HSET', KEYS[1], ARGV[i + 1], base .. ' ' .. head) end
  end
end
`;
