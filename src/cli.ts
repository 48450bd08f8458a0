import { openEdge } from "./service/edge.js";

// First of all: from here on no signal is lost.
const edge = openEdge();

const REHEARSE = {
  usage: `  lastcall rehearse             roll a service under load, and count what every client was given`,
  // Not before it is asked for: the service has to start fast.
  load: () => import("./rehearsal/command.js"),
};

void import("./service/command.js").then(({ run }) =>
  run(edge, process.argv.slice(2), process.env, { rehearse: REHEARSE }),
);
