/**
 * Lets those who ask at the same time share an answer. Whoever asks while an answer is under way shares the next one
 * with everybody else who does: that one is asked for only after it, so no answer is older than its question, and
 * however many ask at once, two calls serve them. A failure is shared like an answer, and not remembered.
 */
export function coalesced<T>(ask: () => Promise<T>): () => Promise<T> {
  let underWay: Promise<T> | undefined;
  let next: Promise<T> | undefined;

  const start = (): Promise<T> => {
    next = undefined;
    const answer = ask();
    const over = () => {
      if (underWay === answer) underWay = undefined;
    };
    underWay = answer;
    answer.then(over, over);
    return answer;
  };

  return () => {
    if (next !== undefined) return next;
    if (underWay === undefined) return start();
    next = underWay.then(start, start);
    return next;
  };
}
