/**
 * Settles in the event loop's next turn. To be awaited between two pieces of work of which there may be many, and which
 * wait for nothing themselves: sockets, timers and other sessions get their turn in between.
 */
export function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
