/** An event as an EventSource gives it out. */
export interface ServerEvent {
  readonly type: string;
  readonly data: string;
  readonly lastEventId: string;
}

/** Reads an event stream as the HTML Living Standard says (section 9.2.6, "Interpreting an event stream"). */
export class EventParser {
  readonly events: ServerEvent[] = [];
  /** Everything that was parsed, line by line. */
  readonly lines: string[] = [];
  lastEventId = "";
  comments = 0;
  /** What the server set the time to a reconnection to, ms. */
  retry: number | undefined;
  #unread = "";
  #type = "";
  #data: string[] = [];
  #id = "";
  #begun = false;

  feed(text: string): void {
    this.#unread += text;
    if (!this.#begun && this.#unread !== "") {
      this.#begun = true;
      this.#unread = this.#unread.replace(/^\ufeff/, "");
    }
    for (;;) {
      const end = /\r\n|\r(?!$)|\n/.exec(this.#unread);
      if (end === null) return;
      const line = this.#unread.slice(0, end.index);
      this.#unread = this.#unread.slice(end.index + end[0].length);
      this.lines.push(line);
      this.#read(line);
    }
  }

  #read(line: string): void {
    if (line === "") {
      this.#dispatch();
      return;
    }
    const colon = line.indexOf(":");
    if (colon === 0) {
      this.comments += 1;
      return;
    }
    const name = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? "" : line.slice(colon + 1).replace(/^ /, "");
    if (name === "event") this.#type = value;
    else if (name === "data") this.#data.push(value);
    else if (name === "id" && !value.includes("\0")) this.#id = value;
    else if (name === "retry" && /^\d+$/.test(value)) this.retry = Number(value);
  }

  #dispatch(): void {
    this.lastEventId = this.#id;
    if (this.#data.length > 0) {
      this.events.push({ type: this.#type || "message", data: this.#data.join("\n"), lastEventId: this.lastEventId });
    }
    this.#type = "";
    this.#data = [];
  }
}
