import { once } from "node:events";
import { createServer, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { buffer } from "node:stream/consumers";
import type { TestContext } from "node:test";
import { type OtlpSpan, readSpans } from "./otlp.js";
import { Watch } from "./watch.js";

interface CollectorRequest {
  readonly line: string;
  readonly type: string | undefined;
  readonly spans: readonly OtlpSpan[];
}

/** A small one that stands in for an OpenTelemetry collector: real HTTP, what it is sent read as protobuf. */
export class Collector {
  readonly requests: CollectorRequest[] = [];
  readonly #server: Server;
  readonly #watch = new Watch();
  readonly #answer: (response: ServerResponse) => void;
  #connections = 0;

  static async start(t: TestContext, answer = accepted): Promise<Collector> {
    const server = createServer();
    const collector = new Collector(server, answer);
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    t.after(async () => {
      server.close();
      server.closeAllConnections();
      await once(server, "close");
    });
    return collector;
  }

  private constructor(server: Server, answer: (response: ServerResponse) => void) {
    this.#server = server;
    this.#answer = answer;
    server.on("connection", () => {
      this.#connections += 1;
    });
    server.on("request", async (request, response) => {
      const spans = readSpans(await buffer(request));
      this.requests.push({ line: `${request.method} ${request.url}`, type: request.headers["content-type"], spans });
      this.#answer(response);
      this.#watch.changed();
    });
  }

  get spans(): readonly OtlpSpan[] {
    return this.requests.flatMap(({ spans }) => spans);
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** Made so far, whatever became of them. */
  get connections(): number {
    return this.#connections;
  }

  /** The first span of this name, as soon as it has come. */
  span(name: string): Promise<OtlpSpan> {
    return this.#watch.until(() => this.spans.find((span) => span.name === name));
  }
}

export function accepted(response: ServerResponse): void {
  response.writeHead(200, { "content-type": "application/x-protobuf" }).end();
}

/** Takes everything and never says so. */
export function silent(): void {}
