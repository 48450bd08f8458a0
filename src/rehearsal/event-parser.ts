/** One block of an event stream: what stood before an empty line. A field that did not stand there is absent. */
export interface ServerEvent {
  readonly id?: string;
  readonly event?: string;
  readonly data?: string;
  readonly retry?: string;
}

const FIELDS: ReadonlySet<string> = new Set(["id", "event", "data", "retry"]);

/** Takes an event stream apart (HTML, section 9.2.6), in whatever pieces it comes; comments are left out. */
export class EventParser {
  readonly #onEvent: (event: ServerEvent) => void;
  #rest = "";
  #fields = new Map<string, string>();

  constructor(onEvent: (event: ServerEvent) => void) {
    this.#onEvent = onEvent;
  }

  push(text: string): void {
    const lines = (this.#rest + text).split(/\r\n|\r(?!$)|\n/);
    this.#rest = lines.pop() ?? "";
    for (const line of lines) this.#line(line);
  }

  #line(line: string): void {
    if (line === "") {
      const fields = this.#fields;
      this.#fields = new Map();
      if (fields.size > 0) this.#onEvent(Object.fromEntries(fields));
      return;
    }
    const [, name = "", value = ""] = /^([^:]*):? ?(.*)$/.exec(line) ?? [];
    if (!FIELDS.has(name)) return;
    const before = name === "data" ? this.#fields.get(name) : undefined;
    this.#fields.set(name, before === undefined ? value : `${before}\n${value}`);
  }
}
