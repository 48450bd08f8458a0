import { type Flag, NONE } from "./flag.js";
import { GROUPS } from "./flags.js";

const INDENT = "  ";
const COLUMN = 29;
const WIDTH = 112;

const BEFORE = `Usage: lastcall rehearse [options] [-- program arguments…]

Rolls a service under load and counts what every client was given: on this machine, replicas of this program (or of
the one after --, which is given PORT) behind a small balancer, each rolled as Kubernetes does it; with --url, a
service that runs already, rolled by --rollout.

Times are in seconds, or with a unit (500ms, 2m); in parentheses: the default.`;

const AFTER = `Examples:
  lastcall rehearse                                       three replicas rolled once, twenty seconds
  lastcall rehearse --rounds 5 --chaos kill,slow-client --report rehearsal.html
  lastcall rehearse --replicas 5 --clients 500 --rate 200 --journal redis://localhost:6379
  lastcall rehearse --url wss://example.com/ws \\
    --rollout 'kubectl rollout restart deploy/x && kubectl rollout status deploy/x'
  lastcall rehearse --protocol text -- node my-server.mjs   a server of yours, rolled the same way

Progress goes to standard error (a live view in a terminal, lines elsewhere), the result to standard output. Ctrl-C
ends everything that was started and tells what was seen so far, which is never a pass.

Exit codes:
  0  nothing was lost, repeated or out of order, and no request failed (under kill and pause requests are reported
     only; of text and adapters only what is lost while connected is judged)
  1  something was; the first evidence is named
  2  the command line was not understood
  3  inconclusive: nothing was rolled, connections were not replaced, no items flowed, it was interrupted, or the
     rehearsal itself was too slow to judge
`;

/** `lastcall rehearse --help` */
export function rehearseHelp(): string {
  const groups = GROUPS.map(({ title, flags }) => [`${title}:`, ...flags.flatMap(entry)].join("\n"));
  return [BEFORE, ...groups, AFTER].join("\n\n");
}

function entry({ name, value, text, shown }: Flag<unknown>): readonly string[] {
  const head = `${INDENT}--${name} ${value}`;
  const lines = wrap(shown === NONE ? text : `${text} (${shown})`, WIDTH - COLUMN);
  // A value that is a choice is longer than the column.
  const beside = head.length < COLUMN - 1;
  const first = beside ? `${head.padEnd(COLUMN)}${lines[0]}` : head;
  return [first, ...lines.slice(beside ? 1 : 0).map((line) => " ".repeat(COLUMN) + line)];
}

function wrap(text: string, width: number): readonly string[] {
  return text.match(new RegExp(`.{1,${width}}(?= |$)`, "g"))?.map((line) => line.trim()) ?? [];
}
