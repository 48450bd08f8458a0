import { parseArgs } from "node:util";
import { LastcallError, toError } from "../base/errors.js";
import type { Edge } from "./edge.js";
import { VERSION } from "./version.js";

const HELP = `lastcall ${VERSION}: streams items over WebSocket, and drains without losing one

Usage:
  lastcall serve                run the service; settings are environment variables
  lastcall client [url]         show what a server sends, and come back when it goes away
                                (default: $SERVER_URL, else ws://localhost:8080/ws)

Options:
  -h, --help                    this text; after a command, what it takes
  -v, --version                 the version

Exit codes: 0 everything was done · 1 something was cut or failed · 2 the command line was not understood
`;

const CLIENT_HELP = `Usage: lastcall client [url]

Connects to a lastcall server as a plain WebSocket client, prints what it receives, sends a message every 3 s, and
reconnects when the connection ends: within 2 s at first, then backing off to 30 s.

  url    ws://, wss://, http:// or https://; without a path it is /ws
         (default: $SERVER_URL, else ws://localhost:8080/ws)

Ctrl-C or SIGTERM closes the connection and ends with 0.
`;

type Env = Readonly<Record<string, string | undefined>>;

interface Command {
  readonly name: "help" | "version" | "serve" | "serve help" | "client" | "client help";
  readonly url?: string | undefined;
}

/** Runs one command line. */
export async function run(edge: Edge, args: readonly string[], env: Env): Promise<void> {
  try {
    const command = understand(args);
    if (command.name === "help") return print(HELP);
    if (command.name === "version") return print(`${VERSION}\n`);
    if (command.name === "client help") return print(CLIENT_HELP);
    if (command.name === "client") return await client(edge, command.url ?? (env["SERVER_URL"] || undefined));
    if (command.name === "serve help") return await serveHelp();
    const { serve } = await import("./main.js");
    await serve(edge, env);
  } catch (thrown) {
    const error = toError(thrown);
    const ours = error instanceof LastcallError;
    // What the system refuses (a port that somebody has) says enough; a stack is for what nobody expected.
    process.stderr.write(`lastcall: ${ours || "syscall" in error ? error.message : error.stack}\n`);
    if (!ours || error.code !== "invalid_request") return edge.fail();
    // Nothing was started, so nothing has to be ended.
    process.stderr.write("Try `lastcall --help`.\n");
    process.exitCode = 2;
  }
}

/** @throws LastcallError `invalid_request` */
function understand(args: readonly string[]): Command {
  const { values, positionals } = parse(args);
  const [command, ...rest] = positionals;
  if (values.version) return { name: "version" };
  if (command === undefined && values.help) return { name: "help" };
  if (command === "serve" && rest.length === 0) return { name: values.help ? "serve help" : "serve" };
  if (command === "client" && rest.length <= 1) {
    return { name: values.help ? "client help" : "client", url: rest[0] };
  }
  const what = command === undefined ? "which command? serve or client" : `not understood: ${positionals.join(" ")}`;
  throw new LastcallError("invalid_request", what);
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      allowPositionals: true,
      options: { help: { type: "boolean", short: "h" }, version: { type: "boolean", short: "v" } },
    });
  } catch (thrown) {
    throw new LastcallError("invalid_request", toError(thrown).message, { cause: thrown });
  }
}

async function serveHelp(): Promise<void> {
  const { settingsHelp } = await import("./help.js");
  print(`Usage: lastcall serve\n\nRuns the service until SIGTERM or Ctrl-C, then drains.\n\n${settingsHelp()}\n`);
}

async function client(edge: Edge, given: string | undefined): Promise<void> {
  const { DEFAULT_SERVER_URL, parseServerUrl, runClient } = await import("./client-program.js");
  const url = parseServerUrl(given ?? DEFAULT_SERVER_URL);
  const abort = new AbortController();
  // Whoever reads may have seen enough (`lastcall client | head`).
  process.stdout.on("error", () => abort.abort());
  const ended = runClient(url, { log: (line) => print(`${line}\n`), signal: abort.signal });
  edge.handle({
    begin: async (cause) => {
      abort.abort();
      await ended;
      if (cause.type === "error") process.stderr.write(`${cause.error.stack}\n`);
      return cause.type === "error" ? 1 : 0;
    },
    note: () => {},
    abandon: async () => {},
  });
  await ended;
}

function print(text: string): void {
  process.stdout.write(text);
}
