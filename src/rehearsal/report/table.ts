/** What the terminal, Markdown and HTML reports all show, before it has a form. */
export interface Table {
  readonly title: string;
  /** What has to be known to read it; a sentence or two. */
  readonly note?: string;
  readonly columns: readonly Column[];
  readonly rows: readonly (readonly Cell[])[];
}

export interface Column {
  readonly name: string;
  readonly align: "left" | "right";
}

/** `bad` counts against the run, `good` speaks for it; renderers say it by more than colour. */
export type Cell = string | { readonly text: string; readonly mark: "good" | "bad" };

/** Columns from names; those that start with `>` hold numbers. */
export function columns(...names: readonly string[]): readonly Column[] {
  return names.map((name) =>
    name.startsWith(">") ? { name: name.slice(1), align: "right" } : { name, align: "left" },
  );
}

export function textOf(cell: Cell): string {
  return typeof cell === "string" ? cell : cell.text;
}

export function markOf(cell: Cell): "good" | "bad" | undefined {
  return typeof cell === "string" ? undefined : cell.mark;
}

export function badIf(bad: boolean, text: string): Cell {
  return bad ? { text, mark: "bad" } : text;
}
