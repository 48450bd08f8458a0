import { type Agent, request } from "node:http";
import { text } from "node:stream/consumers";

export interface HttpRequest {
  readonly method?: "GET" | "POST";
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  /** Default: a connection of its own. */
  readonly agent?: Agent;
}

/** One request; rejects when no whole answer came. */
export function http(url: URL, { method = "GET", headers = {}, body, agent }: HttpRequest = {}) {
  return new Promise<{ readonly status: number; readonly body: string }>((resolve, reject) => {
    const json = body === undefined ? {} : { "content-type": "application/json" };
    const options = { method, headers: { ...json, ...headers }, agent: agent ?? false };
    const asked = request(url, options, (answer) => {
      text(answer).then((body) => resolve({ status: answer.statusCode ?? 0, body }), reject);
    });
    asked.once("error", reject);
    asked.end(body);
  });
}
