import { LastcallError, toError } from "../base/errors.js";
import type { Id } from "../protocol/ids.js";
import type { Inbox } from "./inbox.js";
import type { CursorStore, Gap, Item } from "./options.js";

export interface ItemsOptions<T> {
  readonly inbox: Inbox;
  readonly parse: (data: unknown) => T;
  readonly onGap: ((gap: Gap) => void | PromiseLike<void>) | undefined;
  readonly store: CursorStore | undefined;
  /** The cursor after what the application has taken. */
  readonly onTaken: (cursor: Id) => void;
  /** The iteration cannot go on. */
  readonly onError: (error: Error) => void;
}

/**
 * Gives out what is in the inbox. An item counts as taken when the next one is asked for: one that the application was
 * given last and did not come back from is given again by the next client that has the cursor.
 */
export async function* itemsOf<T>(options: ItemsOptions<T>): AsyncGenerator<Item<T>, void, undefined> {
  const { inbox, parse, onGap } = options;
  const taken = async (cursor: Id) => {
    options.onTaken(cursor);
    await options.store?.save(cursor);
  };
  try {
    for (let entry = await inbox.take(); entry !== undefined; entry = await inbox.take()) {
      switch (entry.type) {
        case "item":
          yield { id: entry.id, at: entry.at, data: parse(entry.data) };
          await taken(entry.id);
          break;
        case "gap": {
          const { after, cursor, reason } = entry;
          if (onGap === undefined) throw gapError({ after, cursor, reason });
          await onGap({ after, cursor, reason });
          await taken(cursor);
          break;
        }
        case "cursor":
          await taken(entry.cursor);
          break;
      }
    }
  } catch (thrown) {
    options.onError(toError(thrown));
    throw thrown;
  }
}

function gapError(gap: Gap): LastcallError {
  const message = `items after ${gap.after} are gone (${gap.reason}); it goes on after ${gap.cursor}`;
  return new LastcallError("gap", message, { detail: { ...gap } });
}
