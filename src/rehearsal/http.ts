import { type Agent, request as httpRequest } from "node:http";
import { request as httpsRequest } from "node:https";
import { text } from "node:stream/consumers";

export interface HttpRequest {
  readonly method?: "GET" | "POST";
  readonly headers?: Readonly<Record<string, string>>;
  /** JSON. */
  readonly body?: string;
  /** Default: a connection of its own. */
  readonly agent?: Agent | undefined;
  /** From the first byte to the last, ms. */
  readonly timeoutMs: number;
}

export interface HttpAnswer {
  readonly status: number;
  readonly body: string;
}

/**
 * One request, one answer, no second attempt.
 * @throws what the network says; an error with the code `timeout` when it took too long
 */
export function http(url: URL, how: HttpRequest, signal?: AbortSignal): Promise<HttpAnswer> {
  const { method = "GET", headers = {}, body, agent = false, timeoutMs } = how;
  const json =
    body === undefined ? {} : { "content-type": "application/json", "content-length": String(Buffer.byteLength(body)) };
  const request = url.protocol === "https:" ? httpsRequest : httpRequest;
  return new Promise((resolve, reject) => {
    const asked = request(
      url,
      { method, headers: { ...json, ...headers }, agent, ...(signal && { signal }) },
      (answer) => {
        text(answer).then((body) => over(() => resolve({ status: answer.statusCode ?? 0, body })), failed);
      },
    );
    const timer = setTimeout(() => asked.destroy(Object.assign(new Error("timeout"), { code: "timeout" })), timeoutMs);
    function over(settle: () => void): void {
      clearTimeout(timer);
      settle();
    }
    function failed(error: unknown): void {
      over(() => reject(error));
    }
    asked.on("error", failed);
    asked.end(body);
  });
}

/** An error by its code (`ECONNREFUSED`), where it has one. */
export function codeOf(thrown: unknown): string {
  if (typeof thrown === "object" && thrown !== null && "code" in thrown) return String(thrown.code);
  return thrown instanceof Error ? thrown.message : String(thrown);
}
