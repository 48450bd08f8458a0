import { openJournal } from "../../src/journal/open.js";
import { journalContract } from "./contract.js";
import { handClock } from "./hand-clock.js";

journalContract("memory", async (options) => {
  const clock = handClock();
  return { journal: await openJournal("memory:", options, clock), advance: clock.advance };
});
