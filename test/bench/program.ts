/** A load program (C) as a child: commands go in, one JSON object a line comes out. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { onLoadCore } from "./machine.js";

export interface Program {
  say(line: string): void;
  /** What it says next; throws if that is anything but `event`. */
  next<T extends { readonly event: string }>(event: T["event"]): Promise<T>;
  readonly ended: Promise<unknown>;
}

export function startProgram(line: readonly string[]): Program {
  const [command = "", ...args] = onLoadCore(line);
  const child = spawn(command, args, { stdio: ["pipe", "pipe", "inherit"] });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  return {
    say: (text) => child.stdin.write(`${text}\n`),
    async next<T extends { readonly event: string }>(event: T["event"]): Promise<T> {
      const got = await lines.next();
      if (got.done) throw new Error(`the load ended before "${event}"`);
      const said: T = JSON.parse(got.value);
      if (said.event !== event) throw new Error(`the load said ${got.value}, expected "${event}"`);
      return said;
    },
    ended: once(child, "close"),
  };
}

/** `name=value` for each of them; yes and no are 1 and 0. */
export function words(given: Readonly<Record<string, string | number | boolean>>): readonly string[] {
  return Object.entries(given).map(([name, value]) => `${name}=${typeof value === "boolean" ? Number(value) : value}`);
}
