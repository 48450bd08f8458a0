import { toError } from "../base/errors.js";
import type { DrainPorts } from "./ports.js";

/**
 * Waits for what was accepted to reach the journal, then closes what is open, in order; what fails keeps nothing after
 * it from being closed. Rejects with the error met, or an `AggregateError` of several.
 */
export async function release({ publishes, closables }: DrainPorts, signal: AbortSignal): Promise<void> {
  const errors: Error[] = [];
  const attempt = async (work: () => Promise<void> | void) => {
    try {
      if (!signal.aborted) await work();
    } catch (thrown) {
      errors.push(toError(thrown));
    }
  };
  await attempt(() => publishes.settle(signal));
  for (const closable of closables) await attempt(() => closable.close(signal));
  const [first] = errors;
  if (first === undefined) return;
  throw errors.length === 1 ? first : new AggregateError(errors, errors.map((error) => error.message).join("; "));
}
