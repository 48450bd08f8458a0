import { parseArgs } from "node:util";
import { LastcallError, toError } from "../base/errors.js";
import { printable } from "../base/printable.js";
import { SUBPROTOCOL } from "../protocol/messages.js";
import type { Edge } from "./edge.js";
import { VERSION } from "./version.js";

/** A command that lives beside the service and is loaded only when it is asked for. */
export interface FurtherCommand {
  /** Its lines in the help, as they stand there. */
  readonly usage: string;
  load(): Promise<{ run(process: Surroundings, args: readonly string[]): Promise<number> }>;
}

/** What such a command has of the process; it settles with the exit code. */
export interface Surroundings extends Pick<Edge, "handle"> {
  readonly version: string;
  readonly stdout: NodeJS.WriteStream;
  readonly stderr: NodeJS.WriteStream;
}

type Further = Readonly<Record<string, FurtherCommand>>;

function help(further: Further): string {
  const more = Object.values(further).map(({ usage }) => `${usage}\n`);
  return `lastcall ${VERSION}: streams items over WebSocket, and drains without losing one

Usage:
  lastcall serve                run the service; settings are environment variables
  lastcall client [url]         show what a server sends, and come back when it goes away
                                (default: $SERVER_URL, else ws://localhost:8080/ws)
${more.join("")}
Options:
  -h, --help                    this text; after a command, what it takes
  -v, --version                 the version

Exit codes: 0 everything was done · 1 something was cut or failed · 2 the command line was not understood
`;
}

const CLIENT_HELP = `Usage: lastcall client [--protocol text|lastcall.v1] [url]

Connects to a lastcall server, prints what it receives, and reconnects when the connection ends: within 1 s at first, then
backing off to 30 s.

  --protocol text         a plain WebSocket client: sends a message every 3 s; what comes between two connections
                          is missed (default)
  --protocol lastcall.v1  each item once and in order, with its id: hands over when the server drains, goes on after
                          the last item when it comes back, and tells what cannot be had any more

  url    ws://, wss://, http:// or https://; without a path it is /ws; ?stream=<name> and ?after=<id>|oldest|now
         say what to read (default: $SERVER_URL, else ws://localhost:8080/ws)

Ctrl-C or SIGTERM closes the connection and ends with 0.
`;

type Env = Readonly<Record<string, string | undefined>>;

interface Command {
  readonly name: "help" | "version" | "serve" | "serve help" | "client" | "client help";
  readonly url?: string | undefined;
  readonly protocol?: Protocol | undefined;
}

const PROTOCOLS = ["text", SUBPROTOCOL] as const;
type Protocol = (typeof PROTOCOLS)[number];

/** Runs one command line; `further` commands are known by their first word. */
export async function run(edge: Edge, args: readonly string[], env: Env, further: Further = {}): Promise<void> {
  const [first = "", ...rest] = args;
  const other = Object.hasOwn(further, first) ? further[first] : undefined;
  try {
    if (other !== undefined) {
      const { handle } = edge;
      const { stdout, stderr } = process;
      process.exitCode = await (await other.load()).run({ version: VERSION, handle, stdout, stderr }, rest);
      return;
    }
    const command = understand(args, further);
    if (command.name === "help") return print(help(further));
    if (command.name === "version") return print(`${VERSION}\n`);
    if (command.name === "client help") return print(CLIENT_HELP);
    if (command.name === "client") {
      return await client(edge, command.url ?? (env["SERVER_URL"] || undefined), command.protocol);
    }
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
    process.stderr.write(`Try \`lastcall ${other === undefined ? "" : `${first} `}--help\`.\n`);
    process.exitCode = 2;
  }
}

/** @throws LastcallError `invalid_request` */
function understand(args: readonly string[], further: Further): Command {
  const { values, positionals } = parse(args);
  const [command, ...rest] = positionals;
  if (values.protocol !== undefined && command !== "client") throw fault("--protocol is the client's");
  if (values.version) return { name: "version" };
  if (command === undefined && values.help) return { name: "help" };
  if (command === "serve" && rest.length === 0) return { name: values.help ? "serve help" : "serve" };
  if (command === "client" && rest.length <= 1) {
    return { name: values.help ? "client help" : "client", url: rest[0], protocol: protocolOf(values.protocol) };
  }
  const known = ["serve", "client", ...Object.keys(further)];
  const which = `which command? ${known.slice(0, -1).join(", ")} or ${known.at(-1)}`;
  const what = command === undefined ? which : `not understood: ${positionals.join(" ")}`;
  throw fault(what);
}

function protocolOf(text: string | undefined): Protocol | undefined {
  const protocol = PROTOCOLS.find((known) => known === text);
  if (text !== protocol) throw fault(`--protocol: expected ${PROTOCOLS.join(" or ")}, got ${printable(text ?? "")}`);
  return protocol;
}

function fault(what: string): LastcallError {
  return new LastcallError("invalid_request", what);
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        help: { type: "boolean", short: "h" },
        version: { type: "boolean", short: "v" },
        protocol: { type: "string" },
      },
    });
  } catch (thrown) {
    throw new LastcallError("invalid_request", toError(thrown).message, { cause: thrown });
  }
}

async function serveHelp(): Promise<void> {
  const { settingsHelp } = await import("./help.js");
  print(`Usage: lastcall serve\n\nRuns the service until SIGTERM or Ctrl-C, then drains.\n\n${settingsHelp()}\n`);
}

async function client(edge: Edge, given: string | undefined, protocol: Protocol = "text"): Promise<void> {
  const { DEFAULT_SERVER_URL, parseServerUrl } = await import("./server-url.js");
  const run = await programFor(protocol);
  const url = parseServerUrl(given ?? DEFAULT_SERVER_URL);
  const abort = new AbortController();
  // Whoever reads may have seen enough (`lastcall client | head`).
  process.stdout.on("error", () => abort.abort());
  const ended = run(url, { log: (line) => print(`${line}\n`), signal: abort.signal });
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

async function programFor(protocol: Protocol) {
  if (protocol === "text") return (await import("./client-program.js")).runClient;
  return (await import("./stream-program.js")).runStreamClient;
}

function print(text: string): void {
  process.stdout.write(text);
}
