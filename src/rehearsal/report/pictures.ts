import type { Report } from "../findings.js";
import type { Picture } from "./frame.js";
import { pausesPicture, reconnectsPicture } from "./picture-bars.js";
import { connectionsPicture } from "./picture-connections.js";
import { drainsPicture } from "./picture-drains.js";

export interface Titled {
  readonly title: string;
  /** What has to be known to read it. */
  readonly text: string;
  readonly picture: Picture;
}

/** Those for which there is something to draw. */
export function picturesOf({ series, findings }: Report): readonly Titled[] {
  const all: readonly (readonly [string, string, Picture | undefined])[] = [
    [
      "Connections of each replica",
      "Standing connections over seconds; rounds are shaded. Replicas that came in one round share a hue.",
      connectionsPicture(series),
    ],
    [
      "New connections",
      `Within ${series.stepMs} ms, each client's first left out: a stampede would be one tall bar.`,
      reconnectsPicture(series),
    ],
    [
      "Pauses",
      "The longest time, in ms, that any client waited for an item that was due, drawn where it ended.",
      pausesPicture(series),
    ],
    ["Drains", "Seconds from being told to go to the end of the process, by phase.", drainsPicture(findings.replicas)],
  ];
  return all.flatMap(([title, text, picture]) => (picture === undefined ? [] : { title, text, picture }));
}
