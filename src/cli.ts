import { openEdge } from "./service/edge.js";

// First of all: from here on no signal is lost.
const edge = openEdge();

void import("./service/command.js").then(({ run }) => run(edge, process.argv.slice(2), process.env));
