import { deferred } from "../../src/base/deferred.js";

export interface LogLine {
  readonly msg: string;
  readonly level: number | string;
  readonly [field: string]: unknown;
}

/** Where a server under test logs to; remembers every line. */
export class LogLines {
  readonly lines: LogLine[] = [];
  #more = deferred();

  write(line: string): void {
    this.lines.push(JSON.parse(line));
    this.#more.resolve();
    this.#more = deferred();
  }

  all(message: string): readonly LogLine[] {
    return this.lines.filter(({ msg }) => msg === message);
  }

  /** Resolves at the next line. */
  next(): Promise<void> {
    return this.#more.promise;
  }

  /** The first line with this message, as soon as there is one. */
  async line(message: string): Promise<LogLine> {
    for (;;) {
      const found = this.lines.find(({ msg }) => msg === message);
      if (found !== undefined) return found;
      await this.next();
    }
  }
}
