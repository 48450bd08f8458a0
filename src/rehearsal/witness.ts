import type { Connection } from "./connection.js";
import type { EvidenceBook } from "./evidence.js";
import type { FaultKind } from "./findings.js";
import type { ClientRecord } from "./record.js";

/** Under what conditions faults count. */
export interface Judging {
  /** Whether failed requests do; not while replicas are killed or paused on purpose. */
  readonly requestsJudged: boolean;
  /**
   * Whether goodbyes do that did not come as the protocol promises; not under any chaos, which keeps servers from saying
   * or clients from hearing them. Default: as requests.
   */
  readonly goodbyesJudged?: boolean;
}

/** Tells of one client's faults. */
export class Witness {
  readonly client: ClientRecord;
  /** Whether the client has a cursor, so that nothing may be missing between its connections either. */
  readonly resumes: boolean;
  readonly goodbyesJudged: boolean;
  readonly #book: EvidenceBook;

  constructor(client: ClientRecord, book: EvidenceBook, { requestsJudged, goodbyesJudged }: Judging) {
    this.client = client;
    this.resumes = client.protocol === "lastcall.v1" || client.protocol === "sse";
    this.goodbyesJudged = goodbyesJudged ?? requestsJudged;
    this.#book = book;
  }

  /** `tell` says what happened, and to which item; it is asked only if this is kept. */
  fault(
    kind: FaultKind,
    at: number,
    on: Connection | undefined,
    tell: () => { readonly text: string; readonly item?: string | undefined },
    { judged = true, items = 1 } = {},
  ): void {
    const told = () => {
      const { text, item } = tell();
      return {
        who: this.client.name,
        ...(on !== undefined && { connection: on.number }),
        ...(on?.replica !== undefined && { replica: on.replica }),
        ...(item !== undefined && { item }),
        text,
      };
    };
    this.#book.note(kind, at, judged, told, items);
  }
}
