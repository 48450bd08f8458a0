// Preloaded into a service under test (`node --expose-gc --import`, with an IPC channel): on the message "heap" it
// collects all garbage and answers with what memory is left in use.
process.on("message", (message) => {
  if (message !== "heap") return;
  // Twice: what a finalizer frees, the second finds.
  globalThis.gc?.();
  globalThis.gc?.();
  process.send?.(process.memoryUsage());
});
process.channel?.unref();
