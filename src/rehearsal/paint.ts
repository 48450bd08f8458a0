import { styleText } from "node:util";

export type Style = "bold" | "dim" | "red" | "green" | "yellow" | "cyan";

/** Styles text where the stream shows colours, and gives it back as it is where not. */
export type Paint = (style: Style | readonly Style[], text: string) => string;

export const plain: Paint = (_style, text) => text;

/** Where the report and the progress are written. */
export interface Screen {
  readonly isTTY?: boolean;
  readonly columns?: number;
  hasColors?(): boolean;
}

/** Colours for a terminal that has them; `NO_COLOR`, `FORCE_COLOR` and `TERM=dumb` are heard (Node's `hasColors`). */
export function paintFor(screen: Screen): Paint {
  if (screen.isTTY !== true || screen.hasColors?.() !== true) return plain;
  return (style, text) => styleText([...[style].flat()] as Style[], text, { validateStream: false });
}
