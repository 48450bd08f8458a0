/**
 * For a route's `config`: @fastify/otel leaves it alone, whoever has registered it. Probes would bury the rest, and the
 * answers of `/ws` and `/events` last for as long as their clients stay. Its own types declare `otel` where they are in use;
 * declared here as well, the two would clash.
 */
export const UNTRACED: object = { otel: false };
