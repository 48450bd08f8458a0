import { numberOf } from "../protocol/ids.js";
import type { ClientRecord } from "./record.js";
import { FOREIGN, type Scale } from "./scale.js";
import { Sequence } from "./sequence.js";
import type { Tally } from "./tally.js";
import { nameOf } from "./truth.js";
import type { Witness } from "./witness.js";

/** Judges what the library gave out: everything after its first cursor, once, in order, to the end; gaps are as told. */
export function judgeGiven(client: ClientRecord, witness: Witness, scale: Scale, tally: Tally, to: number): void {
  if (client.given === undefined) return;
  const counts = tally.giving();
  const gaps = new Set<number>();
  let sequence: Sequence | undefined;
  for (const sighting of client.sightings) {
    if (sighting.type === "hello") sequence ??= new Sequence(numberOf(sighting.cursor));
    else if (sighting.type === "gap") gaps.add(numberOf(sighting.cursor));
  }
  if (sequence === undefined) return;
  for (const { id, mark, at } of client.given) {
    const item = () => nameOf(mark, id);
    const n = scale.place(id, mark);
    if (n === FOREIGN) {
      const text = "the library gave out what was never published, or stands elsewhere in the journal";
      witness.fault("foreign", at, undefined, () => ({ text, item: item() }));
      continue;
    }
    if (n !== sequence.last + 1 && gaps.has(n - 1)) sequence.jump(n - 1);
    const step = sequence.take(n, at);
    if (step === "again") {
      counts.repeated += 1;
      witness.fault("repeated", at, undefined, () => ({ text: "the library gave it out twice", item: item() }));
    } else if (step === "late") {
      counts.outOfOrder += 1;
      witness.fault("out_of_order", at, undefined, () => ({ text: "the library gave it out late", item: item() }));
    }
  }
  const end = scale.end(0) ?? sequence.last;
  const tail = { from: sequence.last + 1, to: end, at: to };
  for (const hole of [...sequence.holes, tail]) {
    const items = scale.owed(0, hole.from, hole.to);
    if (items === 0) continue;
    counts.lost += items;
    const tell = () => ({ item: scale.name(0, hole.from, hole.to), text: `the library never gave it out (${items})` });
    witness.fault("lost", hole.at, undefined, tell, { items });
  }
}
